//! `matchstick quantize`: from a model of floats to a blob of integers, and a report of what that cost.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use matchstick::blob::Layout;
use matchstick_trainer::data::DataError;
use matchstick_trainer::files::{check_not_input, check_writable, write_atomically};
use matchstick_trainer::quantize::budget::{Choice, Wanted, choose};
use matchstick_trainer::quantize::{Encoding, QuantizeError, QuantizeOptions, StoredUsers, quantize};
use matchstick_trainer::signing::{Key, KeyError, signature_path};
use matchstick_trainer::weights::{Weights, WeightsError};
use miette::Diagnostic;
use serde_json::json;
use thiserror::Error;

use super::args::{ColumnArgs, SplitArgs};
use super::data::{Loaded, Rows, ScaleError, check_scale};
use super::failure::{CommandError, DATA, OutputError, USAGE, UnwritableError};
use super::table::{Table, thousands};
use super::terminal::{Terminal, named};

/// Makes a blob for the chip out of a model, and reports what that cost
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick quantize model.safetensors --out model.blob\n  \
                        matchstick quantize model.safetensors --out model.blob --data ml-100k --fold u1\n  \
                        matchstick quantize model.safetensors --out small.blob --data ml-100k --fold u1 --budget 96KiB\n  \
                        matchstick quantize model.safetensors --out all.blob --layout concat --users all")]
pub struct QuantizeArgs {
    /// The model, as `matchstick train` or PyTorch wrote it
    model: PathBuf,
    /// The blob to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// How user and item meet: `folded` applies the first layer beforehand, `concat` keeps it [default: folded]
    #[arg(long, value_enum)]
    layout: Option<LayoutArg>,
    /// How item rows are stored: int8, int4, pq8, pq16, or pq:M with M bytes a row [default: int8]
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<Encoding>,
    /// Tries what fits into so many bytes, prints a table, and writes the best; --layout and --encoding narrow it
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    budget: Option<usize>,
    /// Whether the people in the training data go along: their tastes, about 100 bytes each
    #[arg(long, value_enum, default_value_t = NoneOrAll::None)]
    users: NoneOrAll,
    /// Whether the items' titles go along
    #[arg(long, value_enum, default_value_t = NoneOrAll::All)]
    titles: NoneOrAll,
    /// Also writes the maker's signature, for devices that take no model without: FILE.sig, made with this key (matchstick keygen)
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Leave out what a device learns its owner's taste from
    #[arg(long)]
    no_learning: bool,
    /// What the model calls itself [default: the name of the data it was trained on]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Your version of this model
    #[arg(long, value_name = "N", default_value_t = 1)]
    revision: u32,
    /// Ratings to calibrate on and to compare with; without, the model's own tables serve
    ///
    /// Of a set that is divided (--fold, --split) only the training part is used.
    #[arg(long, short, value_name = "DATA")]
    data: Option<String>,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl QuantizeArgs {
    /// An option that was given and says nothing of a model without a net.
    fn about_a_net(&self) -> Option<&'static str> {
        self.layout.map(|_| "--layout").or(self.encoding.map(|_| "--encoding"))
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutArg {
    Folded,
    Concat,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoneOrAll {
    None,
    All,
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Folded => Self::Folded,
            LayoutArg::Concat => Self::Concat,
        }
    }
}

#[derive(Debug, Error, Diagnostic)]
pub enum QuantizeCommandError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Scale(#[from] ScaleError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantize(#[from] QuantizeError),
    #[error("no rating in `{data}` is of a user and an item that `{}` knows", path.display())]
    #[diagnostic(help("calibrate on the data that the model was trained on, or leave --data out"))]
    OtherData { data: String, path: PathBuf },
    #[error("{option} says how to read --data, and there is no --data")]
    #[diagnostic(help("name the ratings with --data, or leave {option} out: the model's own tables serve"))]
    WithoutData { option: &'static str },
    #[error("{option} is about a net, and `{}` is a dot product alone, of which there is one form: int8 rows", path.display())]
    #[diagnostic(help("leave {option} out"))]
    DotAlone { option: &'static str, path: PathBuf },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] UnwritableError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for QuantizeCommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Data(error) => error.exit_code(),
            Self::WithoutData { .. } | Self::DotAlone { .. } => USAGE,
            _ => DATA,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &QuantizeArgs, terminal: &Terminal) -> Result<(), QuantizeCommandError> {
    let unwritable = UnwritableError::of(&args.out);
    if let (None, Some(option)) = (&args.data, args.split.given().or(args.columns.given())) {
        return Err(QuantizeCommandError::WithoutData { option });
    }
    check_writable(&args.out).map_err(unwritable)?;
    check_not_input(&args.out, &[&args.model]).map_err(unwritable)?;
    let key = args.sign.as_deref().map(Key::read).transpose()?;
    let signature = signature_path(&args.out);
    if let Some(sign) = &args.sign {
        check_not_input(&args.out, &[sign]).map_err(unwritable)?;
        check_writable(&signature).map_err(UnwritableError::of(&signature))?;
    }
    let weights = Weights::load(&args.model)?;
    if let (true, Some(option)) = (weights.layers.is_empty(), args.about_a_net()) {
        return Err(QuantizeCommandError::DotAlone { option, path: args.model.clone() });
    }
    let ratings = match &args.data {
        None => None,
        Some(spec) => {
            let loaded = Loaded::open(spec, &args.columns, &args.split)?;
            check_not_input(&args.out, &[&loaded.dataset.path, &loaded.dataset.test_path]).map_err(unwritable)?;
            check_scale(&loaded.dataset, weights.y_range)?;
            let ratings = Rows::new(&loaded.dataset, &weights.user_ids, &weights.item_ids).of(loaded.train());
            if ratings.iter().all(|rating| rating.user == 0 || rating.item == 0) {
                return Err(QuantizeCommandError::OtherData { data: spec.clone(), path: args.model.clone() });
            }
            Some(ratings)
        }
    };
    let options = QuantizeOptions {
        layout: args.layout.map_or(Layout::Folded, Into::into),
        encoding: args.encoding.unwrap_or_default(),
        users: if args.users == NoneOrAll::All { StoredUsers::All } else { StoredUsers::None },
        titles: args.titles == NoneOrAll::All,
        learning: !args.no_learning,
        name: args.name.clone().unwrap_or_else(|| name_of(&weights)),
        revision: args.revision,
    };
    let spinner = terminal.spinner("quantising, and comparing the blob with the model");
    let (blob, report, choice) = match args.budget {
        None => {
            let (blob, report) = quantize(&weights, &options, ratings.as_deref())?;
            (blob, report, None)
        }
        Some(budget) => {
            let wanted = Wanted { layout: args.layout.map(Into::into), encoding: args.encoding };
            let (blob, report, choice) = choose(&weights, &options, wanted, budget, ratings.as_deref())?;
            (blob, report, Some(choice))
        }
    };
    write_atomically(&args.out, &blob).map_err(unwritable)?;
    if let Some(key) = &key {
        write_atomically(&signature, &key.sign(&blob)).map_err(UnwritableError::of(&signature))?;
    }
    spinner.finish_and_clear();
    let table = choice.as_ref().map_or_else(String::new, |choice| table_of(choice, terminal));
    let mut text = format!("{table}{report}\n\nwrote {} ({} bytes)\n", args.out.display(), blob.len());
    let mut json = json!({ "out": named(&args.out), "report": report });
    if key.is_some() {
        text.push_str(&format!("wrote {}\n", signature.display()));
        json["signature"] = json!(named(&signature));
    } else if signature.exists() {
        text.push_str(&format!("{} is of another blob: sign this one with --sign\n", signature.display()));
    }
    if let Some(choice) = choice {
        json["choice"] = json!(choice);
    }
    terminal.result(&text, &json)?;
    Ok(())
}

/// What was tried, and what came of it.
fn table_of(choice: &Choice, terminal: &Terminal) -> String {
    let budget = thousands(choice.budget_bytes as u64);
    let mut table = Table::new()
        .text("rows")
        .text("layout")
        .number("blob bytes")
        .number("bytes an item")
        .number("RMSE")
        .number("top-10 overlap")
        .text("");
    for candidate in &choice.candidates {
        let measured = candidate.comparison;
        let rmse = measured.and_then(|measured| measured.fixed).map(|fixed| format!("{:.4}", fixed.rmse));
        let overlap = measured.map(|measured| format!("{:.3}", measured.top10_overlap));
        let verdict = match (candidate.chosen, candidate.fits) {
            (true, _) => "chosen",
            (false, true) => "fits",
            (false, false) => "too large",
        };
        table.row([
            candidate.encoding.to_string(),
            candidate.layout.to_owned(),
            thousands(candidate.total_bytes as u64),
            candidate.item_bytes.to_string(),
            rmse.unwrap_or_else(|| "-".to_owned()),
            overlap.unwrap_or_else(|| "-".to_owned()),
            verdict.to_owned(),
        ]);
    }
    format!("{}\n\n{}\n", terminal.bold(&format!("What fits {budget} bytes")), table.render(terminal.width()))
}

/// Bytes: `200000`, `256KiB`, `1.5MiB`, `64kB`.
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        _ => return Err("give bytes, as in 200000, 256KiB, 1.5MiB or 64kB".to_owned()),
    };
    match number.parse::<f64>() {
        Ok(number) if (1.0..=f64::from(u32::MAX)).contains(&(number * factor)) => Ok((number * factor) as usize),
        _ => Err("give a number of bytes between 1 and 4 GiB".to_owned()),
    }
}

/// The name of the data that the model was trained on. Synthetic data is always called that.
pub fn name_of(weights: &Weights) -> String {
    let data = &weights.info["data"];
    let name = data["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("model");
    if data["synthetic"] == true && !name.contains("synthetic") {
        format!("{name} (synthetic)")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;
    use matchstick_trainer::weights::{Linear, Matrix, OutputForm, Weights};

    use super::{QuantizeCommandError, parse_size, run};
    use crate::cli::failure::{CommandError, USAGE};
    use crate::cli::terminal::Terminal;
    use crate::cli::{Cli, Command};

    /// Quantises a net of two users and three items in `folder`.
    fn quantize(folder: &tempfile::TempDir, out: OsString, more: &[&str]) -> Result<(), QuantizeCommandError> {
        let layer = |outputs, inputs| Linear { weight: Matrix::zeros(outputs, inputs), bias: vec![0.5; outputs] };
        let weights = Weights {
            user_factors: Matrix::zeros(3, 2),
            item_factors: Matrix::zeros(4, 2),
            layers: vec![layer(5, 4), layer(1, 5)],
            dot: None,
            history: None,
            learning: None,
            item_bias: Vec::new(),
            output: OutputForm::default(),
            y_range: (0.0, 5.5),
            user_ids: ["a", "b"].map(String::from).to_vec(),
            item_ids: ["x", "y", "z"].map(String::from).to_vec(),
            titles: Vec::new(),
            info: serde_json::Value::Null,
        };
        let model = folder.path().join("model.safetensors");
        weights.save(&model).unwrap();
        let mut call: Vec<OsString> = ["matchstick", "quantize", "--out"].map(OsString::from).to_vec();
        call.extend([folder.path().join(out).into_os_string(), model.into_os_string()]);
        call.extend(more.iter().map(OsString::from));
        match Cli::try_parse_from(call).unwrap().command {
            Command::Quantize(args) => run(&args, &Terminal::new(true)),
            other => unreachable!("{other:?}"),
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_need_not_be_utf8() {
        use std::os::unix::ffi::OsStringExt;
        let folder = tempfile::tempdir().unwrap();
        let out = OsString::from_vec(b"caf\xe9.blob".to_vec());
        quantize(&folder, out.clone(), &[]).unwrap();
        assert!(folder.path().join(out).is_file());
    }

    #[test]
    fn options_about_data_need_data() {
        let folder = tempfile::tempdir().unwrap();
        for (option, value) in [("--fold", "u1"), ("--split", "random:.2"), ("--rating-col", "3")] {
            let error = quantize(&folder, "out.blob".into(), &[option, value]).unwrap_err();
            assert!(matches!(error, QuantizeCommandError::WithoutData { option: named } if named == option), "{error}");
            assert_eq!(error.exit_code(), USAGE);
        }
        assert!(!folder.path().join("out.blob").exists());
    }

    #[test]
    fn rank_reads_no_ratings_that_it_does_not_use() {
        let call = ["matchstick", "rank", "--blob", "b", "--user", "1", "--data", "demo"];
        assert!(Cli::try_parse_from(call).is_err());
        assert!(Cli::try_parse_from(call.into_iter().chain(["--exclude-seen"])).is_ok());
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        let sizes = ["200000", "256KiB", "1.5MiB", "64kB", "64 k", "1B"].map(parse_size);
        assert_eq!(sizes, [200_000, 262_144, 1_572_864, 64_000, 65_536, 1].map(Ok));
        for wrong in ["", "KiB", "-1", "0", "9GiB", "1.2.3", "5000MiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
