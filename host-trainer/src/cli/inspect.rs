//! `matchstick inspect`: what is in a blob, or in a file of weights. It changes nothing and computes no score.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use matchstick::Model;
use matchstick::blob::{self, Head, Layout, Quality};
use matchstick::learn::Learner;
use matchstick_trainer::quantize::Encoding;
use matchstick_trainer::quantize::report::{form_name, layout_name};
use matchstick_trainer::report::flash::regions;
use matchstick_trainer::weights::{OutputForm, Weights, WeightsError};
use miette::Diagnostic;
use serde_json::{Value, json};
use thiserror::Error;

use super::failure::{CommandError, OutputError};
use super::open::{self, BlobFile, OpenError};
use super::table::{Table, bar, thousands};
use super::terminal::Terminal;

/// Shows what is in a blob or in a model: dimensions, a map of the flash, measured quality, what it supports
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  matchstick inspect model.blob\n  matchstick inspect model.safetensors --json")]
pub struct InspectArgs {
    /// A blob or a safetensors file
    file: PathBuf,
}

#[derive(Debug, Error, Diagnostic)]
pub enum InspectError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error("`{}` is neither a blob nor a safetensors file", path.display())]
    #[diagnostic(help("a blob begins with MATCHSTK; ratings are read by `matchstick train --data`"))]
    Neither { path: PathBuf },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Output(#[from] OutputError),
}

impl CommandError for InspectError {
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_broken_pipe())
    }
}

pub fn run(args: &InspectArgs, terminal: &Terminal) -> Result<(), InspectError> {
    let bytes = open::read(&args.file)?;
    if open::is_blob(&bytes) {
        let blob = BlobFile::new(&args.file, &bytes)?;
        let model = blob.model()?;
        terminal.result(&blob_text(&blob.name(), &model, terminal), &blob_json(&model))?;
        return Ok(());
    }
    if !open::looks_like_safetensors(&bytes) {
        return Err(InspectError::Neither { path: args.file.clone() });
    }
    let weights = Weights::load(&args.file)?;
    terminal.result(
        &weights_text(&args.file.display().to_string(), bytes.len(), &weights, terminal),
        &weights_json(bytes.len(), &weights),
    )?;
    Ok(())
}

/// Width of every hidden layer, the first one first.
fn hidden_widths(head: &Head<'_>) -> Vec<u16> {
    std::iter::once(head.first_width).chain(head.layers.iter().map(|layer| layer.outputs)).collect()
}

fn blob_text(file: &str, model: &Model<'_>, terminal: &Terminal) -> String {
    let head = model.head();
    let mut facts = Table::new().text("").text("");
    facts.row(["model", &format!("{}, revision {}", head.name, head.revision)]);
    facts.row(["layout", &rows_text(head)]);
    let widths: Vec<String> = hidden_widths(head).iter().map(u16::to_string).collect();
    facts.row([
        "net",
        &format!("user {}, item {}, hidden {}, out 1", head.user_width, head.item_width, widths.join(", ")),
    ]);
    facts.row(["items", &format!("{} and the unknown one", thousands(u64::from(head.item_rows) - 1))]);
    let users = match head.user_rows {
        1 => "none stored: give a vector, or a model with --model".to_owned(),
        rows => format!("{} and the unknown one", thousands(u64::from(rows) - 1)),
    };
    facts.row(["users", &users]);
    let (low, high) = (model.lowest_rating().to_f64(), model.highest_rating().to_f64());
    let is_score = model.output_form() == blob::OutputForm::Score;
    facts.row(["ratings", &ratings_text(form_name(model.output_form()), (!is_score).then_some((low, high)))]);
    facts.row(["logit", &format!("32 bits, {} of them fraction", head.logit_fraction_bits)]);
    facts.row(["memory", &memory_text(model)]);
    let near = model.near_bytes();
    let near = format!(
        "{} bytes and two blocks (`[Line; {}]`), if the items lie in a flash chip of their own",
        thousands(near as u64),
        near.div_ceil(16)
    );
    facts.row(["", &near]);
    facts.row(["quality", &quality_text(&head.quality)]);
    facts.row(["supports", &supports(model).join(", ")]);

    let total = model.bytes().len();
    let mut map = Table::new().text("flash").number("offset").number("bytes").text("");
    let regions = regions(model);
    let largest = regions.iter().map(|region| region.bytes).max().unwrap_or(1);
    for region in &regions {
        let bar = bar(region.bytes as f64, largest as f64, 30);
        map.row([region.name.to_owned(), format!("{:#08x}", region.offset), thousands(region.bytes as u64), bar]);
    }
    map.row(["total".to_owned(), String::new(), thousands(total as u64), String::new()]);
    let title = terminal.bold(&format!("{file}: a blob of {} bytes, format version 1", thousands(total as u64)));
    format!("{title}\n\n{}\n{}", facts.render(terminal.width()), map.render(terminal.width()))
}

/// The layout, and how item rows are stored.
fn rows_text(head: &Head<'_>) -> String {
    let mut text = layout_name(head.layout).to_owned();
    if head.layout != Layout::Dot {
        let _ = write!(text, ", {} item rows of {} bytes", Encoding::from(head.item_encoding), head.item_row_bytes());
    }
    if head.dot_width > 0 {
        let _ = write!(text, ", dot term of {} values", head.dot_width);
    }
    text
}

/// What is shown for a logit, and between which ends.
fn ratings_text(form: &str, range: Option<(f64, f64)>) -> String {
    match range {
        Some((low, high)) => format!("between {low} and {high}, {form}"),
        None => "none: scores, which order items".to_owned(),
    }
}

/// What the caller of the engine has to set aside.
fn memory_text(model: &Model<'_>) -> String {
    let capacity = model.required_capacity();
    match model.table_words() {
        0 => format!("{capacity} units to score (`Memory<{capacity}>`)"),
        words => {
            format!(
                "{capacity} units to score (`Memory<{capacity}>`), by score tables {} bytes (`Memory<{capacity}, {words}>`)",
                thousands(4 * words as u64)
            )
        }
    }
}

fn quality_text(quality: &Quality) -> String {
    let Quality { pairs, float_rmse, fixed_rmse, overlap } = *quality;
    let mut text = if pairs == 0 || fixed_rmse == 0 {
        "RMSE not measured (quantize --data measures it)".to_owned()
    } else {
        let (float, fixed) = (f32::from_bits(float_rmse), f32::from_bits(fixed_rmse));
        format!("RMSE {fixed:.4} (float {float:.4}) on {} pairs", thousands(u64::from(pairs)))
    };
    if overlap != 0 {
        let _ = write!(text, ", top-10 overlap with float {:.3}", f32::from_bits(overlap));
    }
    text
}

/// What a device can do with this blob alone.
fn supports(model: &Model<'_>) -> Vec<&'static str> {
    let mut all = vec!["score", "rank"];
    all.push(if model.user_rows() > 1 { "users by id" } else { "users by vector" });
    if model.item_ids().is_some() {
        all.push("item ids");
    }
    if model.item_titles().is_some() {
        all.push("titles");
    }
    match Learner::of(model) {
        Some(Learner::Ratings(_)) => all.extend(["learn from ratings", "plus or minus", "ask"]),
        Some(Learner::History(_)) => all.push("learn from a history"),
        None => {}
    }
    all
}

fn blob_json(model: &Model<'_>) -> Value {
    let head = model.head();
    let measured = |bits: u32| (bits != 0).then(|| f32::from_bits(bits));
    let regions: Vec<Value> = regions(model)
        .iter()
        .map(|region| json!({ "name": region.name, "offset": region.offset, "bytes": region.bytes }))
        .collect();
    json!({
        "kind": "blob",
        "bytes": model.bytes().len(),
        "format_version": matchstick::blob::FORMAT_VERSION,
        "name": head.name,
        "revision": head.revision,
        "layout": layout_name(head.layout),
        "item_encoding": Encoding::from(head.item_encoding),
        "item_row_bytes": head.item_row_bytes(),
        "dot_width": head.dot_width,
        "table_words": model.table_words(),
        "near_bytes": model.near_bytes(),
        "items": head.item_rows - 1,
        "users": head.user_rows - 1,
        "user_width": head.user_width,
        "item_width": head.item_width,
        "hidden": hidden_widths(head),
        "output": form_name(model.output_form()),
        "y_range": (model.output_form() != blob::OutputForm::Score)
            .then(|| [model.lowest_rating().to_f64(), model.highest_rating().to_f64()]),
        "logit_fraction_bits": head.logit_fraction_bits,
        "required_capacity": model.required_capacity(),
        "quality": {
            "pairs": head.quality.pairs,
            "float_rmse": measured(head.quality.float_rmse),
            "fixed_rmse": measured(head.quality.fixed_rmse),
            "overlap": measured(head.quality.overlap),
        },
        "supports": supports(model),
        "flash": regions,
    })
}

fn weights_text(file: &str, bytes: usize, weights: &Weights, terminal: &Terminal) -> String {
    let mut tensors = Table::new().text("tensor").text("shape").number("numbers");
    let mut total = 0;
    for (name, rows, cols) in tensors_of(weights) {
        let shape = if cols == 0 { format!("({rows})") } else { format!("({rows}, {cols})") };
        let count = rows * cols.max(1);
        total += count;
        tensors.row([name, shape, thousands(count as u64)]);
    }
    tensors.row(["total".to_owned(), String::new(), thousands(total as u64)]);
    let mut facts = Table::new().text("").text("");
    facts.row(["users", &format!("{} and the unknown one", thousands(weights.user_factors.rows as u64 - 1))]);
    let titles = if weights.titles.is_empty() { "no titles" } else { "with titles" };
    facts.row(["items", &format!("{} and the unknown one, {titles}", thousands(weights.item_factors.rows as u64 - 1))]);
    let range = (f64::from(weights.y_range.0), f64::from(weights.y_range.1));
    let is_score = weights.output == OutputForm::Score;
    facts.row(["ratings", &ratings_text(weights.output.name(), (!is_score).then_some(range))]);
    let title = terminal.bold(&format!("{file}: a model of float weights, {} bytes", thousands(bytes as u64)));
    let mut text = format!("{title}\n\n{}\n{}", facts.render(terminal.width()), tensors.render(terminal.width()));
    if let Ok(info) = serde_json::to_string_pretty(&without_history(&weights.info)) {
        let _ = write!(text, "\n{info}\n");
    }
    text
}

/// Name, rows and columns of each tensor; a vector has 0 columns.
fn tensors_of(weights: &Weights) -> Vec<(String, usize, usize)> {
    let mut tensors = vec![
        ("user_factors.weight".to_owned(), weights.user_factors.rows, weights.user_factors.cols),
        ("item_factors.weight".to_owned(), weights.item_factors.rows, weights.item_factors.cols),
    ];
    if let Some(dot) = &weights.dot {
        tensors.push(("dot.user_factors".to_owned(), dot.users.rows, dot.users.cols));
        tensors.push(("dot.item_factors".to_owned(), dot.items.rows, dot.items.cols));
    }
    for (index, layer) in weights.layers.iter().enumerate() {
        tensors.push((format!("layers.{}.weight", 2 * index), layer.weight.rows, layer.weight.cols));
        tensors.push((format!("layers.{}.bias", 2 * index), layer.bias.len(), 0));
    }
    tensors
}

/// The info without the list of epochs, which is long; `--json` has all of it.
fn without_history(info: &Value) -> Value {
    let mut info = info.clone();
    if let Some(training) = info.get_mut("training").and_then(Value::as_object_mut) {
        training.remove("epochs");
    }
    info
}

fn weights_json(bytes: usize, weights: &Weights) -> Value {
    let tensors: Vec<Value> = tensors_of(weights)
        .into_iter()
        .map(|(name, rows, cols)| json!({ "name": name, "shape": if cols == 0 { vec![rows] } else { vec![rows, cols] } }))
        .collect();
    json!({
        "kind": "weights",
        "bytes": bytes,
        "users": weights.user_factors.rows - 1,
        "items": weights.item_factors.rows - 1,
        "titles": !weights.titles.is_empty(),
        "output": weights.output.name(),
        "y_range": (weights.output != OutputForm::Score).then_some([weights.y_range.0, weights.y_range.1]),
        "tensors": tensors,
        "info": weights.info,
    })
}
