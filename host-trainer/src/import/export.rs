//! A model as a safetensors file that PyTorch loads: the names of a state dict, float32, and nothing that `load_state_dict` wouldn't know.
//!
//! A net has CollabNN's names, a dot product those of fastai's EmbeddingDotBias (biases are columns of one, as embeddings are); `import` reads
//! both back. Output form and range are in the file's metadata. Ids go into a file of their own, in the format of `import --ids`, because
//! strings are no tensors.

use serde_json::json;

use super::fastai::DOT_MARKER;
use super::pytorch;
use super::report::{Fate, Part, Report};
use crate::weights::{Matrix, Weights, Writer};

/// What an export has written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The safetensors file.
    pub bytes: Vec<u8>,
    pub report: Report,
}

/// The model's tensors under PyTorch's names.
pub fn export(weights: &Weights) -> Result<Exported, safetensors::SafeTensorError> {
    let mut tensors: Vec<(String, Matrix, bool, &str)> = Vec::new();
    let mut add = |name: &str, matrix: Matrix, is_vector: bool, what: &'static str| {
        tensors.push((name.to_owned(), matrix, is_vector, what));
    };
    if !weights.layers.is_empty() {
        add(pytorch::MARKER, weights.user_factors.clone(), false, "user factors");
        add("item_factors.weight", weights.item_factors.clone(), false, "item factors");
    }
    for (index, layer) in weights.layers.iter().enumerate() {
        // PyTorch counts the ReLU between two layers as a layer too.
        add(&format!("layers.{}.weight", 2 * index), layer.weight.clone(), false, "weights of a linear layer");
        add(&format!("layers.{}.bias", 2 * index), column(&layer.bias), true, "bias of a linear layer");
    }
    if let Some(dot) = &weights.dot {
        add(DOT_MARKER, dot.users.clone(), false, "user factors of the dot product");
        add("i_weight.weight", dot.items.clone(), false, "item factors of the dot product");
        let no_bias = Matrix::zeros(dot.users.rows, 1);
        add("u_bias.weight", no_bias, false, "zeros: what users have is in the factors");
        let item_bias = match weights.item_bias.is_empty() {
            true => Matrix::zeros(dot.items.rows, 1),
            false => column(&weights.item_bias),
        };
        add("i_bias.weight", item_bias, false, "item bias");
    }
    let mut report = Report { source: "PyTorch state dict, safetensors".into(), ..Report::default() };
    let mut file = Writer::default();
    for (name, matrix, is_vector, what) in &tensors {
        let shape = if *is_vector { vec![matrix.rows] } else { vec![matrix.rows, matrix.cols] };
        file.floats(name, shape.clone(), &matrix.data);
        let (numbers, what) = ("float32".into(), (*what).to_owned());
        report.parts.push(Part { tensor: name.clone(), shape, numbers, fate: Fate::Mapped, what });
    }
    if weights.history.is_some() {
        report.note("the rows of a user's history are left out: PyTorch's model has no place for them");
    }
    let (lo, hi) = weights.y_range;
    report.note(format!("the output is {} over {lo}..{hi}; it is in the file's metadata, too", weights.output.name()));
    let bytes = file.finish(json!({ "output": weights.output.name(), "y_range": [lo, hi], "info": {} }))?;
    Ok(Exported { bytes, report })
}

/// The ids and titles as CSV, in the format of `import --ids`.
pub fn ids(weights: &Weights) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["kind", "row", "id", "title"])?;
    for (index, id) in weights.user_ids.iter().enumerate() {
        writer.write_record(["user", &(index + 1).to_string(), id, ""])?;
    }
    for (index, id) in weights.item_ids.iter().enumerate() {
        let title = weights.titles.get(index).map_or("", String::as_str);
        writer.write_record(["item", &(index + 1).to_string(), id, title])?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn column(values: &[f32]) -> Matrix {
    Matrix { rows: values.len(), cols: 1, data: values.to_vec() }
}
