//! CollabNN in Burn: the forward pass of a batch, and the gradients of its mean squared error.
//!
//! The first layer splits, `W1 [u; v] + b1 = (Wu u + b1) + Wv v`, so it is applied once to each row that the batch touches and
//! the results are gathered in hidden space: a batch of 256 ratings may touch 150 users. Where every user of a batch meets every item of it
//! they are not gathered but broadcast. Parameters come in and gradients go out as plain arrays (see `training::adamw`); nothing is kept on
//! the device between batches.

use crate::weights::{Matrix, OutputForm};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData, TensorReadError};

/// Which of its users and items a batch is about.
#[derive(Clone, Copy, Debug)]
pub enum Pairs<'a> {
    /// For each target, the positions of its user and its item among the rows of the batch.
    Listed { users: &'a [u32], items: &'a [u32] },
    /// Every user with every item; targets are (users, items).
    All,
}

/// What a batch is computed from.
pub struct Input<'a> {
    /// (users of the batch, user width)
    pub users: Vec<f32>,
    /// (items of the batch, item width)
    pub items: Vec<f32>,
    pub pairs: Pairs<'a>,
    /// The first layer's weights for users (user width, h) and items (item width, h), its bias (1, h); then weight (in, out)
    /// and bias (1, out) of each further layer.
    pub dense: Vec<&'a Matrix>,
    /// What is to be predicted, one for each pair.
    pub targets: &'a [f32],
    /// How much each pair counts. Empty: all the same.
    pub importance: &'a [f32],
    /// What is added to the logit of each pair. Empty: nothing.
    pub offsets: &'a [f32],
    /// For each hidden layer (pairs, width): 0 where an activation is dropped. Empty: nothing is.
    pub masks: Vec<Vec<f32>>,
}

/// What comes back.
pub struct Gradients {
    /// Mean squared error before the step.
    pub loss: f32,
    /// As those of [`Input`].
    pub users: Vec<f32>,
    pub items: Vec<f32>,
    /// As `Input::dense`.
    pub dense: Vec<Vec<f32>>,
}

/// Where and into which range the net computes.
pub struct CollabNn {
    device: Device,
    output: OutputForm,
    y_range: (f32, f32),
}

impl CollabNn {
    pub fn new(device: Device, output: OutputForm, y_range: (f32, f32)) -> Self {
        Self { device: device.autodiff(), output, y_range }
    }

    /// The loss of a batch and its gradient in every parameter that the batch touches.
    pub fn gradients(&self, input: Input) -> Result<Gradients, TensorReadError> {
        let rows = |values: Vec<f32>, width: usize| {
            let count = values.len() / width;
            self.matrix(values, count, width).require_grad()
        };
        let users = rows(input.users, input.dense[0].rows);
        let items = rows(input.items, input.dense[1].rows);
        let dense: Vec<Tensor<2>> = input
            .dense
            .iter()
            .map(|matrix| self.matrix(matrix.data.clone(), matrix.rows, matrix.cols).require_grad())
            .collect();
        let masks = input.masks.into_iter().map(|mask| {
            let width = mask.len() / input.targets.len();
            self.matrix(mask, input.targets.len(), width)
        });

        let user_part = users.clone().matmul(dense[0].clone()) + dense[2].clone();
        let item_part = items.clone().matmul(dense[1].clone());
        let first = match input.pairs {
            Pairs::Listed { users, items } => {
                user_part.select(0, self.indices(users)) + item_part.select(0, self.indices(items))
            }
            Pairs::All => {
                let width = input.dense[2].cols as i32;
                (user_part.unsqueeze_dim::<3>(1) + item_part.unsqueeze_dim::<3>(0)).reshape([-1, width])
            }
        };
        let pairs = input.targets.len();
        let mut logits = rest(first, &dense[3..], masks);
        if !input.offsets.is_empty() {
            logits = logits + self.matrix(input.offsets.to_vec(), pairs, 1);
        }
        let errors = self.predictions(logits) - self.matrix(input.targets.to_vec(), pairs, 1);
        let loss = if input.importance.is_empty() {
            errors.square().mean()
        } else {
            (errors.square() * self.matrix(input.importance.to_vec(), pairs, 1)).mean()
        };

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

    /// What the output form makes of logits. The clamp of a linear output is left out: it would hide from training what lies beyond.
    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        let (lo, hi) = self.y_range;
        match self.output {
            OutputForm::SigmoidRange => sigmoid(logits) * (hi - lo) + lo,
            OutputForm::TanhRange => sigmoid(logits * 2.0) * (hi - lo) + lo,
            OutputForm::Linear | OutputForm::Score => logits,
        }
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
