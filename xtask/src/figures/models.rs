//! Models and blobs for the figures: trained, quantised and evaluated by the command line itself, as a user would. What
//! takes long is kept under the target folder, in a folder named by a hash of what went in: the data and the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::Figures;
use crate::failure::{Failure, Outcome};
use crate::hash::Hash;
use crate::process::{capture, cargo, root, target_dir};

/// Both layouts, by the name that the command line and the keys use.
const LAYOUTS: [&str; 2] = ["folded", "concat"];

/// The encodings of item rows whose quality is measured, by the names that the command line uses.
const ENCODINGS: [&str; 4] = ["int8", "int4", "pq8", "pq16"];

/// MovieLens 100K beside the repository: its licence forbids putting it in.
const ML_100K: &str = "../shared/data/ml-100k";

/// What has been made so far.
#[derive(Default)]
pub struct Models {
    made: Option<Made>,
}

/// A trained model and where its blobs go.
struct Made {
    program: PathBuf,
    folder: PathBuf,
    /// `--data` and, where there is one, `--fold`.
    data: Vec<String>,
}

/// Whether MovieLens 100K is here.
fn has_ml_100k() -> bool {
    root().join(ML_100K).join("u1.base").is_file()
}

/// RMSE on u1.test of the float net and of both blobs, as `matchstick eval` prints it.
pub fn rmse(models: &mut Models) -> Outcome<Figures> {
    if !has_ml_100k() {
        eprintln!("figures: {ML_100K} is not here, so there are no rmse.u1 figures");
        return Ok(Vec::new());
    }
    let made = models.made()?;
    let mut figures = Figures::new();
    for layout in LAYOUTS {
        let report = made.evaluate(layout, "int8")?;
        figures.push(("rmse.u1.float".to_owned(), report["predictors"]["float"]["rmse"].clone()));
        figures.push((format!("rmse.u1.{layout}_int8"), report["predictors"]["blob"]["rmse"].clone()));
    }
    Ok(figures)
}

/// What each encoding of a folded net costs on u1.test: RMSE more than the float net's, and how much of its top-10 is left.
pub fn quality(models: &mut Models) -> Outcome<Figures> {
    if !has_ml_100k() {
        eprintln!("figures: {ML_100K} is not here, so there are no quality figures");
        return Ok(Vec::new());
    }
    let made = models.made()?;
    let mut figures = Figures::new();
    for encoding in ENCODINGS {
        let report = made.evaluate("folded", encoding)?;
        let rmse = |predictor: &str| report["predictors"][predictor]["rmse"].as_f64();
        let missing = || Failure::check(format!("`matchstick eval` printed no RMSE for {encoding}"));
        let cost = rmse("blob").zip(rmse("float")).map(|(blob, float)| blob - float).ok_or_else(missing)?;
        figures.push((format!("quality.{encoding}.rmse_cost"), json!((cost * 1e6).round() / 1e6)));
        figures.push((format!("quality.{encoding}.top10_overlap"), report["top10_overlap"].clone()));
    }
    Ok(figures)
}

/// Lengths of the blobs, with ids and titles and without titles.
pub fn blob_bytes(models: &mut Models) -> Outcome<Figures> {
    let mut figures = Figures::new();
    for layout in LAYOUTS {
        figures.push((format!("bytes.blob.{layout}_int8"), json!(models.blob(layout, true)?.len())));
        figures.push((format!("bytes.blob.{layout}_int8_without_titles"), json!(models.blob(layout, false)?.len())));
    }
    Ok(figures)
}

impl Models {
    /// A blob of the model: of u1.base, or of the synthetic data when MovieLens 100K is not here.
    pub fn blob(&mut self, layout: &str, titles: bool) -> Outcome<Vec<u8>> {
        let path = self.made()?.blob(layout, "int8", titles)?;
        std::fs::read(&path).map_err(|error| Failure::check(format!("{}: {error}", path.display())))
    }

    fn made(&mut self) -> Outcome<&Made> {
        if self.made.is_none() {
            self.made = Some(Made::new()?);
        }
        self.made.as_ref().ok_or_else(|| Failure::check("no model was made"))
    }
}

impl Made {
    /// Trains the plain net, unless this program has trained on this data before.
    fn new() -> Outcome<Made> {
        let program = build()?;
        let mut hash = Hash::default();
        hash.file(&program)?;
        let data = if has_ml_100k() {
            for name in ["u1.base", "u1.test", "u.item"] {
                hash.file(&root().join(ML_100K).join(name))?;
            }
            ["--data", ML_100K, "--fold", "u1"].map(str::to_owned).to_vec()
        } else {
            eprintln!("figures: {ML_100K} is not here; the figures are of the synthetic data");
            ["--data", "demo"].map(str::to_owned).to_vec()
        };
        let folder = target_dir().join("figures").join(hash.hex());
        std::fs::create_dir_all(&folder).map_err(|error| Failure::check(format!("{}: {error}", folder.display())))?;
        let made = Made { program, folder, data };
        if !made.model().is_file() {
            eprintln!("figures: training the plain net on {}", made.data.join(" "));
            made.call(&["train", "--recipe", "plain", "--out"], &made.model(), &made.data)?;
        }
        Ok(made)
    }

    fn model(&self) -> PathBuf {
        self.folder.join("model.safetensors")
    }

    fn blob(&self, layout: &str, encoding: &str, titles: bool) -> Outcome<PathBuf> {
        let titles = if titles { "all" } else { "none" };
        let path = self.folder.join(format!("{layout}-{encoding}-titles-{titles}.blob"));
        if !path.is_file() {
            let model = self.model().display().to_string();
            let options = ["--layout", layout, "--encoding", encoding, "--titles", titles].map(str::to_owned);
            let mut rest = vec![model];
            rest.extend(options);
            rest.extend(self.data.iter().cloned());
            self.call(&["quantize", "--out"], &path, &rest)?;
        }
        Ok(path)
    }

    /// What `matchstick eval` says of a blob on the test part of the fold.
    fn evaluate(&self, layout: &str, encoding: &str) -> Outcome<Value> {
        let blob = self.blob(layout, encoding, true)?;
        let mut rest = vec!["--model".to_owned(), self.model().display().to_string()];
        rest.extend(self.data.iter().cloned());
        self.call(&["eval", "--blob"], &blob, &rest)
    }

    /// One call of the command line. It prints JSON, an object a line; the last is the result.
    fn call(&self, command: &[&str], path: &Path, rest: &[String]) -> Outcome<Value> {
        let mut program = Command::new(&self.program);
        last_json(&capture(program.current_dir(root()).args(command).arg(path).args(rest).arg("--json"))?)
    }
}

/// What a command printed last, which is its result.
pub fn last_json(output: &str) -> Outcome<Value> {
    let result = output.lines().last().unwrap_or_default();
    serde_json::from_str(result).map_err(|error| Failure::check(format!("`matchstick` printed `{result}`: {error}")))
}

/// Builds the command line with the selection that `cargo test` at the root uses, so that Burn is not built again.
pub fn build() -> Outcome<PathBuf> {
    let messages = capture(cargo().args(["build", "--quiet", "--bin", "matchstick", "--message-format=json"]))?;
    executable(&messages).ok_or_else(|| Failure::check("cargo did not say where it put the program `matchstick`"))
}

/// The path in cargo's message about the program.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter(|message| message["target"]["name"] == "matchstick");
    programs.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"matchstick","kind":["lib"]},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"matchstick","kind":["bin"]},"executable":"/t/matchstick"}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/matchstick")));
        assert_eq!(executable("no json"), None);
    }
}
