//! Published protocols, trained, quantised and evaluated by `matchstick eval --protocol`. A result is kept under the target folder, in a file named by
//! a hash of the program and the data.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::Figures;
use super::models::{build, last_json};
use crate::failure::{Failure, Outcome};
use crate::hash::Hash;
use crate::process::{capture, root, target_dir};

/// A protocol, the data beside the repository that it runs on, and files that tell one version of it from another.
pub struct Protocol {
    pub name: &'static str,
    data: &'static str,
    files: &'static [&'static str],
}

const ML_100K: &str = "../shared/data/ml-100k";
const ML_LATEST_SMALL: &str = "../shared/data/ml-latest-small";

/// All of them.
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol { name: "ml100k-u1-u5", data: ML_100K, files: &["u.data", "u1.base", "u5.base", "u.item", "u.user"] },
    Protocol { name: "ml100k-ua-ub", data: ML_100K, files: &["u.data", "ua.base", "ub.base", "u.item", "u.user"] },
    Protocol { name: "ml-latest-small-5fold", data: ML_LATEST_SMALL, files: &["ratings.csv", "movies.csv"] },
    Protocol { name: "fastai-ch8", data: ML_100K, files: &["u.data", "u.item", "u.user"] },
    Protocol { name: "ms-recommenders", data: ML_100K, files: &["u.data", "u.item", "u.user"] },
    Protocol { name: "fold-in", data: ML_100K, files: &["u.data", "u.item", "u.user"] },
    Protocol { name: "fold-in-5fold", data: ML_100K, files: &["u.data", "u.item", "u.user"] },
];

impl Protocol {
    /// What `matchstick eval --protocol` found, and the seconds that it took when it was run; nothing where its data is missing.
    pub fn result(&self) -> Outcome<Option<Value>> {
        let data = root().join(self.data);
        if !data.join(self.files[0]).is_file() {
            eprintln!("figures: {} is not here, so there are no figures of {}", self.data, self.name);
            return Ok(None);
        }
        let program = build()?;
        let mut hash = Hash::default();
        hash.file(&program)?;
        for file in self.files {
            hash.file(&data.join(file))?;
        }
        let folder = target_dir().join("protocols");
        let kept: PathBuf = folder.join(format!("{}-{}.json", self.name, hash.hex()));
        let failed = |error: &dyn std::fmt::Display| Failure::check(format!("{}: {error}", kept.display()));
        if let Ok(text) = std::fs::read_to_string(&kept) {
            return serde_json::from_str(&text).map(Some).map_err(|error| failed(&error));
        }
        eprintln!("figures: running {}", self.name);
        let begin = Instant::now();
        let mut command = Command::new(&program);
        command.current_dir(root()).args(["eval", "--protocol", self.name, "--json", "--data"]).arg(&data);
        let mut result = last_json(&capture(&mut command)?)?;
        result["seconds"] = json!(begin.elapsed().as_secs());
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&kept, result.to_string()))
            .map_err(|error| failed(&error))?;
        Ok(Some(result))
    }
}

/// `rmse.<protocol>.<net|dot>.<encoding>` and the like: each value of each model's row of means.
pub fn quality(_: &mut super::Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for protocol in &PROTOCOLS {
        let Some(result) = protocol.result()? else { continue };
        for row in result["mean"].as_array().into_iter().flatten().filter(|row| row["model"] != "baseline") {
            let (model, variant) = (text(&row["model"]), text(&row["variant"]));
            for (measure, value) in row["values"].as_object().into_iter().flatten() {
                figures.push((format!("{measure}.{}.{model}.{variant}", protocol.name), rounded(value)));
            }
        }
        if protocol.name == "ml100k-u1-u5" {
            figures.push(("train.protocol_seconds".to_owned(), result["seconds"].clone()));
        }
    }
    Ok(figures)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rounded(value: &Value) -> Value {
    value.as_f64().map_or(Value::Null, |value| json!((value * 1e6).round() / 1e6))
}
