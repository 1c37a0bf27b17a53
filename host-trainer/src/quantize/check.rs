//! Refuses what can't be quantised, before any arithmetic: shapes that don't fit, and numbers that are none.

use matchstick::blob::{Layout, MAX_LAYERS, MAX_WIDTH};

use super::error::QuantizeError;
use super::{Encoding, QuantizeOptions};
use crate::weights::{Matrix, OutputForm, Weights};

/// After this, every index into the weights that the quantiser makes is valid.
pub fn check(weights: &Weights) -> Result<(), QuantizeError> {
    let Weights { user_factors, item_factors, layers, dot, .. } = weights;
    let depth = 2..=MAX_LAYERS + 2;
    let dot_alone = layers.is_empty() && dot.is_some();
    if !dot_alone && !depth.contains(&layers.len()) {
        return Err(QuantizeError::Depth { found: layers.len(), most: *depth.end() });
    }
    rows("user_factors.weight", user_factors.rows, 1)?;
    rows("item_factors.weight", item_factors.rows, 2)?;
    names("user ids", weights.user_ids.len(), user_factors.rows)?;
    names("item ids", weights.item_ids.len(), item_factors.rows)?;
    names("item titles", weights.titles.len(), item_factors.rows)?;
    if !dot_alone {
        matrix("user_factors.weight", user_factors, user_factors.cols)?;
        matrix("item_factors.weight", item_factors, item_factors.cols)?;
    }
    if let Some(dot) = dot {
        for (name, table, rows) in
            [("dot.user_factors", &dot.users, user_factors.rows), ("dot.item_factors", &dot.items, item_factors.rows)]
        {
            matrix(name, table, table.cols)?;
            if (table.rows, table.cols) != (rows, dot.users.cols) {
                return Err(shape(name, format!("{} x {} values", table.rows, table.cols), rows * dot.users.cols));
            }
        }
    }
    let biases = weights.item_bias.len();
    if biases != 0 && biases != item_factors.rows {
        return Err(shape("item_bias", format!("{biases} values"), item_factors.rows));
    }
    finite("item_bias", &weights.item_bias, |position| position.to_string())?;
    let mut inputs = user_factors.cols + item_factors.cols;
    for (index, layer) in layers.iter().enumerate() {
        // PyTorch numbers the ReLUs between the layers, too.
        let (weight, bias) = (format!("layers.{}.weight", 2 * index), format!("layers.{}.bias", 2 * index));
        if layer.weight.cols != inputs {
            return Err(shape(&weight, format!("{} columns", layer.weight.cols), inputs));
        }
        if index + 1 == layers.len() && layer.weight.rows != 1 {
            return Err(shape(&weight, format!("{} rows", layer.weight.rows), 1));
        }
        matrix(&weight, &layer.weight, layer.weight.rows)?;
        if layer.bias.len() != layer.weight.rows {
            return Err(shape(&bias, format!("{} values", layer.bias.len()), layer.weight.rows));
        }
        finite(&bias, &layer.bias, |position| position.to_string())?;
        inputs = layer.weight.rows;
    }
    // Scores have no range.
    if weights.output == OutputForm::Score { Ok(()) } else { range(weights.y_range) }
}

/// Whether a checked model can have this layout and encoding: a row needs at least as many values as codes.
pub fn check_options(weights: &Weights, options: &QuantizeOptions) -> Result<(), QuantizeError> {
    if options.layout == Layout::Dot && !weights.layers.is_empty() {
        return Err(QuantizeError::NotDot);
    }
    let width = match options.layout {
        Layout::Concat => weights.item_factors.cols,
        _ => weights.first_width(),
    };
    match options.encoding {
        Encoding::Pq(codes) if usize::from(codes) > width => Err(QuantizeError::Codes { codes, width }),
        _ => Ok(()),
    }
}

fn rows(what: &'static str, found: usize, least: usize) -> Result<(), QuantizeError> {
    if found < least || u32::try_from(found).is_err() {
        return Err(QuantizeError::Rows {
            what,
            found,
            expected: format!("at least {least} and below 2^32 are needed"),
        });
    }
    Ok(())
}

fn names(what: &'static str, found: usize, rows: usize) -> Result<(), QuantizeError> {
    if found != 0 && found != rows - 1 {
        return Err(QuantizeError::Shape {
            tensor: what.into(),
            found: format!("{found} strings"),
            expected: (rows - 1).to_string(),
        });
    }
    Ok(())
}

/// `width` is the number that must fit the format: columns of a table, rows of a layer.
fn matrix(tensor: &str, matrix: &Matrix, width: usize) -> Result<(), QuantizeError> {
    if width == 0 || width > usize::from(MAX_WIDTH) {
        return Err(QuantizeError::Width { tensor: tensor.into(), found: width, most: usize::from(MAX_WIDTH) });
    }
    if matrix.data.len() != matrix.rows * matrix.cols {
        return Err(shape(tensor, format!("{} values", matrix.data.len()), matrix.rows * matrix.cols));
    }
    finite(tensor, &matrix.data, |position| format!("{}, {}", position / matrix.cols, position % matrix.cols))
}

fn finite(tensor: &str, values: &[f32], index: impl Fn(usize) -> String) -> Result<(), QuantizeError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(position) => {
            Err(QuantizeError::NotFinite { tensor: tensor.into(), index: index(position), value: values[position] })
        }
        None => Ok(()),
    }
}

fn range((low, high): (f32, f32)) -> Result<(), QuantizeError> {
    let fits = |end: f32| end.is_finite() && (-32_768.0..=32_767.0).contains(&end);
    // The span, too, has to fit 31 bits, and a span that rounds to 0 predicts nothing.
    if fits(low) && fits(high) && (1.0 / 65_536.0..32_767.0).contains(&(high - low)) {
        return Ok(());
    }
    Err(QuantizeError::Range { low, high })
}

fn shape(tensor: &str, found: String, expected: usize) -> QuantizeError {
    QuantizeError::Shape { tensor: tensor.into(), found, expected: expected.to_string() }
}
