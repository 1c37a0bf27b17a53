//! `--objective ranking`: who touched what, not how it was rated. The model is a dot term in closed form (see [`crate::ranking`]).

use super::config::TrainConfig;
use super::error::TrainError;
use super::progress::{End, Event, Observer};
use super::{Outcome, hold_out};
use crate::data::{Dataset, Rating};
use crate::ranking::{self, Progress, RankingConfig, Stage};
use std::sync::atomic::AtomicBool;

/// Fits to what is not held out. There are no epochs to choose among.
pub fn fit(
    dataset: &Dataset,
    ratings: &[Rating],
    config: &TrainConfig,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    config.check()?;
    let (training, _) = hold_out(ratings, config)?;
    let settings = RankingConfig { rank: config.rank, seed: config.seed, ..RankingConfig::default() };
    let progress = |Progress { stage, done, total }: Progress| {
        let stage = match stage {
            Stage::Ease => "EASE",
            Stage::Ials => "iALS",
            Stage::Truncation => "truncation",
        };
        observer.notice(&Event::Stage { stage, done, total });
    };
    let model = ranking::fit(dataset, &training, &settings, stop, progress)?;
    let weights = model.into_weights(dataset, &training);
    Ok(Outcome { weights, taught: None, history: Vec::new(), kept: 0, end: End::AllEpochs })
}
