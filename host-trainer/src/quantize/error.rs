//! Why a model can't become a blob.

use std::fmt::Display;

use matchstick::BlobError;
use matchstick::blob::writer::WriteError;
use miette::Diagnostic;
use thiserror::Error;

use super::encoding::Encoding;
use crate::evaluate::EvaluateError;

/// Why a model can't become a blob. Tensors have the names of the safetensors file.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
pub enum QuantizeError {
    #[error("{tensor} has {found}, and {expected} are needed")]
    #[diagnostic(help("the tensors of this file don't belong to one model; train or import it again"))]
    Shape { tensor: String, found: String, expected: String },
    #[error("the net has {found} layers; a blob holds 2 to {most}, the output layer included")]
    #[diagnostic(help("train with `--hidden` naming between 1 and {} layers", most - 1))]
    Depth { found: usize, most: usize },
    #[error("{tensor} is {found} wide; a blob holds widths from 1 to {most}")]
    #[diagnostic(help("train a narrower net"))]
    Width { tensor: String, found: usize, most: usize },
    #[error("{codes} codes a row are more than the {width} values that a row has")]
    #[diagnostic(help("choose fewer codes with `--encoding pq:M`, or int8"))]
    Codes { codes: u8, width: usize },
    #[error("the model has a net, and the layout `dot` holds none")]
    #[diagnostic(help("choose the layout `folded` or `concat`"))]
    NotDot,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Budget(#[from] Box<TooSmall>),
    #[error("{what} has {found} rows, row 0 included; {expected}")]
    #[diagnostic(help("a model needs row 0 (unknown) in both tables and at least one item"))]
    Rows { what: &'static str, found: usize, expected: String },
    #[error("{tensor}[{index}] is {value}, which is not a finite number")]
    #[diagnostic(help("training diverged, or the file is damaged; train again with a lower learning rate"))]
    NotFinite { tensor: String, index: String, value: f32 },
    #[error(
        "the rating range {low} to {high} can't be stored: it needs ends between -32768 and 32767, the upper one above the lower by \
         1/65536 at least and by less than 32767"
    )]
    #[diagnostic(help("give the range of the ratings with `--y-range LOW,HIGH` when training"))]
    Range { low: f32, high: f32 },
    #[error("the weights of {layer} are too large for 32-bit floats once the first layer is applied")]
    #[diagnostic(help("train with weight decay; a net with such weights has diverged"))]
    Extreme { layer: String },
    #[error(
        "the logits of this model are too large: they may reach {bound:.0}{}; with 16 fraction bits, the least that a rating needs, \
         32 bits hold a logit of 30000 and 16 bits a step of 0.49", of_unit(*unit, *step)
    )]
    #[diagnostic(help(
        "train with more weight decay: past a logit of 12 every rating of a sigmoid is the end of its range; \
         factors from elsewhere can be scaled down"
    ))]
    LogitTooLarge { bound: f64, unit: usize, step: f64 },
    #[error("the blob can't be written: {0}")]
    #[diagnostic(help("a model without users (`--users none`), without titles, or with narrower layers is smaller"))]
    Write(#[from] WriteError),
    #[error("the engine refuses the blob: {0}")]
    #[diagnostic(help("this is a defect of the quantiser; please report it with the model"))]
    Refused(BlobError),
    #[error("the blob can't be run: {0}")]
    #[diagnostic(help("this is a defect of the quantiser; please report it with the model"))]
    NotRun(#[from] EvaluateError),
}

/// A dot term alone has no hidden units.
fn of_unit(unit: usize, step: f64) -> String {
    if step > 0.0 { format!(", and one step of hidden unit {unit} adds up to {step:.2}") } else { String::new() }
}

/// No blob is so small.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no blob of this model fits {budget} bytes: the smallest, {layout} with {encoding} rows, has {smallest}, {} too many", smallest - budget
)]
pub struct TooSmall {
    pub budget: usize,
    pub smallest: usize,
    pub layout: &'static str,
    pub encoding: Encoding,
    /// Bytes of what can be left out.
    pub users: usize,
    pub titles: usize,
}

impl Diagnostic for TooSmall {
    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let mut parts = Vec::new();
        if self.users > 0 {
            parts.push(format!("the users, {} bytes (`--users none`)", self.users));
        }
        if self.titles > 0 {
            parts.push(format!("the titles, {} bytes (`--titles none`)", self.titles));
        }
        let rest = "take fewer items or a narrower net";
        let advice = match (parts.is_empty(), self.users + self.titles >= self.smallest - self.budget) {
            (true, _) => rest.to_owned(),
            (false, true) => format!("leave out {}", parts.join(" or ")),
            (false, false) => format!("leave out {}, and {rest}", parts.join(" and ")),
        };
        Some(Box::new(advice))
    }
}
