//! A model as a safetensors file that PyTorch loads: the names of a state dict, float32, and nothing that `load_state_dict` wouldn't know.
//!
//! A net has CollabNN's names, a dot product those of fastai's EmbeddingDotBias (biases are columns of one, as embeddings are); `import` reads
//! both back. Output form and range are in the file's metadata. Ids go into a file of their own, in the format of `import --ids`, because
//! strings are no tensors.

use std::borrow::Cow;
use std::path::Path;

use serde_json::json;

use super::fastai::DOT_MARKER;
use super::pytorch;
use super::report::{Fate, Part, Report};
use crate::weights::{Matrix, Weights, WeightsError, Writer};

/// A tensor under PyTorch's name.
struct Tensor<'w> {
    name: String,
    shape: Vec<usize>,
    data: Cow<'w, [f32]>,
    what: &'static str,
}

/// Writes the model's tensors under PyTorch's names, or leaves the file that is there.
pub fn export(weights: &Weights, path: &Path) -> Result<Report, WeightsError> {
    let tensors = tensors(weights);
    let mut report = Report { source: "a PyTorch state dict".into(), ..Report::default() };
    let mut file = Writer::default();
    for Tensor { name, shape, data, what } in &tensors {
        file.floats(name, shape.clone(), data);
        let (tensor, shape, numbers, what) = (name.clone(), shape.clone(), "float32".into(), (*what).into());
        report.parts.push(Part { tensor, shape, numbers, fate: Fate::Mapped, what });
    }
    if weights.history.is_some() {
        report.note("the rows of a user's history are left out: PyTorch's model has no place for them");
    }
    let ((lo, hi), output) = (weights.y_range, weights.output.name());
    report.note(format!("the output is {output} over {lo}..{hi}, which the file's metadata say too"));
    file.save(json!({ "output": output, "y_range": [lo, hi], "info": {} }), path)?;
    Ok(report)
}

fn tensors(weights: &Weights) -> Vec<Tensor<'_>> {
    fn matrix<'w>(name: &str, matrix: &'w Matrix, what: &'static str) -> Tensor<'w> {
        let (shape, data) = (vec![matrix.rows, matrix.cols], Cow::Borrowed(&matrix.data[..]));
        Tensor { name: name.to_owned(), shape, data, what }
    }
    let mut tensors = Vec::new();
    if !weights.layers.is_empty() {
        tensors.push(matrix(pytorch::MARKER, &weights.user_factors, "user factors"));
        tensors.push(matrix("item_factors.weight", &weights.item_factors, "item factors"));
    }
    for (index, layer) in weights.layers.iter().enumerate() {
        // PyTorch counts the ReLU between two layers as a layer too.
        let name = |part: &str| format!("layers.{}.{part}", 2 * index);
        tensors.push(matrix(&name("weight"), &layer.weight, "weights of a linear layer"));
        let (shape, data) = (vec![layer.bias.len()], Cow::Borrowed(&layer.bias[..]));
        tensors.push(Tensor { name: name("bias"), shape, data, what: "bias of a linear layer" });
    }
    if let Some(dot) = &weights.dot {
        let column = |name: &str, rows: usize, data: Cow<'static, [f32]>, what| {
            let shape = vec![rows, 1];
            Tensor { name: name.to_owned(), shape, data, what }
        };
        let (users, items) = (dot.users.rows, dot.items.rows);
        tensors.push(matrix(DOT_MARKER, &dot.users, "user factors of the dot product"));
        tensors.push(matrix("i_weight.weight", &dot.items, "item factors of the dot product"));
        let what = "zeros: the biases of users are a column of their factors";
        tensors.push(column("u_bias.weight", users, vec![0.0; users].into(), what));
        let mut item_bias = weights.item_bias.clone();
        item_bias.resize(items, 0.0);
        tensors.push(column("i_bias.weight", items, item_bias.into(), "item bias"));
    }
    tensors
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
