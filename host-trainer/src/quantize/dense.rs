//! Dense layers (`numerics.md`, sections 4, 5 and 9): one scale per row, one rounding shift for the layer.
//!
//! A row's scale is free, because ReLU is positively homogeneous: it moves into the next layer's column. A small scale makes weights
//! precise, but the unit must not pass `hidden_limit` after the shift, and the shift is the whole layer's. So every shift is tried, each row
//! takes the smallest scale that the shift allows, and the shift with the smallest expected error wins. A row that its bias dominates
//! can't force a coarse shift on the others that way.

use super::float_net::FloatLayer;

/// Upper clamp of hidden units: 12 bits are much finer than the 8 bits of the weights, and leave the output layer 13 bits or more.
pub const HIDDEN_LIMIT: u16 = 4_095;
/// The largest shift that the format allows.
const MAX_SHIFT: u8 = 24;
/// Half of an accumulator, less what rounding may add: one half for the products, one for the bias.
const HALF_ACCUMULATOR: f64 = 0.95 * (1u64 << 30) as f64;

/// What a layer's rows are made from; the columns are already multiplied by the scales of the inputs.
pub struct RealRows<'a> {
    /// (outputs, inputs), row-major.
    pub weights: &'a [f64],
    /// (outputs)
    pub bias: &'a [f64],
    /// The largest integer that an input can be.
    pub input_bound: f64,
    /// The sum over the inputs of the mean of their integers' squares.
    pub input_energy: f64,
    /// (outputs): the largest real value that the unit is known to have.
    pub reach: &'a [f64],
    /// (outputs): how much an error of the unit counts.
    pub importance: &'a [f64],
}

/// A quantised layer.
#[derive(Debug, PartialEq)]
pub struct Rows {
    /// (outputs, inputs), row-major.
    pub weights: Vec<i8>,
    /// (outputs), the rounding half included.
    pub bias: Vec<i32>,
    pub shift: u8,
    /// (outputs): the real value of 1 after the shift.
    pub unit_scales: Vec<f64>,
}

/// `floor(x + 1/2)`, the rounding of the whole product.
pub fn round(x: f64) -> f64 {
    (x + 0.5).floor()
}

/// Rounds to i8 within -127..=127.
pub fn to_i8(x: f64) -> i8 {
    round(x).clamp(-127.0, 127.0) as i8
}

/// The half that turns a floor into rounding to nearest.
pub fn rounding_half(shift: u8) -> i32 {
    if shift == 0 { 0 } else { 1 << (shift - 1) }
}

/// Chooses scales and shift, and rounds.
pub fn quantize_rows(rows: &RealRows) -> Rows {
    let least = least_scales(rows);
    let shift = (0..=MAX_SHIFT)
        .map(|shift| (shift, expected_error(rows, &least, shift)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(shift, _)| shift);
    let inputs = rows.weights.len() / rows.bias.len();
    let mut layer =
        Rows { weights: Vec::with_capacity(rows.weights.len()), bias: Vec::new(), shift, unit_scales: Vec::new() };
    for (unit, row) in rows.weights.chunks_exact(inputs).enumerate() {
        let scale = row_scale(least[unit], rows.reach[unit], shift);
        layer.weights.extend(row.iter().map(|w| to_i8(w / scale)));
        layer.bias.push(round(rows.bias[unit] / scale) as i32 + rounding_half(shift));
        layer.unit_scales.push(scale * f64::from(1u32 << shift));
    }
    layer
}

/// The smallest scale of each row with which its weights fit i8 and its accumulator can't overflow.
fn least_scales(rows: &RealRows) -> Vec<f64> {
    let inputs = rows.weights.len() / rows.bias.len();
    let scale_of = |(row, bias): (&[f64], &f64)| {
        let largest = row.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
        let sum: f64 = row.iter().map(|w| w.abs()).sum();
        (largest / 127.0).max(rows.input_bound * sum / HALF_ACCUMULATOR).max(bias.abs() / HALF_ACCUMULATOR)
    };
    rows.weights.chunks_exact(inputs).zip(rows.bias).map(scale_of).collect()
}

/// The scale with which a unit that reaches `reach` stays within the limit after the shift. Any scale does for a row of zeros.
fn row_scale(least: f64, reach: f64, shift: u8) -> f64 {
    let scale = least.max(reach / (f64::from(HIDDEN_LIMIT) * f64::from(1u32 << shift)));
    if scale > 0.0 { scale } else { 1.0 }
}

/// Twelve times the variance of the layer's rounding errors, as the next layer feels them: each weight is off by up to half its row's scale and meets its
/// input; the shift rounds once more.
fn expected_error(rows: &RealRows, least: &[f64], shift: u8) -> f64 {
    let shift_rounding = if shift == 0 { 0.0 } else { f64::from(1u32 << shift).powi(2) };
    let error_of = |unit: usize| {
        let scale = row_scale(least[unit], rows.reach[unit], shift);
        rows.importance[unit] * scale.powi(2) * (rows.input_energy + shift_rounding)
    };
    (0..least.len()).map(error_of).sum()
}

/// What calibration pairs showed of a hidden layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activations {
    /// (units): the largest value.
    pub largest: Vec<f64>,
    /// (units): the mean square.
    pub mean_square: Vec<f64>,
}

/// Pairs that nobody calibrated on may reach further by this much before they are clamped.
const REACH_MARGIN: f64 = 1.25;

/// Quantises a dense layer after the first.
///
/// `unit_scales` and `before` belong to the layer before, `input_bound` is the largest integer of its units; `after` is what this layer's units did.
pub fn quantize(
    layer: &FloatLayer,
    unit_scales: &[f64],
    input_bound: u32,
    before: &Activations,
    after: &Activations,
    importance: &[f64],
) -> Rows {
    let weights: Vec<f64> = (0..layer.outputs)
        .flat_map(|row| (0..layer.inputs).map(move |column| (row, column)))
        .map(|(row, column)| layer.columns[column * layer.outputs + row] * unit_scales[column])
        .collect();
    let reach: Vec<f64> = after.largest.iter().map(|largest| largest * REACH_MARGIN).collect();
    quantize_rows(&RealRows {
        weights: &weights,
        bias: &layer.bias,
        input_bound: f64::from(input_bound),
        input_energy: before.mean_square.iter().zip(unit_scales).map(|(square, scale)| square / scale.powi(2)).sum(),
        reach: &reach,
        importance,
    })
}

/// How much an error of each input of `layer` counts: the sum of squares of its column.
pub fn importance(layer: &FloatLayer) -> Vec<f64> {
    layer.columns.chunks_exact(layer.outputs).map(|column| column.iter().map(|w| w * w).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<'a>(weights: &'a [f64], bias: &'a [f64], reach: &'a [f64], importance: &'a [f64]) -> RealRows<'a> {
        RealRows { weights, bias, input_bound: 128.0, input_energy: 1000.0 * 2.0, reach, importance }
    }

    #[test]
    fn a_row_that_its_bias_dominates_leaves_the_others_precise() {
        let weights = [0.5, -1.0, 1e-6, 2e-6];
        let layer = quantize_rows(&rows(&weights, &[0.1, 3.0], &[130.0, 3.001], &[1.0, 1.0]));
        assert!(layer.weights[1] <= -120, "the first row uses nearly all of i8: {:?}", layer.weights);
        let unit = f64::from(layer.bias[1] >> layer.shift) * layer.unit_scales[1];
        assert!((unit - 3.0).abs() < 0.01, "the second row's bias survives: {unit}");
        assert!(layer.bias[1] >> layer.shift <= i32::from(HIDDEN_LIMIT));
    }

    #[test]
    fn integers_give_the_real_units() {
        let mut state = 1u32;
        let mut uniform = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 23) - 1.0
        };
        let mut drift = 0.0;
        for _ in 0..200 {
            let weights: Vec<f64> = (0..6 * 5).map(|_| uniform()).collect();
            let bias: Vec<f64> = (0..6).map(|_| 20.0 * uniform()).collect();
            let reach = [127.0 * 5.0 + 20.0; 6];
            let layer = quantize_rows(&rows(&weights, &bias, &reach, &[1.0; 6]));
            let input: Vec<f64> = (0..5).map(|_| round(127.0 * uniform())).collect();
            for (unit, &bias) in bias.iter().enumerate() {
                let row = unit * 5..unit * 5 + 5;
                let real = weights[row.clone()].iter().zip(&input).fold(bias, |sum, (w, x)| sum + w * x).max(0.0);
                let products = layer.weights[row].iter().zip(&input).map(|(&w, &x)| i32::from(w) * x as i32);
                let value =
                    ((layer.bias[unit] + products.sum::<i32>()) >> layer.shift).clamp(0, i32::from(HIDDEN_LIMIT));
                let scale = layer.unit_scales[unit] / f64::from(1u32 << layer.shift);
                let length: f64 = input.iter().map(|x| x.abs()).sum();
                let bound = 0.5 * (scale * (length + 1.0) + layer.unit_scales[unit]);
                let error = f64::from(value) * layer.unit_scales[unit] - real;
                assert!(error.abs() <= bound, "{error} past {bound}");
                drift += error / layer.unit_scales[unit] / 1200.0;
            }
        }
        assert!(drift.abs() < 0.1, "a shift that floors would drift by a quarter of a unit: {drift}");
    }

    #[test]
    fn units_that_do_nothing_are_zeros() {
        let layer = quantize_rows(&rows(&[0.0, 0.0, 1.0, 1.0], &[0.0, -1e30], &[0.0, 0.0], &[0.0, 0.0]));
        assert_eq!(layer.weights, [0, 0, 0, 0]);
        assert_eq!(layer.bias[0] >> layer.shift, 0);
        assert!(layer.bias[1] < -1_000_000_000, "a bias is never past half of an accumulator: {}", layer.bias[1]);
    }

    #[test]
    fn rounding_is_half_up() {
        assert_eq!([-1.5, -0.5, 0.5, 1.5].map(round), [-1.0, 0.0, 1.0, 2.0]);
        assert_eq!([-500.0, -127.4, 127.5, f64::NAN].map(to_i8), [-127, -127, 127, 0]);
        assert_eq!([0, 1, 8].map(rounding_half), [0, 1, 128]);
    }
}
