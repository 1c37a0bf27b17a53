//! From the modules of a trained net to linear layers with a ReLU between them: BatchNorm is folded away.
//!
//! In evaluation BatchNorm is `y = (x - mean) / sqrt(var + eps) * weight + bias` for each unit (Ioffe and Szegedy, 2015), an affine map with
//! fixed numbers, `y = s x + t`. Directly behind a linear layer it is folded into that layer's rows, `s W` and `s b + t`; behind a ReLU or at
//! the net's entry into the columns of the next linear layer, `W diag(s)` and `b + W t`. Sums are kept in `f64` and rounded once.

use super::error::ImportError;
use super::report::Fate;
use super::state_dict::StateDict;
use crate::weights::{Linear, Matrix};

/// What PyTorch's BatchNorm adds to the variance, unless it is told another; no file holds it.
const EPSILON: f64 = 1e-5;

/// A module with weights, in the order of its path (`layers.1.2` is at `[1, 2]`).
struct Module {
    path: Vec<u32>,
    kind: Kind,
}

enum Kind {
    Linear { weight: Matrix, bias: Vec<f64> },
    Norm { scale: Vec<f64>, shift: Vec<f64> },
}

/// Reads all modules under `layers.` of a net with so many inputs.
pub(super) fn read(dict: &mut StateDict, inputs: usize) -> Result<Vec<Linear>, ImportError> {
    let paths = paths(dict);
    let mut modules = Vec::new();
    let mut width = inputs;
    for path in &paths {
        let module = module(dict, path, width)?;
        if let Kind::Linear { weight, .. } = &module.kind {
            width = weight.rows;
        }
        modules.push(module);
    }
    let layers = fold(modules).map_err(|reason| dict.net(reason))?;
    if layers.len() < 2 {
        return Err(dict.net(format!("it has {} linear layers, and a net has at least two", layers.len())));
    }
    if width != 1 {
        return Err(dict.net(format!("its last linear layer has {width} outputs, and a score is one number")));
    }
    Ok(layers)
}

/// The paths of modules with weights, in the order in which they are applied.
fn paths(dict: &StateDict) -> Vec<Vec<u32>> {
    let path = |name: &str| -> Option<Vec<u32>> {
        let name = name.strip_prefix("layers.")?;
        let path = name.strip_suffix(".weight").or_else(|| name.strip_suffix(".running_mean"))?;
        path.split('.').map(|part| part.parse().ok()).collect()
    };
    let mut paths: Vec<Vec<u32>> = dict.names().iter().filter_map(|name| path(name)).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn module(dict: &mut StateDict, path: &[u32], width: usize) -> Result<Module, ImportError> {
    let text: Vec<String> = path.iter().map(u32::to_string).collect();
    let name = |part: &str| format!("layers.{}.{part}", text.join("."));
    let kind = if dict.has(&name("running_mean")) { norm(dict, &name, width)? } else { linear(dict, &name, width)? };
    Ok(Module { path: path.to_vec(), kind })
}

fn linear(dict: &mut StateDict, name: &dyn Fn(&str) -> String, width: usize) -> Result<Kind, ImportError> {
    let weight = dict.matrix(&name("weight"), Fate::Mapped, "weights of a linear layer")?;
    if weight.cols != width {
        return Err(dict.shape(&name("weight"), vec![weight.rows, weight.cols], &format!("[any, {width}]")));
    }
    let bias = match dict.has(&name("bias")) {
        true => dict.vector(&name("bias"), weight.rows, Fate::Mapped, "bias of a linear layer")?,
        false => vec![0.0; weight.rows],
    };
    Ok(Kind::Linear { weight, bias: bias.into_iter().map(f64::from).collect() })
}

fn norm(dict: &mut StateDict, name: &dyn Fn(&str) -> String, width: usize) -> Result<Kind, ImportError> {
    let what = "BatchNorm, in a linear layer";
    let mut vector = |part: &str| dict.vector(&name(part), width, Fate::Folded, what);
    let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
    let mut or = |part: &str, default: f32| match dict.has(&name(part)) {
        true => dict.vector(&name(part), width, Fate::Folded, what),
        // `affine=False` has neither.
        false => Ok(vec![default; width]),
    };
    let (weight, bias) = (or("weight", 1.0)?, or("bias", 0.0)?);
    dict.ignore(&name("num_batches_tracked"), "counts training steps");
    if variance.iter().any(|variance| *variance < 0.0) {
        return Err(dict.net(format!("{} holds a negative variance", name("running_var"))));
    }
    let per_unit = |unit: usize| {
        let scale = f64::from(weight[unit]) / (f64::from(variance[unit]) + EPSILON).sqrt();
        (scale, f64::from(bias[unit]) - f64::from(mean[unit]) * scale)
    };
    let (scale, shift) = (0..width).map(per_unit).unzip();
    Ok(Kind::Norm { scale, shift })
}

/// A linear layer that is still to be rounded.
struct Folded {
    path: Vec<u32>,
    rows: usize,
    cols: usize,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

fn fold(modules: Vec<Module>) -> Result<Vec<Linear>, String> {
    let mut layers: Vec<Folded> = Vec::new();
    // Of the next layer's input.
    let mut pending: Option<(Vec<f64>, Vec<f64>)> = None;
    for Module { path, kind } in modules {
        match kind {
            Kind::Linear { weight, bias } => {
                let (rows, cols) = (weight.rows, weight.cols);
                let weight = weight.data.into_iter().map(f64::from).collect();
                let mut layer = Folded { path, rows, cols, weight, bias };
                if let Some((scale, shift)) = pending.take() {
                    layer.before(&scale, &shift);
                }
                layers.push(layer);
            }
            Kind::Norm { scale, shift } => match layers.last_mut() {
                Some(layer) if pending.is_none() && follows(&layer.path, &path) => {
                    layer.behind(&scale, &shift);
                    // Another one may follow on this one.
                    layer.path = path;
                }
                _ if pending.is_some() => return Err("two BatchNorms stand one behind the other".into()),
                _ => pending = Some((scale, shift)),
            },
        }
    }
    if pending.is_some() {
        return Err("a BatchNorm stands behind the last activation, where no linear layer follows".into());
    }
    Ok(layers.into_iter().map(Folded::rounded).collect())
}

/// Whether nothing, and so no activation, is between two modules of the same sequence.
fn follows(path: &[u32], next: &[u32]) -> bool {
    match (path.split_last(), next.split_last()) {
        (Some((last, parent)), Some((next, other))) => parent == other && last.checked_add(1) == Some(*next),
        _ => false,
    }
}

impl Folded {
    /// `W (s x + t) + b`
    fn before(&mut self, scale: &[f64], shift: &[f64]) {
        for (row, bias) in self.weight.chunks_exact_mut(self.cols).zip(&mut self.bias) {
            *bias += row.iter().zip(shift).map(|(weight, shift)| weight * shift).sum::<f64>();
            row.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
        }
    }

    /// `s (W x + b) + t`
    fn behind(&mut self, scale: &[f64], shift: &[f64]) {
        for (unit, row) in self.weight.chunks_exact_mut(self.cols).enumerate() {
            row.iter_mut().for_each(|weight| *weight *= scale[unit]);
            self.bias[unit] = self.bias[unit] * scale[unit] + shift[unit];
        }
    }

    fn rounded(self) -> Linear {
        let round = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Linear { weight: Matrix { rows: self.rows, cols: self.cols, data: round(self.weight) }, bias: round(self.bias) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(path: &[u32], rows: usize, weight: &[f32], bias: &[f64]) -> Module {
        let cols = weight.len() / rows;
        let weight = Matrix { rows, cols, data: weight.to_vec() };
        Module { path: path.to_vec(), kind: Kind::Linear { weight, bias: bias.to_vec() } }
    }

    fn norm(path: &[u32], scale: &[f64], shift: &[f64]) -> Module {
        Module { path: path.to_vec(), kind: Kind::Norm { scale: scale.to_vec(), shift: shift.to_vec() } }
    }

    #[test]
    fn behind_a_relu_it_goes_into_the_next_layer() {
        let modules = vec![
            linear(&[0, 0], 2, &[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0]),
            norm(&[0, 2], &[2.0, 0.5], &[1.0, -1.0]),
            linear(&[1, 0], 1, &[3.0, 4.0], &[10.0]),
        ];
        let layers = fold(modules).unwrap();
        assert_eq!(layers[0].weight.data, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!((&layers[1].weight.data[..], &layers[1].bias[..]), (&[6.0, 2.0][..], &[9.0][..]));
    }

    #[test]
    fn directly_behind_a_layer_it_goes_into_that_one() {
        let modules = vec![
            linear(&[0], 2, &[1.0, 2.0], &[1.0, 1.0]),
            norm(&[1], &[2.0, 0.5], &[1.0, -1.0]),
            linear(&[3], 1, &[3.0, 4.0], &[10.0]),
        ];
        let layers = fold(modules).unwrap();
        assert_eq!((&layers[0].weight.data[..], &layers[0].bias[..]), (&[2.0, 1.0][..], &[3.0, -0.5][..]));
        assert_eq!(layers[1].weight.data, [3.0, 4.0]);
    }

    #[test]
    fn at_the_entry_it_goes_into_the_first_and_at_the_end_nowhere() {
        let entry = fold(vec![norm(&[0, 0], &[2.0], &[1.0]), linear(&[0, 2], 1, &[3.0], &[0.0])]).unwrap();
        assert_eq!((entry[0].weight.data[0], entry[0].bias[0]), (6.0, 3.0));
        assert!(fold(vec![linear(&[0], 1, &[3.0], &[0.0]), norm(&[2], &[2.0], &[1.0])]).is_err());
        assert!(fold(vec![norm(&[0], &[2.0], &[1.0]), norm(&[1], &[2.0], &[1.0])]).is_err());
    }
}
