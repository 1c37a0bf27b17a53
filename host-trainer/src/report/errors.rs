//! Errors on ratings: by the rating that was given, and by how often the item was rated in training.

use super::axis::Axis;
use super::html::{Table, grid, number, section, thousands};
use super::svg::Chart;
use crate::data::RatingScale;
use crate::metrics::Errors;

/// A rating, and what was predicted of it, clipped to the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    pub actual: f32,
    /// By the engine.
    pub blob: f32,
    /// By the float model, if there is one.
    pub float: Option<f32>,
    /// User and item bias.
    pub baseline: f32,
    /// Ratings of the item in training.
    pub popularity: u32,
}

/// What was measured on ratings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rated {
    /// Which ratings, for people.
    pub on: String,
    pub scale: RatingScale,
    pub predictions: Vec<Prediction>,
}

/// More distinct ratings than this are put together.
const MOST_BANDS: usize = 11;

/// Ratings that are shown together.
struct Band {
    name: String,
    count: u64,
    blob: Errors,
    float: Option<Errors>,
    baseline: Errors,
}

impl Band {
    fn of<'a>(name: String, predictions: impl IntoIterator<Item = &'a Prediction>) -> Option<Self> {
        let mut band = Self { name, count: 0, blob: Errors::default(), float: None, baseline: Errors::default() };
        for prediction in predictions {
            band.count += 1;
            band.blob.add(prediction.blob, prediction.actual);
            band.baseline.add(prediction.baseline, prediction.actual);
            if let Some(float) = prediction.float {
                band.float.get_or_insert_default().add(float, prediction.actual);
            }
        }
        (band.count > 0).then_some(band)
    }
}

impl Rated {
    /// Of the blob, the float model if there is one, and the baseline.
    pub fn errors(&self) -> (Errors, Option<Errors>, Errors) {
        Band::of(String::new(), &self.predictions)
            .map_or_else(Default::default, |band| (band.blob, band.float, band.baseline))
    }

    fn by_rating(&self) -> Vec<Band> {
        let mut distinct: Vec<f32> = self.predictions.iter().map(|p| p.actual).collect();
        distinct.sort_unstable_by(f32::total_cmp);
        distinct.dedup();
        if distinct.len() <= MOST_BANDS {
            let band =
                |value: &f32| Band::of(value.to_string(), self.predictions.iter().filter(|p| p.actual == *value));
            return distinct.iter().filter_map(band).collect();
        }
        let (low, high) = (distinct[0], distinct[distinct.len() - 1]);
        let share = |value: f32| (f64::from(value) - f64::from(low)) / (f64::from(high) - f64::from(low));
        let band_of = |value: f32| ((share(value) * 8.0) as usize).min(7);
        let name = |band: usize| {
            let end = |k: usize| f64::from(low) + (f64::from(high) - f64::from(low)) * k as f64 / 8.0;
            format!("{:.1}–{:.1}", end(band), end(band + 1))
        };
        let band = |k: usize| Band::of(name(k), self.predictions.iter().filter(|p| band_of(p.actual) == k));
        (0..8).filter_map(band).collect()
    }

    fn by_popularity(&self) -> Vec<Band> {
        let ends = [1, 5, 20, 50, 100, 200, 400, 1_000, 10_000, u32::MAX];
        let mut from = 0;
        let mut bands = Vec::new();
        for end in ends {
            let name = match (from, end) {
                (0, _) => "0".to_owned(),
                (_, u32::MAX) => format!("{from}+"),
                _ => format!("{from}–{}", end - 1),
            };
            bands.extend(Band::of(name, self.predictions.iter().filter(|p| (from..end).contains(&p.popularity))));
            from = end;
        }
        bands
    }
}

/// The section.
pub fn html(rated: &Rated) -> String {
    let by_rating = chart(
        &rated.by_rating(),
        "Error by rating",
        "rating given, stars",
        "Ratings far from the middle are the hard ones: whoever predicts the average is rarely far off in the middle.",
    );
    let by_popularity = chart(
        &rated.by_popularity(),
        "Error by item popularity",
        "ratings of the item in the training part",
        "What is known of an item grows with its ratings.",
    );
    let lead = format!(
        "RMSE on {} ({} ratings), beside what a user's and an item's average alone would predict. Predictions are clipped to the scale.",
        super::html::text(&rated.on),
        thousands(rated.predictions.len() as u64)
    );
    section("errors", "Where it errs", &lead, &grid(&[by_rating, by_popularity]))
}

fn chart(bands: &[Band], title: &str, x: &str, says: &str) -> String {
    let values = |errors: fn(&Band) -> &Errors| -> Vec<f64> { bands.iter().map(|band| errors(band).rmse()).collect() };
    let (blob, baseline) = (values(|band| &band.blob), values(|band| &band.baseline));
    let y = Axis::linear("RMSE, stars", blob.iter().chain(&baseline).copied().chain([0.0]));
    let mut chart = Chart::new(Axis::bands(x, bands.iter().map(|band| band.name.clone())), y);
    chart.bars(0, "blob, by the engine", (0, 2), &blob);
    chart.bars(1, "user + item bias", (1, 2), &baseline);
    let mut table = Table::new([x, "ratings", "blob", "float", "user + item bias"]);
    for band in bands {
        table.row([
            band.name.clone(),
            thousands(band.count),
            number(Some(band.blob.rmse()), 4),
            number(band.float.as_ref().map(Errors::rmse), 4),
            number(Some(band.baseline.rmse()), 4),
        ]);
    }
    let worst = bands.iter().max_by(|a, b| a.blob.rmse().total_cmp(&b.blob.rmse()));
    let worst = worst.map_or_else(String::new, |band| {
        format!(
            " Largest at {}: {:.2} stars, against {:.2} of the averages.",
            band.name,
            band.blob.rmse(),
            band.baseline.rmse()
        )
    });
    chart.figure(title, &format!("{says}{worst}"), &table.details())
}
