//! What the values of item rows do to logits: the yardstick by which encodings choose scales, codebooks and codes.
//!
//! An error of a row is felt by each user differently: a unit that is silent for a user hides it. And what all users feel alike costs nothing, because
//! the item's bias takes it. So a value stands for a vector, its effect on the logits of sample users less the mean over them, and the distance of two such
//! vectors is what an encoding makes small.
//!
//! - *folded*: the effect of value x in unit j on user u is g[u][j] * max(A[u][j] + x, 0), g being w2, or in deeper nets the mean slope of
//!   the later layers.
//! - *concat*: the effect is taken as linear, x times the slope of the logit, at sample pairs; the mean is that of the pair's item.

use std::ops::Range;

use super::calibration::spread;
use super::float_net::FloatNet;
use crate::parallel;
use crate::weights::Matrix;

/// Sample users of a folded row, at most: enough to tell apart what fifty units do.
const USERS: usize = 256;
/// Items at which the slopes of deeper layers and of concat rows are taken.
const ITEMS: usize = 32;
/// Users at each of them, for concat rows.
const USERS_PER_ITEM: usize = 8;
/// Rows over which the importance of a unit is averaged, at most.
const IMPORTANCE_ROWS: usize = 64;
/// What an error of a value costs on its own, as a part of what it costs were no other user to share it. The sample does not show everybody: where a unit
/// works for all of the sample alike, somebody else may feel it.
const ANCHOR: f32 = 0.05;

/// Effects of values on the logits of a sample.
#[derive(Debug)]
pub struct Response {
    /// Length of an effect.
    pub samples: usize,
    /// Width of a row.
    pub units: usize,
    /// (units): the cost of a value's squared error, whatever the others' are.
    pub anchors: Vec<f32>,
    /// (units): the mean cost of a value's squared error with its effect.
    pub importance: Vec<f32>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Both (units, samples).
    Relu { parts: Vec<f32>, slopes: Vec<f32> },
    /// (units, samples), centred.
    Linear { slopes: Vec<f32> },
}

impl Response {
    /// Of the rows `B = Wv v`.
    pub fn folded(net: &FloatNet, rows: &Matrix, users: &[u32]) -> Self {
        let users = spread(users, USERS);
        let items = sample_items(net);
        let parts = parallel::map(&users, |&user| net.user_part_of(user as usize));
        let slopes = parallel::map(&parts, |part| match net.dense[..] {
            [] => net.output.clone(),
            _ => mean_slopes(net, part, &items),
        });
        let by_unit = |by_user: &[Vec<f64>]| -> Vec<f32> {
            (0..net.width).flat_map(|unit| by_user.iter().map(move |values| values[unit] as f32)).collect()
        };
        Self::new(Form::Relu { parts: by_unit(&parts), slopes: by_unit(&slopes) }, users.len(), rows)
    }

    /// Of the rows `v`.
    pub fn concat(net: &FloatNet, rows: &Matrix, users: &[u32]) -> Self {
        let users = spread(users, USERS_PER_ITEM);
        let items = sample_items(net);
        let of_items = parallel::map(&items, |&item| {
            let slope = |&user: &u32| net.item_slopes(&net.user_part_of(user as usize), item);
            let slopes: Vec<Vec<f64>> = users.iter().map(slope).collect();
            let mean = |unit: usize| slopes.iter().map(|slope| slope[unit]).sum::<f64>() / slopes.len() as f64;
            let means: Vec<f64> = (0..rows.cols).map(mean).collect();
            let centred = |slope: &Vec<f64>| slope.iter().zip(&means).map(|(s, mean)| (s - mean) as f32).collect();
            slopes.iter().map(centred).collect::<Vec<Vec<f32>>>()
        });
        let pairs: Vec<Vec<f32>> = of_items.concat();
        let slopes = (0..rows.cols).flat_map(|unit| pairs.iter().map(move |slopes| slopes[unit])).collect();
        Self::new(Form::Linear { slopes }, pairs.len(), rows)
    }

    fn new(form: Form, samples: usize, rows: &Matrix) -> Self {
        let mut response =
            Self { samples, units: rows.cols, anchors: Vec::new(), importance: vec![0.0; rows.cols], form };
        let slopes = match &response.form {
            Form::Relu { slopes, .. } | Form::Linear { slopes } => slopes,
        };
        response.anchors = slopes.chunks_exact(samples).map(|slope| ANCHOR * dot(slope, slope)).collect();
        let chosen: Vec<usize> = spread(&(0..rows.rows).collect::<Vec<_>>(), IMPORTANCE_ROWS);
        for unit in 0..rows.cols {
            let squares = chosen.iter().map(|&row| {
                let slope = response.slope(unit, rows.row(row)[unit]);
                dot(&slope, &slope)
            });
            response.importance[unit] = squares.sum::<f32>() / chosen.len() as f32 + response.anchors[unit];
        }
        response
    }

    /// The effect of `values` in these units, (samples).
    pub fn effect(&self, units: Range<usize>, values: &[f32], effect: &mut [f32]) {
        effect.fill(0.0);
        for (unit, &x) in units.zip(values) {
            let at = unit * self.samples..(unit + 1) * self.samples;
            match &self.form {
                Form::Relu { parts, slopes } => {
                    let inputs = parts[at.clone()].iter().zip(&slopes[at]);
                    effect.iter_mut().zip(inputs).for_each(|(sum, (a, slope))| *sum += slope * (a + x).max(0.0));
                }
                Form::Linear { slopes } => {
                    effect.iter_mut().zip(&slopes[at]).for_each(|(sum, slope)| *sum += slope * x);
                }
            }
        }
        self.centre(effect);
    }

    /// The derivative of the effect by one value, (samples).
    pub fn slope(&self, unit: usize, value: f32) -> Vec<f32> {
        let at = unit * self.samples..(unit + 1) * self.samples;
        match &self.form {
            Form::Relu { parts, slopes } => {
                let active = |(a, slope): (&f32, &f32)| if a + value > 0.0 { *slope } else { 0.0 };
                let mut slope: Vec<f32> = parts[at.clone()].iter().zip(&slopes[at]).map(active).collect();
                self.centre(&mut slope);
                slope
            }
            Form::Linear { slopes } => slopes[at].to_vec(),
        }
    }

    /// What it costs that these units' values are `b` and not `a`, whatever the effect.
    pub fn anchor(&self, units: Range<usize>, a: &[f32], b: &[f32]) -> f32 {
        let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
        squares.zip(&self.anchors[units]).map(|(square, anchor)| square * anchor).sum()
    }

    fn centre(&self, effect: &mut [f32]) {
        if let Form::Relu { .. } = self.form {
            let mean = effect.iter().sum::<f32>() / effect.len() as f32;
            effect.iter_mut().for_each(|x| *x -= mean);
        }
    }
}

/// Sixteen sums, so that they can run side by side; always in the same order.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Known items, at equal distances.
fn sample_items(net: &FloatNet) -> Vec<usize> {
    spread(&(1..net.item_rows()).collect::<Vec<_>>(), ITEMS)
}

/// The mean over items of the slope of the logit by each unit of the first hidden layer.
fn mean_slopes(net: &FloatNet, part: &[f64], items: &[usize]) -> Vec<f64> {
    let mut means = vec![0.0; net.width];
    for &item in items {
        means.iter_mut().zip(net.later_slopes(part, item)).for_each(|(sum, s)| *sum += s / items.len() as f64);
    }
    means
}
