//! `cargo xtask figures`: every number that the documentation quotes, measured here and now, as one flat JSON object.
//! Each source of figures is registered with the prefixes of its keys, so that `--only` runs no more than it needs.

mod boards;
mod device;
pub mod models;
pub mod protocols;
pub mod training;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::setup;
use models::Models;

/// Keys and values that a source found.
type Figures = Vec<(String, Value)>;

/// One way to get figures.
struct Source {
    /// All its keys begin with one of these.
    prefixes: &'static [&'static str],
    measure: fn(&mut Models) -> Outcome<Figures>,
}

const SOURCES: [Source; 12] = [
    Source { prefixes: &["rmse.u1."], measure: models::rmse },
    Source { prefixes: &["bytes.blob."], measure: models::blob_bytes },
    Source { prefixes: &["bytes.flash.", "bytes.ram.", "bytes.stack."], measure: boards::bytes },
    Source { prefixes: &["bytes.flash.device.", "bytes.ram.device."], measure: boards::device_bytes },
    Source { prefixes: &["instructions."], measure: boards::instructions },
    Source { prefixes: &["insn_per_mac."], measure: boards::per_mac },
    Source { prefixes: &["device.power_cuts", "device.fuzz_bytes", "device.mutated_frames"], measure: device::counted },
    Source {
        prefixes: &["device.qemu_resets", "device.board_frames", "device.soak_", "device.instructions."],
        measure: device::on_boards,
    },
    Source { prefixes: &["device.foldin_rmse_"], measure: device::fold_in },
    Source { prefixes: &["quality."], measure: models::quality },
    Source {
        prefixes: &[
            "rmse.ml",
            "recall10.",
            "mrr10.",
            "map10.",
            "coverage.",
            "mae.ml",
            "top10_overlap.ml",
            "item_bytes.ml",
            "mse.",
            "rmse.fastai",
            "n",
            "train.protocol",
        ],
        measure: protocols::quality,
    },
    Source { prefixes: &["train.vs_pytorch.", "train.scaling.", "train.peak_bytes."], measure: training::speed },
];

/// `cargo xtask figures [--out PATH] [--only PREFIX]`.
pub fn run(options: &Options) -> Outcome {
    let only = options.value("--only").unwrap_or("");
    let chosen: Vec<&Source> = SOURCES.iter().filter(|source| source.concerns(only)).collect();
    if chosen.is_empty() {
        let prefixes: Vec<&str> = SOURCES.iter().flat_map(|source| source.prefixes).copied().collect();
        return Err(Failure::usage(format!("no figure begins with {only:?}; they begin with {}", prefixes.join(", "))));
    }
    setup::set_up()?;
    let mut models = Models::default();
    let mut figures = BTreeMap::new();
    for source in chosen {
        figures.extend((source.measure)(&mut models)?.into_iter().filter(|(key, _)| key.starts_with(only)));
    }
    let text = format!("{:#}\n", json!(figures));
    match options.value("--out") {
        None => print!("{text}"),
        Some(path) => write(Path::new(path), &text)?,
    }
    Ok(())
}

impl Source {
    /// Whether it has keys that begin with `only`.
    fn concerns(&self, only: &str) -> bool {
        self.prefixes.iter().any(|prefix| prefix.starts_with(only) || only.starts_with(prefix))
    }
}

/// Writes beside the target and renames: a reader never sees half a file.
fn write(path: &Path, text: &str) -> Outcome {
    let beside = path.with_extension("partial");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| Failure::check(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_measured() {
        let concerned = |only: &str| SOURCES.iter().filter(|source| source.concerns(only)).count();
        assert_eq!(concerned(""), SOURCES.len());
        assert_eq!(concerned("bytes"), 3);
        assert_eq!(concerned("bytes.stack.microbit"), 1);
        assert_eq!(concerned("device.foldin_rmse_n0"), 1);
        assert_eq!(concerned("rmse.u1.float"), 1);
        assert_eq!(concerned("instructions.rank_62k_pq8"), 1);
        assert_eq!(concerned("flash"), 0);
    }
}
