//! How many items fit, and in how many bytes a blob would be in another encoding: the budget's computation, of shapes instead of weights.

use matchstick::Model;
use matchstick::blob::Layout;

use super::budget::least_bytes;
use super::check::check_options;
use super::encoding::Encoding;
use super::error::QuantizeError;
use super::{QuantizeOptions, StoredUsers};
use crate::weights::{DotFactors, Learning, Linear, Matrix, Weights};

/// The encodings that people are told of, the largest rows of a net of 50 units first.
pub const SHOWN: [Encoding; 4] = [Encoding::Int8, Encoding::Int4, Encoding::Pq(16), Encoding::Pq(8)];

/// More items than any board here has flash for.
const MOST_ITEMS: usize = 1 << 24;

/// The widths of a model, of which the numbers of users and items are left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Values of a user.
    pub user_dim: usize,
    /// Values of an item's embedding.
    pub item_dim: usize,
    /// Units of each hidden layer; none where a dot term is all.
    pub hidden: Vec<usize>,
    /// Values of the dot term, 0 where there is none.
    pub dot: usize,
    /// Coordinates that a device learns of its owner, 0 where it can't.
    pub learned: usize,
}

impl Shape {
    /// What `matchstick train` makes when nothing else is asked for: a net that learned from a teacher of ten coordinates.
    #[must_use]
    pub fn usual() -> Self {
        Self { user_dim: 10, item_dim: 50, hidden: vec![50], dot: 0, learned: 10 }
    }

    /// That of a model.
    #[must_use]
    pub fn of(weights: &Weights) -> Self {
        let hidden = weights.layers.len().saturating_sub(1);
        Self {
            user_dim: weights.user_factors.cols,
            item_dim: weights.item_factors.cols,
            hidden: weights.layers[..hidden].iter().map(|layer| layer.weight.rows).collect(),
            dot: weights.dot_width(),
            learned: weights.learning.as_ref().map_or(0, |learning| learning.mean.len()),
        }
    }

    /// Zeros in this shape, for so many items; their ids are the numbers from 1, and they have no titles.
    fn weights(&self, items: usize) -> Weights {
        let rows = items + 1;
        let inputs = self.user_dim + self.item_dim;
        let widths: Vec<usize> = match &self.hidden[..] {
            [] => Vec::new(),
            hidden => [inputs].iter().chain(hidden).chain(&[1]).copied().collect(),
        };
        let dot = (self.dot > 0)
            .then(|| DotFactors { users: Matrix::zeros(1, self.dot), items: Matrix::zeros(rows, self.dot) });
        let d = self.learned;
        let learning = (d > 0).then(|| Learning {
            items: Matrix::zeros(rows, d),
            bias: vec![0.0; rows],
            mean: vec![0.0; d],
            precision: Matrix::zeros(d, d),
            noise_variance: 1.0,
            deviations: vec![1.0; d],
            demand: vec![1.0; rows],
        });
        Weights {
            user_factors: Matrix::zeros(1, self.user_dim),
            item_factors: Matrix::zeros(rows, self.item_dim),
            layers: widths.windows(2).map(|pair| linear(pair[1], pair[0])).collect(),
            dot,
            history: None,
            learning,
            item_bias: Vec::new(),
            output: crate::weights::OutputForm::default(),
            y_range: (0.0, 1.0),
            user_ids: Vec::new(),
            item_ids: (1..rows).map(|id| id.to_string()).collect(),
            titles: Vec::new(),
            info: serde_json::Value::Null,
        }
    }

    /// The most items with which a folded model of this shape (or a dot product alone) fits so many bytes; none where not even one does, or where rows are
    /// narrower than the encoding's codes.
    ///
    /// # Errors
    /// [`QuantizeError::Write`] where the format has no room for such widths.
    pub fn largest_catalogue(&self, encoding: Encoding, budget_bytes: usize) -> Result<Option<usize>, QuantizeError> {
        let layout = if self.hidden.is_empty() { Layout::Dot } else { Layout::Folded };
        let options = QuantizeOptions { layout, encoding, titles: false, ..QuantizeOptions::default() };
        let fits = |items: usize| -> Result<bool, QuantizeError> {
            Ok(least_bytes(&self.weights(items), &options)? <= budget_bytes)
        };
        let one = self.weights(1);
        if check_options(&one, &options).is_err() || (self.hidden.is_empty() && encoding != Encoding::Int8) || !fits(1)?
        {
            return Ok(None);
        }
        // Doubled until it is too many, and then halved in between: in all twice the bytes of the largest are laid out a few dozen times.
        let (mut most, mut too_many) = (1, 2);
        while too_many < MOST_ITEMS && fits(too_many)? {
            (most, too_many) = (too_many, 2 * too_many);
        }
        while too_many - most > 1 {
            let middle = most.midpoint(too_many);
            if fits(middle)? { most = middle } else { too_many = middle }
        }
        Ok(Some(most))
    }
}

fn linear(outputs: usize, inputs: usize) -> Linear {
    Linear { weight: Matrix::zeros(outputs, inputs), bias: vec![0.0; outputs] }
}

/// What a blob's model would take with its item rows in each encoding that it can have, all else as it is. Of the blob's own encoding it is the blob's length.
#[must_use]
pub fn sizes(model: &Model<'_>) -> Vec<(Encoding, usize)> {
    let head = model.head();
    let own = Encoding::from(head.item_encoding);
    let bytes = model.bytes().len();
    if head.layout == Layout::Dot {
        return vec![(own, bytes)];
    }
    let weights = shape_of(model);
    let users = if model.user_rows() > 1 { StoredUsers::All } else { StoredUsers::None };
    let least = |encoding| {
        let options = QuantizeOptions { layout: head.layout, encoding, users, ..QuantizeOptions::default() };
        check_options(&weights, &options).ok()?;
        least_bytes(&weights, &options).ok()
    };
    let Some(of_own) = least(own) else { return vec![(own, bytes)] };
    let mut sizes: Vec<(Encoding, usize)> = SHOWN
        .into_iter()
        .filter(|encoding| *encoding != own)
        .filter_map(|encoding| Some((encoding, (bytes + least(encoding)?).saturating_sub(of_own))))
        .collect();
    sizes.insert(0, (own, bytes));
    sizes
}

/// Zeros in the shape of a blob's model. What encodings don't touch (names, learning) is left out.
fn shape_of(model: &Model<'_>) -> Weights {
    let head = model.head();
    // A folded blob doesn't say how wide its tables were, and it doesn't matter.
    let (user_dim, item_dim) = match head.layout {
        Layout::Concat => (usize::from(head.user_width), usize::from(head.item_width)),
        _ => (1, 1),
    };
    let dense = head.layers.iter().map(|layer| usize::from(layer.outputs));
    let shape = Shape {
        user_dim,
        item_dim,
        hidden: std::iter::once(usize::from(head.first_width)).chain(dense).collect(),
        dot: usize::from(head.dot_width),
        learned: 0,
    };
    let mut weights = shape.weights(model.item_rows().saturating_sub(1) as usize);
    weights.item_ids = Vec::new();
    weights.user_factors = Matrix::zeros(model.user_rows() as usize, user_dim);
    if let Some(dot) = &mut weights.dot {
        dot.users = Matrix::zeros(model.user_rows() as usize, dot.users.cols);
    }
    weights
}

#[cfg(test)]
mod tests {
    use matchstick::blob::AlignedBytes;
    use matchstick::blob::tiny;

    use super::*;
    use crate::quantize::quantize;

    fn blob(shape: &Shape, items: usize, encoding: Encoding) -> AlignedBytes {
        let layout = if shape.hidden.is_empty() { Layout::Dot } else { Layout::Folded };
        let options = QuantizeOptions { layout, encoding, titles: false, ..QuantizeOptions::default() };
        quantize(&shape.weights(items), &options, None).unwrap().0
    }

    /// Real blobs of one item less and one more stand on both sides of the budget.
    #[test]
    fn the_largest_catalogue_fits_and_one_item_more_does_not() {
        let deep = Shape { hidden: vec![20, 8], learned: 0, ..Shape::usual() };
        let both = Shape { dot: 10, ..Shape::usual() };
        for shape in [Shape::usual(), deep, both] {
            for encoding in SHOWN {
                let budget = 40_000;
                let items = shape.largest_catalogue(encoding, budget).unwrap().unwrap();
                // The head writes small numbers in fewer bytes: `least_bytes` says so of the computation.
                let slack = 64;
                assert!(blob(&shape, items, encoding).len() <= budget + slack, "{shape:?} {encoding} {items}");
                assert!(blob(&shape, items + 1, encoding).len() > budget, "{shape:?} {encoding} {items}");
            }
        }
    }

    #[test]
    fn what_can_not_be_is_none() {
        let shape = Shape::usual();
        assert_eq!(shape.largest_catalogue(Encoding::Int8, 100), Ok(None));
        let narrow = Shape { hidden: vec![12], ..shape.clone() };
        assert_eq!(narrow.largest_catalogue(Encoding::Pq(16), 1 << 20), Ok(None));
        let dot = Shape { user_dim: 0, item_dim: 0, hidden: Vec::new(), dot: 16, learned: 16 };
        assert_eq!(dot.largest_catalogue(Encoding::Int4, 1 << 20), Ok(None));
        assert!(dot.largest_catalogue(Encoding::Int8, 1 << 20).unwrap() > Some(10_000));
    }

    #[test]
    fn a_blob_in_another_encoding_has_the_size_that_was_foretold() {
        let shape = Shape { hidden: vec![50], ..Shape::usual() };
        for own in SHOWN {
            let blob = blob(&shape, 700, own);
            let sizes = sizes(&Model::from_bytes(&blob).unwrap());
            assert_eq!(sizes.len(), SHOWN.len());
            for (encoding, bytes) in sizes {
                let there = self::blob(&shape, 700, encoding).len();
                assert!(there.abs_diff(bytes) <= 16, "{own} as {encoding}: {there} instead of {bytes}");
            }
        }
    }

    #[test]
    fn every_kind_of_blob_has_sizes_and_its_own_is_first() {
        for (name, draft) in tiny::all() {
            let blob = draft.write().unwrap();
            let sizes = sizes(&Model::from_bytes(&blob).unwrap());
            assert_eq!(sizes[0].1, blob.len(), "{name}");
        }
    }
}
