//! AdamW (Loshchilov and Hutter 2019) whose cost depends on the rows that a batch touches, not on the size of the table.
//!
//! A row that no batch touches has the gradient 0, so dense AdamW would only let it decay, and let its momentum run out.
//! That has a closed form: it is made up for when the row is next read ([`Parameter::gather`]), and the row then stands where
//! dense AdamW would have put it. (The closed form applies epsilon to a slightly different denominator; at 1e-8 no test can
//! tell.) Dense parameters are tables whose rows are all in every batch. Everything is on the host: for a net of this size
//! that is faster than tensor operations, and it makes a checkpoint a plain list of numbers.

use crate::weights::Matrix;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.99;
const EPSILON: f32 = 1e-8;
/// Momentum that has run out to this part of its first step no longer counts.
const NEGLIGIBLE: f64 = 1e-6;

/// The settings of each step. Steps are numbered from 1; step 0 is the state before training.
pub struct AdamW {
    weight_decay: f64,
    rates: Vec<f64>,
    /// Entry s: the logarithm of the weight decay of steps 1..=s together.
    decay: Vec<f64>,
    /// Entry s: what step s multiplies (first moment / root of second moment) by, with both bias corrections.
    pull: Vec<f64>,
    /// After this many steps without a gradient, momentum is negligible.
    horizon: usize,
}

/// A parameter (or a table of them) with its Adam moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub value: Matrix,
    /// A frozen one stays as it is, and has no moments.
    pub frozen: bool,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    /// The step that each row is up to date with.
    pub step: Vec<u32>,
    /// Whether a row may have moments. One that no batch has touched has none, and its memory needn't be visited.
    pub touched: Vec<bool>,
}

/// What steps without a gradient do to a row, beside its moments.
#[derive(Clone, Copy)]
struct Idle {
    /// value * decay - pull * first / (root of second + epsilon).
    decay: f32,
    pull: f32,
    /// What remains of the first and of the second moment.
    first: f32,
    second: f32,
}

impl AdamW {
    /// `rates` is the learning rate of every step.
    pub fn new(rates: &[f64], weight_decay: f64) -> Self {
        let mut adamw = Self {
            weight_decay,
            rates: vec![0.0],
            decay: vec![0.0],
            pull: vec![0.0],
            horizon: (NEGLIGIBLE.ln() / ratio().ln()).ceil() as usize,
        };
        let (mut correction1, mut correction2, mut decay) = (1.0, 1.0_f64, 0.0);
        for &rate in rates {
            correction1 *= BETA1;
            correction2 *= BETA2;
            decay += (-rate * weight_decay).ln_1p();
            adamw.rates.push(rate);
            adamw.decay.push(decay);
            adamw.pull.push(rate * (1.0 - correction2).sqrt() / (1.0 - correction1));
        }
        adamw
    }

    /// What steps `from + 1..=to` do to a row without a gradient.
    fn idle(&self, from: u32, to: u32) -> Idle {
        let steps = f64::from(to - from);
        let (from, to) = (from as usize, to as usize);
        let end = to.min(from + self.horizon);
        let mut pull = 0.0;
        let mut momentum = 1.0;
        for step in from + 1..=end {
            momentum *= ratio();
            pull = pull * (1.0 - self.rates[step] * self.weight_decay) + momentum * self.pull[step];
        }
        pull *= (self.decay[to] - self.decay[end]).exp();
        Idle {
            decay: (self.decay[to] - self.decay[from]).exp() as f32,
            pull: pull as f32,
            first: BETA1.powf(steps) as f32,
            second: BETA2.powf(steps) as f32,
        }
    }
}

/// How (first moment / root of second moment) shrinks in a step without a gradient.
fn ratio() -> f64 {
    BETA1 / BETA2.sqrt()
}

impl Parameter {
    pub fn new(value: Matrix) -> Self {
        let (rows, size) = (value.rows, value.data.len());
        let (first, second) = (vec![0.0; size], vec![0.0; size]);
        Self { value, frozen: false, first, second, step: vec![0; rows], touched: vec![false; rows] }
    }

    /// A parameter of which every row is up to date with step `step`.
    pub fn resumed(value: Matrix, first: Vec<f32>, second: Vec<f32>, step: u32) -> Self {
        let rows = value.rows;
        Self { value, frozen: false, first, second, step: vec![step; rows], touched: vec![true; rows] }
    }

    /// A parameter that is given and not learned.
    pub fn frozen(value: Matrix) -> Self {
        Self { value, frozen: true, first: Vec::new(), second: Vec::new(), step: Vec::new(), touched: Vec::new() }
    }

    /// A copy that predicts the same and cannot be trained further.
    pub fn without_moments(&self) -> Self {
        let Self { value, frozen, step, touched, .. } = self;
        let (value, frozen, step, touched) = (value.clone(), *frozen, step.clone(), touched.clone());
        Self { value, frozen, first: Vec::new(), second: Vec::new(), step, touched }
    }

    /// The rows, as they stand after step `step`, one after another.
    pub fn gather(&mut self, adamw: &AdamW, step: u32, rows: &[u32]) -> Vec<f32> {
        let mut gathered = Vec::with_capacity(rows.len() * self.value.cols);
        for &row in rows {
            let row = row as usize;
            if !self.frozen && self.step[row] < step {
                self.catch_up(row, step, adamw.idle(self.step[row], step));
            }
            gathered.extend_from_slice(self.value.row(row));
        }
        gathered
    }

    /// Brings every row up to step `step`.
    pub fn catch_up_all(&mut self, adamw: &AdamW, step: u32) {
        if self.frozen {
            return;
        }
        let mut idle: Vec<Option<Idle>> = vec![None; step as usize];
        for row in 0..self.value.rows {
            let from = self.step[row];
            if from < step {
                let idle = *idle[from as usize].get_or_insert_with(|| adamw.idle(from, step));
                self.catch_up(row, step, idle);
            }
        }
    }

    fn catch_up(&mut self, row: usize, step: u32, idle: Idle) {
        if self.touched[row] {
            for ((value, first), second) in self.row(row) {
                *value = *value * idle.decay - idle.pull * *first / (second.sqrt() + EPSILON);
                *first *= idle.first;
                *second *= idle.second;
            }
        } else {
            self.value.row_mut(row).iter_mut().for_each(|value| *value *= idle.decay);
        }
        self.step[row] = step;
    }

    /// Takes step `step` with these gradients, one row of them for each of `rows`, which are different rows and were
    /// gathered after step `step - 1`.
    pub fn update(&mut self, adamw: &AdamW, step: u32, rows: &[u32], gradients: &[f32]) {
        if self.frozen {
            return;
        }
        let index = step as usize;
        let decay = (1.0 - adamw.rates[index] * adamw.weight_decay) as f32;
        // Both bias corrections are folded into the rate; epsilon moves with the second.
        let rate = adamw.pull[index] as f32;
        let epsilon = EPSILON * (1.0 - BETA2.powf(f64::from(step))).sqrt() as f32;
        let (beta1, beta2) = (BETA1 as f32, BETA2 as f32);
        for (&row, gradients) in rows.iter().zip(gradients.chunks_exact(self.value.cols)) {
            debug_assert_eq!(self.step[row as usize] + 1, step);
            self.step[row as usize] = step;
            self.touched[row as usize] = true;
            for (((value, first), second), gradient) in self.row(row as usize).zip(gradients) {
                *first = *first * beta1 + *gradient * (1.0 - beta1);
                *second = *second * beta2 + *gradient * *gradient * (1.0 - beta2);
                *value = *value * decay - rate * *first / (second.sqrt() + epsilon);
            }
        }
    }

    /// Value, first and second moment of each element of a row.
    fn row(&mut self, row: usize) -> impl Iterator<Item = ((&mut f32, &mut f32), &mut f32)> {
        let span = row * self.value.cols..(row + 1) * self.value.cols;
        let first = self.first[span.clone()].iter_mut();
        let second = self.second[span.clone()].iter_mut();
        self.value.data[span].iter_mut().zip(first).zip(second)
    }
}

#[cfg(test)]
mod tests {
    use super::super::schedule::one_cycle;
    use super::*;
    use crate::data::random::SplitMix64;

    const WEIGHT_DECAY: f64 = 0.5;

    /// AdamW as the paper and PyTorch have it, for one number, in f64.
    fn naive(mut value: f64, gradients: &[f64], rates: &[f64]) -> f64 {
        let (mut first, mut second) = (0.0, 0.0);
        for (index, (gradient, rate)) in gradients.iter().zip(rates).enumerate() {
            let step = index as i32 + 1;
            value -= rate * WEIGHT_DECAY * value;
            first = BETA1 * first + (1.0 - BETA1) * gradient;
            second = BETA2 * second + (1.0 - BETA2) * gradient * gradient;
            let first = first / (1.0 - BETA1.powi(step));
            let second = second / (1.0 - BETA2.powi(step));
            value -= rate * first / (second.sqrt() + f64::from(EPSILON));
        }
        value
    }

    #[test]
    fn lazy_rows_end_where_dense_adamw_would() {
        const STEPS: usize = 600;
        const ROWS: usize = 5;
        // Row r has a gradient in about one of 4^r steps, so gaps go from none to several hundred steps.
        let mut random = SplitMix64::new(7);
        let mut gradients = vec![vec![0.0; STEPS]; ROWS * 2];
        for (row, columns) in gradients.chunks_exact_mut(2).enumerate() {
            let [first, second] = columns else { unreachable!("rows have two columns") };
            for (first, second) in first.iter_mut().zip(second) {
                if random.below(1 << (2 * row)) == 0 {
                    *first = random.normal() * 1e-3;
                    *second = random.normal();
                }
            }
        }
        let rates = one_cycle(0.01, STEPS);
        let adamw = AdamW::new(&rates, WEIGHT_DECAY);
        let start: Vec<f32> = (0..ROWS * 2).map(|_| random.normal() as f32).collect();
        let mut lazy = Parameter::new(Matrix { rows: ROWS, cols: 2, data: start.clone() });
        for step in 0..STEPS {
            let rows: Vec<u32> = (0..ROWS as u32).filter(|row| gradients[*row as usize * 2][step] != 0.0).collect();
            lazy.gather(&adamw, step as u32, &rows);
            let gradients: Vec<f32> =
                rows.iter().flat_map(|row| [0, 1].map(|col| gradients[*row as usize * 2 + col][step] as f32)).collect();
            lazy.update(&adamw, step as u32 + 1, &rows, &gradients);
        }
        lazy.catch_up_all(&adamw, STEPS as u32);
        for (element, gradients) in gradients.iter().enumerate() {
            let dense = naive(f64::from(start[element]), gradients, &rates);
            let lazy = f64::from(lazy.value.data[element]);
            assert!((lazy - dense).abs() < 2e-5, "row {}: lazy {lazy}, dense {dense}", element / 2);
            assert!((f64::from(start[element]) - dense).abs() > 0.05, "the test moves nothing");
        }
    }

    #[test]
    fn a_row_without_gradients_only_decays() {
        let rates = vec![0.1; 20];
        let adamw = AdamW::new(&rates, WEIGHT_DECAY);
        let mut parameter = Parameter::new(Matrix { rows: 1, cols: 1, data: vec![2.0] });
        let value = parameter.gather(&adamw, 20, &[0])[0];
        assert!((f64::from(value) - 2.0 * 0.95f64.powi(20)).abs() < 1e-6, "{value}");
    }
}
