//! The page as a whole: well-formed, complete in itself, and whole whatever it is given.

use std::collections::BTreeMap;

use serde_json::json;

use super::agreement::Agreement;
use super::errors::{Prediction, Rated};
use super::flash::Flash;
use super::overlap::{Example, Overlap};
use super::*;
use crate::data::{Dataset, Rating, RatingScale};
use crate::weights::{DotFactors, Linear, Matrix, OutputForm, Weights};

const EVIL: &str = "<script>alert(\"1\")</script>&'\u{0}\u{7}";

/// Elements without an end tag, in HTML.
const VOID: [&str; 2] = ["meta", "br"];

/// Checks that tags are balanced, attributes quoted and distinct, ids unique, numbers in drawings finite, and that nothing is loaded.
fn check(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    let mut open: Vec<&str> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    let style = html.find("<style>").expect("a style")..html.find("</style>").expect("its end");
    assert!(!html[style.clone()].contains("url(") && !html[style.clone()].contains("@import"));
    let mut at = html.find("<html").expect("a root");
    while let Some(start) = html[at..].find('<').map(|offset| at + offset) {
        if style.contains(&start) && start > style.start {
            at = style.end;
            continue;
        }
        let end = start + html[start..].find('>').expect("a tag ends");
        let tag = &html[start + 1..end];
        at = end + 1;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "near {}", &html[start.saturating_sub(200)..end]);
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("a name");
        assert!(!["script", "img", "link", "iframe", "object", "a"].contains(&name), "{tag}");
        let attributes = attributes(tag.strip_prefix(name).expect("after the name").trim_end_matches('/'));
        for (key, value) in &attributes {
            assert!(!["href", "src", "xlink:href", "style", "onload", "onclick"].contains(&key.as_str()), "{tag}");
            let drawn = ["d", "x", "y", "cx", "cy", "r", "width", "height", "viewBox"].contains(&key.as_str());
            assert!(!drawn || !(value.contains("NaN") || value.contains("inf")), "{tag}");
        }
        ids.extend(attributes.get("id").cloned());
        let image = attributes.get("role").is_some_and(|role| role == "img");
        assert!(!image || attributes.get("aria-label").is_some_and(|label| label.len() > 20), "{tag}");
        if name == "svg" {
            assert!(image || attributes.contains_key("aria-hidden"), "a drawing says what it shows: {tag}");
        }
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids are unique");
    assert!(!html.contains("http://") && !html.contains("https://"), "an address that could be loaded");
    assert!(!html.contains("<script") && !html.contains('\u{0}') && !html.contains('\u{7}'));
    assert!(!html.contains(">NaN<") && !html.contains(">inf<"));
}

/// `key="value"` pairs.
fn attributes(mut text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while let Some((key, rest)) = text.trim_start().split_once('=') {
        let (value, rest) = rest.strip_prefix('"').expect("quoted").split_once('"').expect("a closing quote");
        assert!(found.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice");
        text = rest;
    }
    assert_eq!(text.trim(), "");
    found
}

/// A small net with ids and titles that would like to be HTML.
fn weights(users: usize, items: usize, output: OutputForm) -> Weights {
    let matrix = |rows: usize, cols: usize, salt: usize| {
        let value = |k: usize| ((k * 7919 + salt * 31) % 101) as f32 / 50.0 - 1.0;
        Matrix { rows, cols, data: (0..rows * cols).map(value).collect() }
    };
    let epochs = [(1, 1.2, Some(1.1)), (2, 0.9, None), (3, 0.8, Some(0.95))];
    let epochs: Vec<_> = epochs
        .iter()
        .map(|(epoch, train, held)| json!({ "epoch": epoch, "train_rmse": train, "validation_rmse": held }))
        .collect();
    Weights {
        user_factors: matrix(users + 1, 3, 1),
        item_factors: matrix(items + 1, 4, 2),
        layers: vec![
            Linear { weight: matrix(16, 7, 3), bias: vec![0.1; 16] },
            Linear { weight: matrix(1, 16, 4), bias: vec![0.2] },
        ],
        dot: None,
        history: None,
        learning: None,
        item_bias: Vec::new(),
        output,
        y_range: (0.0, 5.5),
        user_ids: (0..users).map(|user| format!("{user}{EVIL}")).collect(),
        item_ids: (0..items).map(|item| format!("{item}{EVIL}")).collect(),
        titles: (0..items).map(|item| format!("Film {item} {EVIL}")).collect(),
        info: json!({ "training": { "epochs": epochs, "kept_epoch": 3 }, "data": { "name": EVIL } }),
    }
}

fn dataset(users: u32, items: u32) -> Dataset {
    let rating = |user: u32, item: u32| {
        let value = 1.0 + ((user * 3 + item * 5) % 5) as f32;
        Rating { user, item, value, ..Rating::default() }
    };
    let ratings: Vec<Rating> = (1..=users).flat_map(|user| (1..=items).map(move |item| rating(user, item))).collect();
    Dataset {
        name: EVIL.into(),
        users: (0..users).map(|user| user.to_string()).collect(),
        items: (0..items).map(|item| item.to_string()).collect(),
        titles: Vec::new(),
        scale: RatingScale::infer(&ratings),
        ratings,
        implicit: false,
        test: None,
        fold: None,
        has_times: false,
        synthetic: true,
        path: "ratings.csv".into(),
        test_path: "".into(),
    }
}

fn results() -> Results {
    let json = json!({
        "protocol": EVIL,
        "measures": ["rmse", "item_bytes"],
        "mean": [
            { "model": "baseline", "variant": "item mean", "values": { "rmse": 1.02 } },
            { "model": "net", "variant": "int8", "values": { "rmse": 0.9, "item_bytes": 54.0 } },
            { "model": "dot", "variant": "int8", "values": { "rmse": null, "item_bytes": 14.0 } },
        ],
        "folds": [{ "fold": "u1", "rows": [{ "model": "net", "variant": "int8", "values": { "rmse": 0.91 } }] }],
        "peers": [{ "name": EVIL, "measure": "rmse", "value": 0.93, "source": EVIL }],
    });
    Results::parse(json.to_string().as_bytes()).expect("a protocol's results")
}

fn page(weights: &Weights, dataset: Option<&Dataset>) -> Page {
    let ratings = dataset.map(|dataset| Ratings { dataset, train: &dataset.ratings, test: &dataset.ratings, on: EVIL });
    let of = |dataset: Option<&Dataset>| dataset.map_or_else(Vec::new, |dataset| dataset.ratings.clone());
    let subject =
        Subject { name: EVIL.into(), weights: Some(weights), blob: None, pairs: of(dataset), calibration: of(dataset) };
    let measured = measure(&subject, ratings.as_ref()).expect("it can be quantised");
    Page {
        title: EVIL.into(),
        about: EVIL.into(),
        synthetic: true,
        history: History::read(&weights.info),
        measured,
        protocols: vec![results()],
        missing: vec![EVIL.into()],
        ..Page::default()
    }
}

const ALL: [&str; 8] = ["training", "errors", "calibration", "agreement", "overlap", "trade-off", "flash", "protocol"];

#[test]
fn a_page_has_every_section_and_nothing_of_a_file_is_html() {
    let (weights, dataset) = (weights(12, 30, OutputForm::SigmoidRange), dataset(12, 30));
    let page = page(&weights, Some(&dataset));
    assert_eq!(page.sections(), ALL);
    let html = page.html();
    check(&html);
    for id in ["training", "errors", "calibration", "agreement", "overlap", "trade-off", "flash"] {
        assert!(html.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"));
    assert!(html.contains("invented by a generator"));
    assert!(html.contains("<li>Film ") || html.contains("<li class=\"only\">Film "), "titles are shown");
    assert_eq!(html, page.html(), "the same input makes the same page");
}

#[test]
fn without_ratings_what_the_files_tell_is_shown() {
    let weights = weights(12, 30, OutputForm::SigmoidRange);
    let mut page = page(&weights, None);
    page.protocols.clear();
    assert_eq!(page.sections(), ["training", "agreement", "overlap", "trade-off", "flash"]);
    check(&page.html());
}

#[test]
fn a_dot_term_stands_beside_a_net() {
    let (net, dataset) = (weights(12, 30, OutputForm::SigmoidRange), dataset(12, 30));
    let factors = |rows: usize| Matrix { rows, cols: 10, data: (0..rows * 10).map(|k| (k % 7) as f32 / 7.0).collect() };
    let dot = Weights {
        user_factors: Matrix::zeros(13, 0),
        item_factors: Matrix::zeros(31, 0),
        layers: Vec::new(),
        dot: Some(DotFactors { users: factors(13), items: factors(31) }),
        item_bias: vec![0.5; 31],
        ..weights(12, 30, OutputForm::Linear)
    };
    let beside = page(&dot, Some(&dataset)).measured.variants;
    assert_eq!(
        beside.iter().map(|variant| (variant.kind, &variant.encoding[..])).collect::<Vec<_>>(),
        [("dot", "int8")]
    );
    let page = Page { beside, ..page(&net, Some(&dataset)) };
    let html = page.html();
    // Beside its marker a variant is called by its encoding, and in the sentence above by its kind too.
    assert!(html.contains(">int8</text>") && html.contains(">pq8</text>") && html.contains("dot, float"));
    assert!(html.contains("dot int8 ") && !html.contains(">dot int8</text>"));
    check(&html);
}

#[test]
fn a_score_is_no_rating() {
    let (weights, dataset) = (weights(12, 30, OutputForm::Score), dataset(12, 30));
    let page = page(&weights, Some(&dataset));
    assert!(page.measured.rated.is_none() && page.measured.variants.iter().all(|variant| variant.rmse.is_none()));
    let html = page.html();
    assert!(html.contains("units of the score"));
    check(&html);
}

#[test]
fn one_item_one_user_and_no_history() {
    let mut weights = weights(1, 1, OutputForm::SigmoidRange);
    weights.info = json!({ "training": { "epochs": [{ "epoch": "x" }, null, { "train_rmse": -1 }] } });
    let page = page(&weights, Some(&dataset(1, 1)));
    assert!(!page.sections().contains(&"training"));
    check(&page.html());
}

#[test]
fn the_same_prediction_for_everybody() {
    let mut weights = weights(12, 30, OutputForm::SigmoidRange);
    weights.layers[1].weight.data.fill(0.0);
    let page = page(&weights, Some(&dataset(12, 30)));
    assert_eq!(page.sections(), ALL);
    check(&page.html());
}

#[test]
fn nothing_at_all_is_still_a_page() {
    let page = Page::default();
    assert!(page.sections().is_empty());
    check(&page.html());
    check(
        &Page {
            history: History::read(&json!({ "training": { "epochs": [{ "epoch": 1, "train_rmse": 0.0 }] } })),
            measured: Measured {
                rated: Some(Rated { on: String::new(), scale: RatingScale::infer(&[]), predictions: Vec::new() }),
                agreement: Some(Agreement::default()),
                overlap: Some(Overlap::default()),
                flash: Some(Flash { blob: String::new(), regions: Vec::new(), items: 0 }),
                variants: vec![Variant::default(), Variant::default()],
            },
            protocols: vec![Results {
                protocol: String::new(),
                measures: Vec::new(),
                mean: Vec::new(),
                folds: Vec::new(),
                peers: Vec::new(),
            }],
            ..Page::default()
        }
        .html(),
    );
}

#[test]
fn predictions_that_are_no_numbers_draw_nothing() {
    let prediction = |blob: f32| Prediction { actual: 3.0, blob, float: Some(blob), baseline: 3.0, popularity: 0 };
    let predictions = [f32::NAN, f32::INFINITY, 3.0].map(prediction).to_vec();
    let scale = RatingScale { min: 1.0, max: 5.0, step: 1.0 };
    let pairs = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (2.0, 2.0)];
    let example = Example { user: EVIL.into(), float: vec![EVIL.into()], blob: Vec::new() };
    let page = Page {
        measured: Measured {
            rated: Some(Rated { on: String::new(), scale, predictions }),
            agreement: Some(Agreement { pairs, ..Agreement::default() }),
            overlap: Some(Overlap { shares: vec![1.0, 0.0], example: Some(example), ..Overlap::default() }),
            ..Measured::default()
        },
        ..Page::default()
    };
    check(&page.html());
}

#[test]
fn a_continuous_scale_is_shown_in_eighths() {
    let prediction = |k: u16| {
        let actual = f32::from(k) / 10.0;
        Prediction { actual, blob: actual, float: None, baseline: 3.0, popularity: u32::from(k) }
    };
    let rated = Rated {
        on: "test".into(),
        scale: RatingScale { min: 0.0, max: 10.0, step: 0.5 },
        predictions: (0..=100).map(prediction).collect(),
    };
    let html = errors::html(&rated);
    assert!(html.contains("0.0–1.2") && html.contains("8.8–10.0"), "{html}");
}

#[test]
fn new_users_are_a_line() {
    let json = json!({
        "protocol": "fold-in",
        "measures": ["n0", "n1", "n10"],
        "mean": [{ "model": "net", "variant": "int8", "values": { "n0": 1.0, "n1": 0.98, "n10": 0.93 } }],
    });
    let results = Results::parse(json.to_string().as_bytes()).expect("results");
    let html = protocol::html(&results);
    assert!(html.contains("known ratings of a new user") && html.contains("RMSE after 10"), "{html}");
    for wrong in ["", "[]", "{}", "{\"protocol\":1}"] {
        assert!(Results::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
