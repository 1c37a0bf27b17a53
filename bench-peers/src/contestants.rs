//! One function for each way to compute the net: plain Rust, two peers from crates.io, and Matchstick's kernels.
//!
//! Peers get what suits them best, by measurement. Sizes, zero points and scales are constants that the optimiser sees; inputs are not. A
//! peer's layer is called once, for the 50 hidden units, and the one output unit is left to plain Rust: with a second call embedded-nn's dot
//! product is no longer inlined, its bounds checks stay, and it takes twice the instructions. microflow's layer stands in a function of its
//! own: inlined into its caller, it takes three times as many at opt-level 3.

use core::hint::black_box;

use embedded_nn::fully_connected::fully_connected_s8;
use embedded_nn::subbyte::{fully_connected_s4, unpack_s4_pair};
use embedded_nn::types::{Activation, Dims, FcParams, PerTensorQuantParams};
use matchstick::kernels::Kernels;
use microflow::activation::FusedActivation;
use microflow::buffer::Buffer2D;
use microflow::ops::{FullyConnectedOptions, fully_connected};
use microflow::tensor::Tensor2D;
use nalgebra::ArrayStorage;

use crate::net::{
    BIAS, BLOCKS, HIDDEN, HIDDEN_QUADS, INPUT, INPUT_QUAD, INPUT_QUADS, INPUTS, LIMIT, OUTPUT_BIAS, OUTPUT_QUADS,
    OUTPUT_WEIGHTS, PACKED, SHIFT, SHIFT_INT4, START, WEIGHTS,
};

/// The first layer's weights as microflow wants them: nalgebra's matrices are column by column, so this is also (unit, input).
static TENSOR: Tensor2D<i8, INPUTS, HIDDEN, 1> =
    Tensor2D::new(Buffer2D::from_array_storage(ArrayStorage(WEIGHTS)), [1.0], [0]);

/// A sum by the layer's power of two, half up.
fn rescale(sum: i32, shift: u32) -> i32 {
    (sum + (1 << (shift - 1))) >> shift
}

/// Iterators, as anybody would write the layer.
#[inline(never)]
pub fn plain() -> i8 {
    let input = black_box(&INPUT);
    let mut hidden = [0; HIDDEN];
    for ((unit, row), bias) in hidden.iter_mut().zip(&TENSOR.buffer.data.0).zip(&BIAS) {
        let sum: i32 = row.iter().zip(input).map(|(w, x)| i32::from(*w) * i32::from(*x)).sum();
        *unit = rescale(sum + bias, SHIFT).clamp(0, LIMIT);
    }
    output(&hidden)
}

/// The same with int4 weights, from which [`embedded_nn_s4`] must not differ. It is not counted.
pub fn plain_int4() -> i8 {
    let mut hidden = [0; HIDDEN];
    for ((unit, row), bias) in hidden.iter_mut().zip(&PACKED).zip(&BIAS) {
        let weights = row.iter().flat_map(|pair| <[i8; 2]>::from(unpack_s4_pair(*pair)));
        let sum: i32 = weights.zip(&INPUT).map(|(w, x)| i32::from(w) * i32::from(*x)).sum();
        *unit = rescale(sum + bias, SHIFT_INT4).clamp(0, LIMIT);
    }
    output(&hidden)
}

fn output(hidden: &[i32; HIDDEN]) -> i8 {
    let sum: i32 = hidden.iter().zip(&OUTPUT_WEIGHTS).map(|(x, w)| i32::from(*w) * x).sum();
    rescale(sum + OUTPUT_BIAS, SHIFT).clamp(-128, 127) as i8
}

/// embedded-nn's multiplier for a division by 2 to the power of `shift`. Without a shift of its own it takes the cheaper of its two ways.
const fn quantisation(shift: u32) -> PerTensorQuantParams {
    PerTensorQuantParams::new(1 << (31 - shift), 0)
}

/// No zero points, and a hidden unit's range.
const RELU: FcParams =
    FcParams { input_offset: 0, filter_offset: 0, output_offset: 0, activation: Activation::new(0, LIMIT) };

const fn dims(n: usize, c: usize) -> Dims {
    Dims::new(n as i32, 1, 1, c as i32)
}

/// embedded-nn's layer of int8 weights.
#[inline(never)]
pub fn embedded_nn_s8() -> i8 {
    let mut hidden = [0; HIDDEN];
    let done = fully_connected_s8(
        &RELU,
        &quantisation(SHIFT),
        &dims(1, INPUTS),
        black_box(&INPUT),
        &dims(INPUTS, HIDDEN),
        TENSOR.buffer.as_slice(),
        Some(&BIAS),
        &dims(1, HIDDEN),
        &mut hidden,
    );
    after_embedded_nn(done.is_ok(), &hidden)
}

/// embedded-nn's layer of int4 weights.
#[inline(never)]
pub fn embedded_nn_s4() -> i8 {
    let mut hidden = [0; HIDDEN];
    let done = fully_connected_s4(
        &RELU,
        &quantisation(SHIFT_INT4),
        &dims(1, INPUTS),
        black_box(&INPUT),
        &dims(INPUTS, HIDDEN),
        PACKED.as_flattened(),
        Some(&BIAS),
        &dims(1, HIDDEN),
        &mut hidden,
    );
    after_embedded_nn(done.is_ok(), &hidden)
}

/// The output; an error of the peer's shows in the comparison of results.
fn after_embedded_nn(sound: bool, hidden: &[i8; HIDDEN]) -> i8 {
    if sound { output(&hidden.map(i32::from)) } else { i8::MIN }
}

/// microflow's layer.
#[inline(never)]
pub fn microflow() -> i8 {
    let input = Tensor2D::new(Buffer2D::from_array_storage(ArrayStorage(black_box(&INPUT).map(|x| [x]))), [1.0], [0]);
    let hidden = microflow_layer(input, &TENSOR);
    output(&core::array::from_fn(|unit| i32::from(hidden.buffer[unit])))
}

/// Its constants hold the biases, already divided; its scale is the quotient of the three tensors' scales.
#[inline(never)]
fn microflow_layer(
    input: Tensor2D<i8, 1, INPUTS, 1>,
    weights: &Tensor2D<i8, INPUTS, HIDDEN, 1>,
) -> Tensor2D<i8, 1, HIDDEN, 1> {
    let scale = 1.0 / (1 << SHIFT) as f32;
    let biases = Buffer2D::<f32, HIDDEN, 1>::from_fn(|unit, _| BIAS[unit] as f32 * scale);
    let constants = (biases, scale, Buffer2D::<i32, 1, HIDDEN>::zeros(), 0);
    let relu = FullyConnectedOptions { fused_activation: FusedActivation::Relu };
    fully_connected(input, weights, [1.0], [0], relu, constants)
}

/// Matchstick's kernels of one instruction set.
#[inline(never)]
pub fn matchstick<K: Kernels>() -> i8 {
    let mut acts = [[0; 4]; INPUT_QUADS];
    K::activations8(black_box(&INPUT_QUAD), &mut acts);
    let mut sums = [[0; 4]; HIDDEN_QUADS];
    K::dense8(&BLOCKS.rows, &acts, &START, &mut sums);
    K::hidden(&mut sums, SHIFT as u8, LIMIT as u16);
    rescale(K::output(&sums, &OUTPUT_QUADS) + OUTPUT_BIAS, SHIFT).clamp(-128, 127) as i8
}
