//! The trained net on the host, in plain arrays: what training writes, and what evaluating, ranking and quantising read.
//!
//! It knows nothing about Burn, ratings or blobs. The arithmetic here is the float reference that a blob is compared
//! with: products of `f32` weights, summed in `f64`, in one order, so that a score is the same on every computer that has
//! the same `exp`. The file format is in [`file`].

mod file;
mod output;

#[cfg(feature = "train")]
pub(crate) use file::Reader;
pub use file::WeightsError;
pub(crate) use file::Writer;
pub use output::OutputForm;

/// A row-major matrix.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<f32>,
}

impl Matrix {
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Row `index`. Panics if there is no such row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.cols..][..self.cols]
    }

    pub fn row_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.data[index * self.cols..][..self.cols]
    }
}

/// A dense layer as PyTorch keeps it: `y = weight x + bias`, weight (out, in).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub weight: Matrix,
    pub bias: Vec<f32>,
}

/// A dot term: `p[u] . q[i]` is added to the logit.
#[derive(Clone, Debug, PartialEq)]
pub struct DotFactors {
    /// (users + 1, width)
    pub users: Matrix,
    /// (items + 1, width)
    pub items: Matrix,
}

/// How somebody whom training never saw is placed among the users by a few ratings: rating = bias\[item\] + p . q\[item\] + noise, with a
/// normal prior on p. Of a model that a teacher of ratings taught.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// (items + 1, d): q.
    pub items: Matrix,
    /// (items + 1), in units of the rating.
    pub bias: Vec<f32>,
    /// (d): the prior's mean.
    pub mean: Vec<f32>,
    /// (d, d): the inverse of the prior's covariance.
    pub precision: Matrix,
    pub noise_variance: f32,
    /// (d): a user's factors in the net are p divided by these; in the dot term they are p.
    pub deviations: Vec<f32>,
    /// (items + 1): how much knowing what somebody thinks of an item is worth.
    pub demand: Vec<f32>,
}

/// CollabNN: `logit(u, i) = MLP(concat(user_factors[u], item_factors[i]))`, with a ReLU between the layers; beside it or instead of it a dot
/// term and item biases, which are added. `output` makes a rating of the logit: `lo + (hi - lo) * sigmoid(logit)` unless it says otherwise.
/// Row 0 of all tables stands for whoever was not in the training data.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// (users + 1, user width)
    pub user_factors: Matrix,
    /// (items + 1, item width)
    pub item_factors: Matrix,
    /// At least two; the first takes both widths together, the last has one output. Or none, where a dot term is all; then both tables have no columns.
    pub layers: Vec<Linear>,
    pub dot: Option<DotFactors>,
    /// (items + 1, width): of a ranking model, the rows whose sum over the items that a user touched is that user's vector, in the dot term
    /// where there is one, else in the net. Row 0 is zero.
    pub history: Option<Matrix>,
    /// How a user's vector follows from ratings.
    pub learning: Option<Learning>,
    /// (items + 1), in units of the logit, or empty.
    pub item_bias: Vec<f32>,
    pub output: OutputForm,
    pub y_range: (f32, f32),
    /// External ids; position k belongs to row k + 1.
    pub user_ids: Vec<String>,
    pub item_ids: Vec<String>,
    /// One per item, or none at all.
    pub titles: Vec<String>,
    /// Settings, metrics and origin, for people and for `inspect`; nothing in it changes a score.
    pub info: serde_json::Value,
}

impl Weights {
    /// The net's output before the sigmoid for any user vector ([`Weights::user_row`], or one made from a history) and
    /// the item in row `item`. Panics if there is no such row or the vector has another width.
    pub fn logit(&self, user_row: &[f32], item: usize) -> f32 {
        self.logit_of_parts(&self.user_part(user_row), &self.item_part(item)) as f32
    }

    /// The predicted rating.
    pub fn score(&self, user_row: &[f32], item: usize) -> f32 {
        self.rating(f64::from(self.logit(user_row, item)))
    }

    /// The predicted ratings of (user row, item row) pairs. The first layer is applied once per user and once per item.
    pub fn score_pairs(&self, pairs: &[(u32, u32)]) -> Vec<f32> {
        let mut users: Vec<Option<Vec<f64>>> = vec![None; self.user_factors.rows];
        let mut items: Vec<Option<Vec<f64>>> = vec![None; self.item_factors.rows];
        pairs
            .iter()
            .map(|&(user, item)| {
                let (user, item) = (user as usize, item as usize);
                let user = users[user].get_or_insert_with(|| self.user_part(&self.user_row(user)));
                let item = items[item].get_or_insert_with(|| self.item_part(item));
                self.rating(self.logit_of_parts(user, item))
            })
            .collect()
    }

    /// All that is known of the user in this row: the factors of the net, then those of the dot term. Panics if there is no such row.
    pub fn user_row(&self, row: usize) -> Vec<f32> {
        let dot = self.dot.as_ref().map_or(&[][..], |dot| dot.users.row(row));
        [self.user_factors.row(row), dot].concat()
    }

    /// Units of the first hidden layer; 0 where there is no net.
    pub fn first_width(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.weight.rows)
    }

    /// Values of the dot term; 0 where there is none.
    pub fn dot_width(&self) -> usize {
        self.dot.as_ref().map_or(0, |dot| dot.users.cols)
    }

    /// What the user contributes to the first layer, with its bias: `A = Wu u + b1`; behind it the factors of the dot term, and a 1 for an item
    /// bias.
    pub fn user_part(&self, user_row: &[f32]) -> Vec<f64> {
        let (net, p) = user_row.split_at(self.user_factors.cols);
        assert_eq!(p.len(), self.dot_width(), "width of the user's vector");
        let of_layer = |Linear { weight, bias }: &Linear| -> Vec<f64> {
            (0..weight.rows).map(|unit| dot(&weight.row(unit)[..net.len()], net) + f64::from(bias[unit])).collect()
        };
        let mut part = self.layers.first().map_or_else(Vec::new, of_layer);
        part.extend(p.iter().map(|&p| f64::from(p)));
        part.extend((!self.item_bias.is_empty()).then_some(1.0));
        part
    }

    /// What the item contributes to the first layer: `B = Wv v`; behind it the factors of the dot term, and its bias.
    pub fn item_part(&self, item: usize) -> Vec<f64> {
        let of_layer = |Linear { weight, .. }: &Linear| -> Vec<f64> {
            let half = |unit: usize| &weight.row(unit)[self.user_factors.cols..];
            (0..weight.rows).map(|unit| dot(half(unit), self.item_factors.row(item))).collect()
        };
        let mut part = self.layers.first().map_or_else(Vec::new, of_layer);
        part.extend(self.dot.iter().flat_map(|dot| dot.items.row(item)).map(|&q| f64::from(q)));
        part.extend(self.item_bias.get(item).map(|&bias| f64::from(bias)));
        part
    }

    /// The rest of the model, from the contributions of the two.
    pub fn logit_of_parts(&self, user: &[f64], item: &[f64]) -> f64 {
        let ((user, p), (item, q)) = (user.split_at(self.first_width()), item.split_at(self.first_width()));
        self.net_of_parts(user, item) + p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>()
    }

    fn net_of_parts(&self, user: &[f64], item: &[f64]) -> f64 {
        let mut hidden: Vec<f64> = user.iter().zip(item).map(|(a, b)| (a + b).max(0.0)).collect();
        let [_, later @ ..] = &self.layers[..] else { return 0.0 };
        let (last, middle) = later.split_last().expect("a net has at least two layers");
        for layer in middle {
            hidden = (0..layer.weight.rows).map(|unit| layer.output(unit, &hidden).max(0.0)).collect();
        }
        last.output(0, &hidden)
    }

    /// What is shown for a logit.
    pub fn rating(&self, logit: f64) -> f32 {
        self.output.apply(logit, self.y_range) as f32
    }

    /// The row of a user, 0 if the training data has no such id.
    pub fn user_index(&self, id: &str) -> usize {
        position(&self.user_ids, id)
    }

    /// The row of an item, 0 if the training data has no such id.
    pub fn item_index(&self, id: &str) -> usize {
        position(&self.item_ids, id)
    }
}

impl Linear {
    fn output(&self, unit: usize, input: &[f64]) -> f64 {
        let products = self.weight.row(unit).iter().zip(input).map(|(w, x)| f64::from(*w) * x);
        products.sum::<f64>() + f64::from(self.bias[unit])
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn position(ids: &[String], id: &str) -> usize {
    ids.iter().position(|known| known == id).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A net small enough to be computed by hand: widths 2 and 1, hidden layers 2 and 1.
    pub(super) fn by_hand() -> Weights {
        let matrix = |rows, cols, data: &[f32]| Matrix { rows, cols, data: data.to_vec() };
        let layer = |rows, cols, weight: &[f32], bias: &[f32]| Linear {
            weight: matrix(rows, cols, weight),
            bias: bias.to_vec(),
        };
        Weights {
            user_factors: matrix(2, 2, &[0.0, 0.0, 1.0, 2.0]),
            item_factors: matrix(3, 1, &[0.0, 3.0, -3.0]),
            layers: vec![
                layer(2, 3, &[1.0, 1.0, 1.0, -1.0, 0.5, 2.0], &[0.5, -1.0]),
                layer(1, 2, &[2.0, 1.0], &[-12.0]),
                layer(1, 1, &[0.5], &[-1.0]),
            ],
            dot: None,
            history: None,
            learning: None,
            item_bias: Vec::new(),
            output: OutputForm::SigmoidRange,
            y_range: (0.0, 4.0),
            user_ids: vec!["ann".into()],
            item_ids: vec!["tea".into(), "größer, \"B\"".into()],
            titles: vec!["Tea".into(), "Größer\nB".into()],
            info: serde_json::json!({ "z": 1, "a": { "y": 2.5, "b": [1] } }),
        }
    }

    #[test]
    fn a_score_computed_by_hand() {
        let weights = by_hand();
        let user = weights.user_factors.row(weights.user_index("ann")).to_vec();
        // Item 1: layer one (1 + 2 + 3 + .5, -1 + 1 + 6 - 1) = (6.5, 5); layer two 13 + 5 - 12 = 6; out 3 - 1 = 2.
        assert_eq!(weights.logit(&user, 1), 2.0);
        assert_eq!(weights.score(&user, 1), (4.0 / (1.0 + (-2.0f64).exp())) as f32);
        // Item 2: (.5, -7) -> (.5, 0); 1 - 12 < 0, so the ReLU leaves the last bias.
        assert_eq!(weights.logit(&user, 2), -1.0);
    }

    #[test]
    fn a_dot_term_is_added_and_may_be_alone() {
        let matrix = |rows, cols, data: &[f32]| Matrix { rows, cols, data: data.to_vec() };
        let dot = DotFactors {
            users: matrix(2, 2, &[0.0, 0.0, 0.5, -1.0]),
            items: matrix(3, 2, &[0.0, 0.0, 2.0, 1.0, 0.0, 3.0]),
        };
        let mut weights = by_hand();
        weights.dot = Some(dot);
        assert_eq!([1, 2].map(|item| weights.logit(&weights.user_row(1), item)), [2.0, -1.0 - 3.0]);
        weights.item_bias = vec![0.0, 0.25, -0.5];
        assert_eq!([1, 2].map(|item| weights.logit(&weights.user_row(1), item)), [2.25, -1.0 - 3.5]);
        weights.item_bias.clear();
        weights.layers.clear();
        (weights.user_factors, weights.item_factors) = (Matrix::zeros(2, 0), Matrix::zeros(3, 0));
        assert_eq!([1, 2].map(|item| weights.logit(&weights.user_row(1), item)), [0.0, -3.0]);
    }

    #[test]
    fn pairs_score_as_singles_do() {
        let weights = by_hand();
        let pairs = [(1, 2), (0, 0), (1, 1), (1, 2), (0, 1)];
        let singles: Vec<f32> =
            pairs.iter().map(|&(u, i)| weights.score(weights.user_factors.row(u as usize), i as usize)).collect();
        for (pair, single) in weights.score_pairs(&pairs).iter().zip(singles) {
            assert!((pair - single).abs() < 1e-6, "{pair} {single}");
        }
    }

    #[test]
    fn an_unknown_id_is_row_0() {
        assert_eq!(by_hand().item_index("coffee"), 0);
        assert_eq!(by_hand().item_index("tea"), 1);
    }

    #[test]
    fn scores_what_pytorch_scores() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pytorch");
        let weights = Weights::load(&folder.join("collabnn.safetensors")).unwrap();
        assert_eq!((weights.user_factors.rows, weights.item_factors.rows), (601, 1201));
        assert_eq!((weights.y_range, weights.item_ids[1199].as_str()), ((0.0, 5.5), "1200"));
        let text = std::fs::read_to_string(folder.join("expected_scores.csv")).unwrap();
        let rows: Vec<(u32, u32, f32)> = text
            .lines()
            .skip(1)
            .map(|line| {
                let mut cells = line.split(',');
                let mut next = || cells.next().unwrap();
                (next().parse().unwrap(), next().parse().unwrap(), next().parse().unwrap())
            })
            .collect();
        let pairs: Vec<(u32, u32)> = rows.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(pairs.len(), 20_000);
        for (score, (user, item, expected)) in weights.score_pairs(&pairs).iter().zip(rows) {
            assert!((score - expected).abs() < 1e-5, "user {user}, item {item}: {score}, PyTorch {expected}");
        }
    }
}
