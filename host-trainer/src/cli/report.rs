//! `matchstick report`: a page of pictures about a model or a blob.

mod missing;

use std::path::{Path, PathBuf};

use clap::Args;
use matchstick::Model;
use matchstick::blob::AlignedBytes;
use matchstick_trainer::data::{DataError, Dataset, Rating, Split};
use matchstick_trainer::evaluate::{EvaluateError, check_model};
use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use matchstick_trainer::quantize::report::layout_name;
use matchstick_trainer::report::history::History;
use matchstick_trainer::report::protocol::Results;
use matchstick_trainer::report::trade_off::Variant;
use matchstick_trainer::report::{Page, Ratings, ReportError, Subject, measure};
use matchstick_trainer::weights::{OutputForm, Weights, WeightsError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};
use super::data::{Loaded, Rows, ScaleError, check_scale};
use super::failure::{CommandError, DATA, OutputError, USAGE, UnwritableError};
use super::open::{self, BlobFile, OpenError};
use super::table::thousands;
use super::terminal::{Terminal, named};
use missing::missing;

/// Writes a page of pictures about a model or a blob: one HTML file that loads nothing
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  matchstick report model.safetensors --data ml-100k --fold u1 --out report.html\n  \
                  matchstick report model.blob --model model.safetensors --data ml-100k --fold u1 --out report.html\n  \
                  matchstick report net.safetensors --beside dot.safetensors --data ml-100k --fold u1 --out report.html\n  \
                  matchstick eval --protocol ml100k-u1-u5 --data ml-100k --json > u1-u5.json\n  \
                  matchstick report model.safetensors --protocol-results u1-u5.json --out report.html"
)]
pub struct ReportArgs {
    /// A model, as `matchstick train` or `matchstick import` wrote it, or a blob
    file: PathBuf,
    /// The page to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The model that the blob was made from: to compare with, and for its users
    #[arg(long, short, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Another model to put beside this one where costs are compared; may be given again
    #[arg(long, value_name = "FILE")]
    beside: Vec<PathBuf>,
    /// What `matchstick eval --protocol ... --json` printed; may be given again
    #[arg(long, value_name = "FILE")]
    protocol_results: Vec<PathBuf>,
    /// Ratings to measure errors on
    ///
    /// With --fold or --split, errors are those on the test part, and blobs are calibrated on the training part.
    #[arg(long, short, value_name = "DATA")]
    data: Option<String>,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Debug, Error, Diagnostic)]
pub enum ReportCommandError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("`{}` is neither a blob nor a safetensors file", path.display())]
    #[diagnostic(help("a report is about what `matchstick train`, `import` or `quantize` wrote"))]
    Neither { path: PathBuf },
    #[error("`{}` is a model already", path.display())]
    #[diagnostic(help("--model names the model of a blob; to compare two models, name the second with --beside"))]
    TwoModels { path: PathBuf },
    #[error("`{}` holds no table of users, so nobody in the data can be found in it", path.display())]
    #[diagnostic(help(
        "give the model that it was made from with --model model.safetensors, or quantise with --users all"
    ))]
    NoUsers { path: PathBuf },
    #[error("`{}` is no result of a protocol: {source}", path.display())]
    #[diagnostic(help("write one with `matchstick eval --protocol ml100k-u1-u5 --data ml-100k --json > u1-u5.json`"))]
    Protocol { path: PathBuf, source: serde_json::Error },
    #[error("{option} says how to read --data, and there is no --data")]
    #[diagnostic(help("name the ratings with --data, or leave {option} out"))]
    WithoutData { option: &'static str },
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scale(#[from] ScaleError),
    #[error("not one of the {items} items in `{data}` is in `{}`", path.display())]
    #[diagnostic(help("it was made from other data; `matchstick inspect` says from which"))]
    OtherItems { path: PathBuf, data: String, items: usize },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Engine(#[from] EvaluateError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for ReportCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::NoUsers { .. } | Self::TwoModels { .. } | Self::WithoutData { .. } => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &ReportArgs, terminal: &Terminal) -> Result<(), ReportCommandError> {
    let unwritable = UnwritableError::of(&args.out);
    if let (None, Some(option)) = (&args.data, args.split.given().or(args.columns.given())) {
        return Err(ReportCommandError::WithoutData { option });
    }
    check_writable(&args.out).map_err(unwritable)?;
    let files = [&args.file].into_iter().chain(&args.model).chain(&args.beside).chain(&args.protocol_results);
    check_not_input(&args.out, &files.map(PathBuf::as_path).collect::<Vec<_>>()).map_err(unwritable)?;
    let protocols = args.protocol_results.iter().map(|path| protocol(path)).collect::<Result<_, _>>()?;
    let opened = Opened::open(&args.file, args.model.as_deref())?;
    let beside: Vec<Weights> = args.beside.iter().map(|path| Weights::load(path)).collect::<Result<_, _>>()?;
    let loaded = match &args.data {
        None => None,
        Some(spec) => {
            let loaded = Loaded::open(spec, &args.columns, &args.split)?;
            let dataset = &loaded.dataset;
            check_not_input(&args.out, &[&dataset.path, &dataset.test_path]).map_err(unwritable)?;
            opened.check(dataset, &args.file)?;
            Some(loaded)
        }
    };
    let spinner = terminal.spinner("measuring, and drawing what was measured");
    let on = loaded.as_ref().map_or_else(String::new, on);
    let ratings = loaded.as_ref().map(|loaded| ratings(loaded, &on));
    let measured = measure(&opened.subject(ratings.as_ref()), ratings.as_ref())?;
    let mut others: Vec<Variant> = Vec::new();
    for (path, weights) in args.beside.iter().zip(&beside) {
        let other = Opened { name: name(path), weights: Some(weights.clone()), blob: None };
        if let Some(ratings) = &ratings {
            other.check(ratings.dataset, path)?;
        }
        others.extend(measure(&other.subject(ratings.as_ref()), ratings.as_ref())?.variants);
    }
    let page = Page {
        title: name(&args.file),
        about: opened.about()?,
        synthetic: opened.synthetic() || loaded.as_ref().is_some_and(|loaded| loaded.dataset.synthetic),
        history: opened.weights.as_ref().map(|weights| History::read(&weights.info)).unwrap_or_default(),
        measured,
        beside: others,
        protocols,
        missing: missing(args, &opened),
    };
    let html = page.html();
    write_atomically(&args.out, html.as_bytes()).map_err(unwritable)?;
    spinner.finish_and_clear();
    let sections = page.sections();
    let mut text =
        format!("wrote {} ({} bytes): {}\n", args.out.display(), thousands(html.len() as u64), sections.join(", "));
    page.missing.iter().for_each(|sentence| text.push_str(&format!("{sentence}\n")));
    terminal.result(
        &text,
        &json!({ "out": named(&args.out), "bytes": html.len(), "sections": sections, "missing": page.missing }),
    )?;
    Ok(())
}

/// The files that the page is about.
struct Opened {
    name: String,
    weights: Option<Weights>,
    blob: Option<AlignedBytes>,
}

impl Opened {
    fn open(file: &Path, model: Option<&Path>) -> Result<Self, ReportCommandError> {
        let bytes = open::read(file)?;
        if !open::is_blob(&bytes) {
            return match model {
                _ if !open::looks_like_safetensors(&bytes) => {
                    Err(ReportCommandError::Neither { path: file.to_owned() })
                }
                Some(_) => Err(ReportCommandError::TwoModels { path: file.to_owned() }),
                None => Ok(Self { name: name(file), weights: Some(Weights::load(file)?), blob: None }),
            };
        }
        let blob = BlobFile::new(file, &bytes)?;
        let weights = model.map(Weights::load).transpose()?;
        check_model(weights.as_ref(), &blob.model()?)?;
        Ok(Self { name: name(file), weights, blob: Some(blob.bytes().clone()) })
    }

    /// The engine has checked the bytes already.
    fn model(&self) -> Result<Option<Model<'_>>, EvaluateError> {
        Ok(self.blob.as_ref().and_then(|blob| Model::from_bytes(blob.as_slice()).ok()))
    }

    /// Whether these ratings can be measured with it.
    fn check(&self, dataset: &Dataset, path: &Path) -> Result<(), ReportCommandError> {
        let model = self.model()?;
        if self.weights.is_none() && model.as_ref().is_some_and(|model| model.user_rows() <= 1) {
            return Err(ReportCommandError::NoUsers { path: path.to_owned() });
        }
        let range = match (&self.weights, &model) {
            (Some(weights), _) => (weights.output != OutputForm::Score).then_some(weights.y_range),
            (None, Some(model)) => (model.output_form() != matchstick::blob::OutputForm::Score)
                .then(|| (model.lowest_rating().to_f64() as f32, model.highest_rating().to_f64() as f32)),
            (None, None) => None,
        };
        if let Some(range) = range {
            check_scale(dataset, range)?;
        }
        if self.rows(dataset).of(&dataset.ratings).iter().all(|rating| rating.item == 0) {
            let (data, items) = (dataset.name.clone(), dataset.n_items());
            return Err(ReportCommandError::OtherItems { path: path.to_owned(), data, items });
        }
        Ok(())
    }

    /// Which of its rows the ids of a data set are.
    fn rows(&self, dataset: &Dataset) -> Rows {
        if let Some(weights) = &self.weights {
            return Rows::new(dataset, &weights.user_ids, &weights.item_ids);
        }
        let ids = |names: Option<matchstick::blob::Strings<'_>>, rows: u32| -> Vec<String> {
            match names {
                Some(names) => names.iter().map(|(_, id)| id.to_owned()).collect(),
                None => (1..rows).map(|row| row.to_string()).collect(),
            }
        };
        match self.model() {
            Ok(Some(model)) => {
                let (users, items) = (model.user_rows(), model.item_rows());
                Rows::new(dataset, &ids(model.user_ids(), users), &ids(model.item_ids(), items))
            }
            _ => Rows::new(dataset, &[], &[]),
        }
    }

    fn subject(&self, ratings: Option<&Ratings<'_>>) -> Subject<'_> {
        let of = |part: fn(&Ratings<'_>) -> Vec<Rating>| {
            ratings.map_or_else(Vec::new, |ratings| self.rows(ratings.dataset).of(&part(ratings)))
        };
        Subject {
            name: self.name.clone(),
            weights: self.weights.as_ref(),
            blob: self.blob.clone(),
            pairs: of(|ratings| ratings.test.to_vec()),
            calibration: of(|ratings| ratings.train.to_vec()),
        }
    }

    fn synthetic(&self) -> bool {
        let in_blob = || self.model().ok().flatten().is_some_and(|model| model.head().name.contains("synthetic"));
        self.weights.as_ref().is_some_and(|weights| weights.info["data"]["synthetic"] == true) || in_blob()
    }

    /// What it is, in one line.
    fn about(&self) -> Result<String, ReportCommandError> {
        let mut about = match (self.model()?, &self.weights) {
            (Some(model), _) => {
                let head = model.head();
                let (name, revision, layout) = (head.name, head.revision, layout_name(head.layout));
                let items = thousands(u64::from(head.item_rows) - 1);
                format!("A blob: {name}, revision {revision}, {layout}, {items} items.")
            }
            (None, Some(weights)) => {
                let rows = |rows: usize| thousands(rows.saturating_sub(1) as u64);
                let (users, items) = (rows(weights.user_factors.rows), rows(weights.item_factors.rows));
                format!("A model of float weights: {users} users, {items} items, {}.", widths(weights))
            }
            (None, None) => String::new(),
        };
        if let Some(weights) = &self.weights {
            let data = &weights.info["data"];
            if let Some(name) = data["name"].as_str() {
                let fold = data["fold"].as_str().map_or_else(String::new, |fold| format!(", fold {fold}"));
                about.push_str(&format!(" Trained on {name}{fold}."));
            }
        }
        Ok(about)
    }
}

/// The shape of a model, in words.
fn widths(weights: &Weights) -> String {
    let hidden = weights.layers.len().saturating_sub(1);
    let hidden: Vec<String> = weights.layers.iter().take(hidden).map(|layer| layer.weight.rows.to_string()).collect();
    let net = (!hidden.is_empty()).then(|| format!("hidden units {}", hidden.join(", ")));
    let dot = weights.dot.is_some().then(|| format!("a dot term of {} values", weights.dot_width()));
    net.into_iter().chain(dot).collect::<Vec<_>>().join(", ")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn protocol(path: &Path) -> Result<Results, ReportCommandError> {
    let path = path.to_owned();
    Results::parse(&open::read(&path)?).map_err(|source| ReportCommandError::Protocol { path, source })
}

/// Without a split, everything is measured on what there is.
fn on(loaded: &Loaded) -> String {
    match loaded.split {
        Split::None => format!("all ratings of {}, those that it was trained on among them", loaded.dataset.name),
        _ => format!("{}, {}", loaded.dataset.name, loaded.test_name()),
    }
}

fn ratings<'a>(loaded: &'a Loaded, on: &'a str) -> Ratings<'a> {
    let test = if loaded.split == Split::None { loaded.train() } else { loaded.test() };
    Ratings { dataset: &loaded.dataset, train: loaded.train(), test, on }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use matchstick::blob::tiny;

    use super::*;

    #[derive(Parser, Debug)]
    struct Alone {
        #[command(flatten)]
        args: ReportArgs,
    }

    fn report(arguments: &[&Path]) -> Result<(), ReportCommandError> {
        let name = Path::new("report");
        let alone = Alone::try_parse_from([name].iter().chain(arguments).map(|argument| argument.as_os_str()))
            .expect("a good call");
        run(&alone.args, &Terminal::new(true))
    }

    #[test]
    fn a_blob_alone_makes_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let (blob, out) = (folder.path().join("a&b.blob"), folder.path().join("report.html"));
        std::fs::write(&blob, tiny::folded().as_slice()).unwrap();
        report(&[&blob, Path::new("--out"), &out]).unwrap();
        let page = std::fs::read_to_string(&out).unwrap();
        assert!(page.contains("<h1>a&amp;b.blob</h1>") && page.contains("id=\"flash\""));
        assert!(
            page.contains("add <code>--data<")
                && page.contains("<code>--model<")
                && page.contains("--protocol-results<")
        );
        assert!(!page.contains("id=\"agreement\""), "there is no model to compare with");
    }

    #[test]
    fn a_failure_says_what_to_do_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pytorch");
        let model = fixtures.join("collabnn.safetensors");
        std::fs::write(at("m.blob"), tiny::folded().as_slice()).unwrap();
        std::fs::write(at("ratings.csv"), "user,item,rating\n").unwrap();
        std::fs::write(at("empty"), "").unwrap();
        let (out, to, with) = (at("report.html"), Path::new("--out"), Path::new("--model"));
        let results = Path::new("--protocol-results");
        let calls: [(&[&Path], u8, &str); 7] = [
            (&[&at("none"), to, &out], DATA, "does not exist"),
            (&[&at("empty"), to, &out], DATA, "is empty"),
            (&[&at("ratings.csv"), to, &out], DATA, "neither a blob nor a safetensors file"),
            (&[&model, with, &model, to, &out], USAGE, "is a model already"),
            (&[&at("m.blob"), with, &model, to, &out], DATA, "don't belong together"),
            (&[&at("m.blob"), results, &at("ratings.csv"), to, &out], DATA, "no result of a protocol"),
            (&[&at("m.blob"), to, &at("missing/report.html")], DATA, "cannot write"),
        ];
        for (call, code, message) in calls {
            let error = report(call).expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.exit_code(), code, "{error}");
        }
        assert!(!out.exists());
    }

    #[test]
    fn an_input_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("m.blob");
        std::fs::write(&blob, tiny::folded().as_slice()).unwrap();
        let error = report(&[&blob, Path::new("--out"), &blob]).expect_err("it would be lost");
        assert!(error.to_string().contains("which would be lost"), "{error}");
        assert_eq!(std::fs::read(&blob).unwrap(), tiny::folded().as_slice());
    }
}
