//! All parameters of a net in training: how they begin, what a batch reads and changes, and the [`Weights`] that they make.

use super::adamw::{AdamW, Parameter};
use super::batches::{Batch, Purpose, stream};
use super::config::TrainConfig;
use crate::data::random::SplitMix64;
use crate::model::{CollabNn, Gradients, Input, Pairs};
use crate::weights::{Linear, Matrix};
use burn::tensor::TensorReadError;

/// Standard deviation of a fresh embedding. Large enough that hidden units differ from the first step on: from 0.01 the net
/// learns who rates high and what is rated high, and finds tastes late or never (RMSE .91 instead of .85 on the demo data).
const EMBEDDING_SD: f64 = 0.5;

/// The parameters, in an order that checkpoints rely on: both tables; the first layer's weights for users and for items,
/// and its bias; weight and bias of each further layer. Weights of layers are (in, out) here and (out, in) in [`Weights`].
///
/// [`Weights`]: crate::weights::Weights
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters(pub Vec<Parameter>);

/// The part of the parameters that says what a net predicts, as [`crate::weights::Weights`] has it.
pub struct Tables {
    pub user_factors: Matrix,
    pub item_factors: Matrix,
    pub layers: Vec<Linear>,
}

impl Parameters {
    /// A net whose users are given, and each of whose items has one value for each unit of the first hidden layer, which is added there. It
    /// begins with small numbers, so that its first steps decide which units are for what.
    pub fn student(config: &TrainConfig, users: Matrix, items: usize, logit: f64) -> Self {
        let mut random = stream(config.seed, Purpose::Initialise, 0);
        let width = config.hidden[0];
        let mut normal = |rows: usize, cols: usize, sd: f64| {
            let data = (0..rows * cols).map(|_| (random.normal() * sd) as f32).collect();
            Parameter::new(Matrix { rows, cols, data })
        };
        let user_width = users.cols;
        let mut parameters = vec![
            Parameter::frozen(users),
            normal(items + 1, width, 0.1),
            normal(user_width, width, 0.1),
            Parameter::frozen(identity(width)),
            Parameter::new(Matrix::zeros(1, width)),
        ];
        let outputs = config.hidden[1..].iter().chain([&1]);
        for (&inputs, &outputs) in config.hidden.iter().zip(outputs) {
            parameters.push(normal(inputs, outputs, if outputs == 1 { 0.3 } else { (2.0 / inputs as f64).sqrt() }));
            let bias = if outputs == 1 { logit as f32 } else { 0.0 };
            parameters.push(Parameter::new(Matrix { rows: 1, cols: outputs, data: vec![bias; outputs] }));
        }
        Self(parameters)
    }

    /// Embeddings normal around 0; linear layers uniform within 1 / sqrt(inputs), as PyTorch begins them.
    pub fn initial(config: &TrainConfig, users: usize, items: usize) -> Self {
        let mut random = stream(config.seed, Purpose::Initialise, 0);
        let inputs = config.user_dim + config.item_dim;
        let mut matrices = vec![
            normal(&mut random, users + 1, config.user_dim),
            normal(&mut random, items + 1, config.item_dim),
            uniform(&mut random, config.user_dim, config.hidden[0], inputs),
            uniform(&mut random, config.item_dim, config.hidden[0], inputs),
            uniform(&mut random, 1, config.hidden[0], inputs),
        ];
        let outputs = config.hidden[1..].iter().chain([&1]);
        for (&inputs, &outputs) in config.hidden.iter().zip(outputs) {
            matrices.push(uniform(&mut random, inputs, outputs, inputs));
            matrices.push(uniform(&mut random, 1, outputs, inputs));
        }
        Self(matrices.into_iter().map(Parameter::new).collect())
    }

    pub fn count(&self) -> usize {
        self.0.iter().map(|parameter| parameter.value.data.len()).sum()
    }

    /// The same, without what further training would need.
    pub fn finished(self) -> Self {
        let finished = |parameter| Parameter { first: Vec::new(), second: Vec::new(), ..parameter };
        Self(self.0.into_iter().map(finished).collect())
    }

    /// A copy that predicts the same and cannot be trained further.
    pub fn without_moments(&self) -> Self {
        Self(self.0.iter().map(Parameter::without_moments).collect())
    }

    /// Takes step `step` on a batch. `masks` are as in [`Input`].
    pub fn step(
        &mut self,
        net: &CollabNn,
        adamw: &AdamW,
        step: u32,
        batch: &Batch,
        masks: Vec<Vec<f32>>,
    ) -> Result<f32, TensorReadError> {
        let [users, items, dense @ ..] = self.0.as_mut_slice() else { unreachable!("a net has two tables") };
        let Gradients { loss, users: user_gradients, items: item_gradients, dense: dense_gradients } =
            net.gradients(Input {
                users: users.gather(adamw, step - 1, &batch.users),
                items: items.gather(adamw, step - 1, &batch.items),
                pairs: match &batch.positions {
                    Some((users, items)) => Pairs::Listed { users, items },
                    None => Pairs::All,
                },
                dense: dense.iter().map(|parameter| &parameter.value).collect(),
                targets: &batch.targets,
                importance: &batch.importance,
                offsets: &batch.offsets,
                masks,
            })?;
        users.update(adamw, step, &batch.users, &user_gradients);
        items.update(adamw, step, &batch.items, &item_gradients);
        for (parameter, gradients) in dense.iter_mut().zip(&dense_gradients) {
            let rows: Vec<u32> = (0..parameter.value.rows as u32).collect();
            parameter.update(adamw, step, &rows, gradients);
        }
        Ok(loss)
    }

    /// Brings rows that no recent batch touched up to step `step`.
    pub fn catch_up_all(&mut self, adamw: &AdamW, step: u32) {
        self.0.iter_mut().for_each(|parameter| parameter.catch_up_all(adamw, step));
    }

    /// The net as it stands. A row without training ratings (row 0, the unknown one, is always such) still is what it was
    /// drawn as; it becomes the mean of the rows that were trained.
    pub fn tables(&self, user_counts: &[u32], item_counts: &[u32]) -> Tables {
        let tables = self.tables_as_trained();
        Tables {
            user_factors: with_mean_rows(&tables.user_factors, user_counts),
            item_factors: with_mean_rows(&tables.item_factors, item_counts),
            ..tables
        }
    }

    /// The net as it stands; a teacher has taught every row.
    pub fn tables_as_trained(&self) -> Tables {
        let value = |index: usize| &self.0[index].value;
        let first = Linear { weight: side_by_side(value(2), value(3)), bias: value(4).data.clone() };
        let further = self.0[5..].chunks_exact(2);
        let further =
            further.map(|layer| Linear { weight: transposed(&layer[0].value), bias: layer[1].value.data.clone() });
        Tables {
            user_factors: value(0).clone(),
            item_factors: value(1).clone(),
            layers: [first].into_iter().chain(further).collect(),
        }
    }
}

fn identity(width: usize) -> Matrix {
    let mut matrix = Matrix::zeros(width, width);
    (0..width).for_each(|unit| matrix.row_mut(unit)[unit] = 1.0);
    matrix
}

fn normal(random: &mut SplitMix64, rows: usize, cols: usize) -> Matrix {
    let data = (0..rows * cols).map(|_| (random.normal() * EMBEDDING_SD) as f32).collect();
    Matrix { rows, cols, data }
}

fn uniform(random: &mut SplitMix64, rows: usize, cols: usize, inputs: usize) -> Matrix {
    let limit = 1.0 / (inputs as f64).sqrt();
    let data = (0..rows * cols).map(|_| ((random.uniform() * 2.0 - 1.0) * limit) as f32).collect();
    Matrix { rows, cols, data }
}

fn transposed(matrix: &Matrix) -> Matrix {
    let data = (0..matrix.cols).flat_map(|col| (0..matrix.rows).map(move |row| matrix.row(row)[col])).collect();
    Matrix { rows: matrix.cols, cols: matrix.rows, data }
}

/// (a, h) and (b, h) to (h, a + b).
fn side_by_side(left: &Matrix, right: &Matrix) -> Matrix {
    let stacked = Matrix {
        rows: left.rows + right.rows,
        cols: left.cols,
        data: left.data.iter().chain(&right.data).copied().collect(),
    };
    transposed(&stacked)
}

fn with_mean_rows(table: &Matrix, counts: &[u32]) -> Matrix {
    let mut sums = vec![0.0f64; table.cols];
    let mut trained = 0;
    for row in (0..table.rows).filter(|row| counts[*row] > 0) {
        sums.iter_mut().zip(table.row(row)).for_each(|(sum, value)| *sum += f64::from(*value));
        trained += 1;
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / f64::from(trained.max(1))) as f32).collect();
    let mut table = table.clone();
    for row in (0..table.rows).filter(|row| counts[*row] == 0) {
        table.row_mut(row).copy_from_slice(&mean);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, cols: usize, data: &[f32]) -> Matrix {
        Matrix { rows, cols, data: data.to_vec() }
    }

    #[test]
    fn rows_without_ratings_become_the_mean_of_those_with() {
        let table = matrix(4, 2, &[9.0, 9.0, 1.0, 2.0, 7.0, 7.0, 3.0, 6.0]);
        let filled = with_mean_rows(&table, &[0, 5, 0, 1]);
        assert_eq!(filled.data, [2.0, 4.0, 1.0, 2.0, 2.0, 4.0, 3.0, 6.0]);
    }

    #[test]
    fn the_first_layer_is_put_together_as_pytorch_has_it() {
        let users = matrix(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let items = matrix(1, 3, &[7.0, 8.0, 9.0]);
        let together = side_by_side(&users, &items);
        assert_eq!(together, matrix(3, 3, &[1.0, 4.0, 7.0, 2.0, 5.0, 8.0, 3.0, 6.0, 9.0]));
    }

    #[test]
    fn a_net_of_any_depth_begins_as_pytorch_begins_it() {
        let config = TrainConfig { user_dim: 3, item_dim: 6, hidden: vec![5, 4, 2], ..TrainConfig::default() };
        let tables = Parameters::initial(&config, 7, 9).tables(&[1; 8], &[1; 10]);
        let shapes: Vec<_> = tables.layers.iter().map(|layer| (layer.weight.rows, layer.weight.cols)).collect();
        assert_eq!(shapes, [(5, 9), (4, 5), (2, 4), (1, 2)]);
        assert_eq!((tables.user_factors.rows, tables.item_factors.cols), (8, 6));
        let largest = tables.layers[0].weight.data.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 0.25 && largest <= 1.0 / 3.0, "{largest}");
    }
}
