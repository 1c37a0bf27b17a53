//! What is chosen for a number of bytes.

use super::*;
use crate::quantize::budget::{Wanted, choose, least_bytes};

fn anything() -> QuantizeOptions {
    options(Layout::Folded, StoredUsers::None)
}

#[test]
fn the_least_size_is_nearly_the_size() {
    let mut random = Random(41);
    for round in 0..20 {
        let mut weights = random.net();
        if round % 5 == 0 {
            weights.layers.clear();
            weights.dot = Some(crate::weights::DotFactors {
                users: random.matrix(weights.user_factors.rows, 5, 1.0),
                items: random.matrix(weights.item_factors.rows, 5, 1.0),
            });
            weights.user_factors = Matrix::zeros(weights.user_factors.rows, 0);
            weights.item_factors = Matrix::zeros(weights.item_factors.rows, 0);
        }
        for (layout, encoding) in
            [(Layout::Folded, Encoding::Int4), (Layout::Concat, Encoding::Pq(1)), (Layout::Folded, Encoding::Pq(1))]
        {
            let users = if round % 2 == 0 { StoredUsers::All } else { StoredUsers::None };
            let options = QuantizeOptions { encoding, ..options(layout, users) };
            let (blob, _) = quantize(&weights, &options, None).expect("a net");
            let options = if round % 5 == 0 {
                QuantizeOptions { layout: Layout::Dot, encoding: Encoding::Int8, ..options }
            } else {
                options
            };
            let least = least_bytes(&weights, &options).expect("a net");
            let actual = blob.as_slice().len();
            assert!(least <= actual && actual <= least + 64, "{least} {actual}");
        }
    }
}

#[test]
fn what_is_chosen_fits_and_is_marked() {
    let mut random = Random(42);
    let weights = random.net();
    let (whole, _, choice) = choose(&weights, &anything(), Wanted::default(), usize::MAX, None).expect("fits");
    assert_eq!(choice.candidates.iter().filter(|candidate| candidate.chosen).count(), 1);
    assert!(choice.candidates.iter().all(|candidate| candidate.fits && candidate.comparison.is_some()));
    let smallest = choice.candidates.iter().map(|candidate| candidate.total_bytes).min().expect("some");
    let (small, report, choice) = choose(&weights, &anything(), Wanted::default(), smallest, None).expect("fits");
    assert!(small.as_slice().len() <= smallest && smallest <= whole.as_slice().len());
    assert_eq!(report.total_bytes, small.as_slice().len());
    assert!(choice.candidates.iter().all(|candidate| candidate.fits == candidate.comparison.is_some()));
    let wanted = Wanted { layout: Some(Layout::Concat), encoding: Some(Encoding::Int4) };
    let (_, report, choice) = choose(&weights, &anything(), wanted, usize::MAX, None).expect("fits");
    assert_eq!((report.layout, report.encoding, choice.candidates.len()), ("concat", Encoding::Int4, 1));
}

#[test]
fn when_nothing_fits_it_says_what_would() {
    let weights = Random(43).net();
    let options = options(Layout::Folded, StoredUsers::All);
    let QuantizeError::Budget(error) = choose(&weights, &options, Wanted::default(), 100, None).expect_err("100 bytes")
    else {
        panic!("another error")
    };
    assert!(error.users > 0 && error.titles > 0 && error.smallest > 100);
    let (blob, ..) = choose(&weights, &options, Wanted::default(), error.smallest + 64, None).expect("said so");
    assert!(blob.as_slice().len() <= error.smallest + 64);
    let help = miette::Diagnostic::help(&*error).expect("advice").to_string();
    assert!(help.contains("--users none") && help.contains("--titles none"), "{help}");
}
