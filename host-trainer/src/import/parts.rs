//! The parts of a model as its source has them, and the [`Weights`] that are made of them.

use super::error::ImportError;
use crate::weights::{DotFactors, Linear, Matrix, OutputForm, Weights};

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// User factors, item factors, layers.
    pub net: Option<(Matrix, Matrix, Vec<Linear>)>,
    pub dot: Option<Dot>,
}

/// `mean + user_bias[u] + item_bias[i] + users[u] . items[i]`
#[derive(Clone, Debug, Default)]
pub(super) struct Dot {
    pub users: Matrix,
    pub items: Matrix,
    /// One for each user, or none at all.
    pub user_bias: Vec<f32>,
    /// One for each item, or none at all.
    pub item_bias: Vec<f32>,
    pub mean: f32,
}

impl Parts {
    /// (users, items), the rows of the tables.
    pub(super) fn rows(&self) -> (usize, usize) {
        match (&self.net, &self.dot) {
            (Some((users, items, _)), _) => (users.rows, items.rows),
            (None, Some(dot)) => (dot.users.rows, dot.items.rows),
            (None, None) => (0, 0),
        }
    }

    /// Puts a row for the unknown user and the unknown item before all others: the mean of the rows.
    pub(super) fn with_unknown(mut self) -> Self {
        if let Some((users, items, _)) = &mut self.net {
            *users = with_mean(users);
            *items = with_mean(items);
        }
        if let Some(dot) = &mut self.dot {
            (dot.users, dot.items) = (with_mean(&dot.users), with_mean(&dot.items));
            for bias in [&mut dot.user_bias, &mut dot.item_bias] {
                if !bias.is_empty() {
                    let column = Matrix { rows: bias.len(), cols: 1, data: std::mem::take(bias) };
                    *bias = with_mean(&column).data;
                }
            }
        }
        self
    }

    /// The model, still without names and range. Row 0 of every table must be the unknown one's.
    pub(super) fn into_weights(self) -> Result<Weights, ImportError> {
        let (user_rows, item_rows) = self.rows();
        let unsound = |reason: &str| ImportError::Unsound { reason: reason.into() };
        if user_rows < 2 || item_rows < 2 {
            return Err(unsound("it has no user, or no item"));
        }
        let (user_factors, item_factors, layers) =
            self.net.unwrap_or_else(|| (Matrix::zeros(user_rows, 0), Matrix::zeros(item_rows, 0), Vec::new()));
        let (dot, item_bias) = match self.dot {
            None => (None, Vec::new()),
            Some(dot) if (dot.users.rows, dot.items.rows) != (user_rows, item_rows) => {
                return Err(unsound("the net and the dot product have tables of different lengths"));
            }
            Some(dot) => dot.into_factors(),
        };
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if !finite(&item_bias) || !layers.iter().all(|layer| finite(&layer.weight.data) && finite(&layer.bias)) {
            return Err(unsound("folding has made numbers that are not finite"));
        }
        Ok(Weights {
            user_factors,
            item_factors,
            layers,
            dot,
            history: None,
            learning: None,
            item_bias,
            output: OutputForm::default(),
            y_range: (0.0, 1.0),
            user_ids: Vec::new(),
            item_ids: Vec::new(),
            titles: Vec::new(),
            info: serde_json::Value::Null,
        })
    }
}

impl Dot {
    /// The factors, a column of user biases where there are any, and the item biases with the mean.
    fn into_factors(self) -> (Option<DotFactors>, Vec<f32>) {
        let item_rows = self.items.rows;
        let (users, items) = if self.user_bias.is_empty() {
            (self.users, self.items)
        } else {
            (with_column(&self.users, |row| self.user_bias[row]), with_column(&self.items, |_| 1.0))
        };
        let item_bias = match (self.item_bias.is_empty(), self.mean) {
            (true, 0.0) => Vec::new(),
            (true, mean) => vec![mean; item_rows],
            (false, mean) => self.item_bias.iter().map(|bias| bias + mean).collect(),
        };
        (Some(DotFactors { users, items }), item_bias)
    }
}

/// The matrix with one more column.
fn with_column(matrix: &Matrix, value: impl Fn(usize) -> f32) -> Matrix {
    let data = (0..matrix.rows).flat_map(|row| [matrix.row(row), &[value(row)]].concat()).collect();
    Matrix { rows: matrix.rows, cols: matrix.cols + 1, data }
}

/// The matrix with the mean of its rows before them.
fn with_mean(matrix: &Matrix) -> Matrix {
    let mut sums = vec![0.0_f64; matrix.cols];
    for row in 0..matrix.rows {
        sums.iter_mut().zip(matrix.row(row)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let mut data: Vec<f32> = sums.iter().map(|sum| (sum / matrix.rows.max(1) as f64) as f32).collect();
    data.extend_from_slice(&matrix.data);
    Matrix { rows: matrix.rows + 1, cols: matrix.cols, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_bias_is_a_column_and_the_unknown_are_means() {
        let matrix = |rows, cols, data: &[f32]| Matrix { rows, cols, data: data.to_vec() };
        let dot = Dot {
            users: matrix(2, 1, &[1.0, 3.0]),
            items: matrix(3, 1, &[1.0, 2.0, 6.0]),
            user_bias: vec![0.5, -1.5],
            item_bias: vec![0.25, 0.5, 0.75],
            mean: 3.0,
        };
        let weights = Parts { net: None, dot: Some(dot) }.with_unknown().into_weights().unwrap();
        assert_eq!(weights.logit(&weights.user_row(1), 3), 3.0 + 0.5 + 0.75 + 6.0);
        assert_eq!(weights.logit(&weights.user_row(2), 1), 3.0 - 1.5 + 0.25 + 3.0);
        assert_eq!(weights.logit(&weights.user_row(0), 0), 3.0 - 0.5 + 0.5 + 6.0);
    }

    #[test]
    fn tables_that_do_not_belong_together_are_refused() {
        let dot = Dot { users: Matrix::zeros(3, 1), items: Matrix::zeros(3, 1), ..Dot::default() };
        let net = (Matrix::zeros(2, 1), Matrix::zeros(3, 1), Vec::new());
        assert!(Parts { net: Some(net), dot: Some(dot) }.into_weights().is_err());
        assert!(Parts::default().into_weights().is_err());
    }
}
