//! CollabNN in Burn: the forward pass of a batch, and the gradients of its mean squared error.
//!
//! The first layer splits, `W1 [u; v] + b1 = (Wu u + b1) + Wv v`, so it is applied once to each row that the batch touches and
//! the results are gathered in hidden space: a batch of 256 ratings may touch 150 users. Parameters come in and gradients go
//! out as plain arrays (see `training::adamw`); nothing is kept on the device between batches.

use crate::weights::Matrix;
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData, TensorReadError};

/// Rows of a table and, for each rating of the batch, which of them it means.
pub struct Rows<'a> {
    /// (rows, width)
    pub values: Vec<f32>,
    pub positions: &'a [u32],
}

/// What a batch is computed from.
pub struct Input<'a> {
    pub users: Rows<'a>,
    pub items: Rows<'a>,
    /// The first layer's weights for users (user width, h) and items (item width, h), its bias (1, h); then weight (in, out)
    /// and bias (1, out) of each further layer.
    pub dense: Vec<&'a Matrix>,
    /// One rating for each entry of `positions`.
    pub ratings: &'a [f32],
    /// For each hidden layer (ratings, width): 0 where an activation is dropped. Empty: nothing is.
    pub masks: Vec<Vec<f32>>,
}

/// What comes back.
pub struct Gradients {
    /// Mean squared error before the step.
    pub loss: f32,
    /// As `Rows::values`.
    pub users: Vec<f32>,
    pub items: Vec<f32>,
    /// As `Input::dense`.
    pub dense: Vec<Vec<f32>>,
}

/// Where and into which range the net computes.
pub struct CollabNn {
    device: Device,
    y_range: (f32, f32),
}

impl CollabNn {
    pub fn new(device: Device, y_range: (f32, f32)) -> Self {
        Self { device: device.autodiff(), y_range }
    }

    /// The loss of a batch and its gradient in every parameter that the batch touches.
    pub fn gradients(&self, input: Input) -> Result<Gradients, TensorReadError> {
        let rows = |values: Vec<f32>, width: usize| {
            let count = values.len() / width;
            self.matrix(values, count, width).require_grad()
        };
        let users = rows(input.users.values, input.dense[0].rows);
        let items = rows(input.items.values, input.dense[1].rows);
        let dense: Vec<Tensor<2>> = input
            .dense
            .iter()
            .map(|matrix| self.matrix(matrix.data.clone(), matrix.rows, matrix.cols).require_grad())
            .collect();
        let masks = input.masks.into_iter().map(|mask| {
            let width = mask.len() / input.ratings.len();
            self.matrix(mask, input.ratings.len(), width)
        });

        let user_part = users.clone().matmul(dense[0].clone()) + dense[2].clone();
        let item_part = items.clone().matmul(dense[1].clone());
        let first = user_part.select(0, self.indices(input.users.positions))
            + item_part.select(0, self.indices(input.items.positions));
        let logits = rest(first, &dense[3..], masks);

        let (lo, hi) = self.y_range;
        let predictions = sigmoid(logits) * (hi - lo) + lo;
        let ratings = self.matrix(input.ratings.to_vec(), input.ratings.len(), 1);
        let loss = (predictions - ratings).square().mean();

        let mut gradients = loss.backward();
        let mut read = |tensor: &Tensor<2>| match tensor.grad_remove(&mut gradients) {
            Some(gradient) => gradient.try_into_vec_as::<f32>(),
            // A parameter that the loss doesn't depend on.
            None => Ok(vec![0.0; tensor.dims().iter().product()]),
        };
        Ok(Gradients {
            users: read(&users)?,
            items: read(&items)?,
            dense: dense.iter().map(read).collect::<Result<_, _>>()?,
            loss: loss.try_into_scalar::<f32>()?,
        })
    }

    fn matrix(&self, values: Vec<f32>, rows: usize, cols: usize) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, [rows, cols]), &self.device)
    }

    fn indices(&self, positions: &[u32]) -> Tensor<1, Int> {
        let positions: Vec<i32> = positions.iter().map(|&position| position as i32).collect();
        let count = positions.len();
        Tensor::from_data(TensorData::new(positions, [count]), &self.device)
    }
}

/// Everything behind the first layer's sums: ReLU, dropout and a linear layer, as often as there are layers.
fn rest(first: Tensor<2>, layers: &[Tensor<2>], mut masks: impl Iterator<Item = Tensor<2>>) -> Tensor<2> {
    layers.chunks_exact(2).fold(first, |sums, layer| {
        let mut hidden = relu(sums);
        if let Some(mask) = masks.next() {
            hidden = hidden * mask;
        }
        hidden.matmul(layer[0].clone()) + layer[1].clone()
    })
}
