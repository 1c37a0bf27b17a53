//! The net that every contestant computes: 175 inputs, 50 hidden units, one output, all int8, drawn at random when compiled.
//!
//! Every rescaling is by a power of two, so that libraries which rescale by a 31-bit multiplier, in float, or by a shift must all come to
//! the same bits. Nobody pays for zero points: they are zero.

use matchstick::kernels::{Block8, Quad8, Quad16, Quad32};

/// Values of the input: 74 of a user and 101 of an item.
pub const INPUTS: usize = 175;
/// Hidden units.
pub const HIDDEN: usize = 50;
/// Multiply-accumulates of both layers.
pub const MACS: usize = INPUTS * HIDDEN + HIDDEN;

/// Columns and rows in fours, padding included.
pub const INPUT_QUADS: usize = INPUTS.div_ceil(4);
pub const HIDDEN_QUADS: usize = HIDDEN.div_ceil(4);

/// Both layers divide their sums by 2 to this power.
pub const SHIFT: u32 = 10;
/// The first layer's when its weights are int4, which are 16 times smaller.
pub const SHIFT_INT4: u32 = 6;
/// The highest value of a hidden unit.
pub const LIMIT: i32 = 127;

pub static INPUT: [i8; INPUTS] = int8s(1);
/// (unit, input).
pub const WEIGHTS: [[i8; INPUTS]; HIDDEN] = matrix();
pub static BIAS: [i32; HIDDEN] = biases();
pub static OUTPUT_WEIGHTS: [i8; HIDDEN] = int8s(3);
pub const OUTPUT_BIAS: i32 = 4321;

/// (unit, pair of inputs): weights of -8 to 7, the even input's in the low nibble.
pub static PACKED: [[i8; INPUTS.div_ceil(2)]; HIDDEN] = packed();

/// What Matchstick's kernels read: the same numbers in quads and blocks, padded with zeros.
pub static INPUT_QUAD: [Quad8; INPUT_QUADS] = input_quads();
pub static BLOCKS: Blocks = blocks();
/// (unit), the rounding half included.
pub static START: [Quad32; HIDDEN_QUADS] = start();
pub static OUTPUT_QUADS: [Quad16; HIDDEN_QUADS] = output_quads();

/// The first layer's weights, and as many zeros as stand at the end of a blob: a kernel may read them.
#[repr(C)]
pub struct Blocks {
    pub rows: [Block8; HIDDEN_QUADS * INPUT_QUADS],
    pub zeros: [u8; 64],
}

/// A generator of Knuth's; its high bits are good enough for weights.
const fn next(state: u32) -> u32 {
    state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

const fn int8s<const N: usize>(seed: u32) -> [i8; N] {
    let (mut values, mut state, mut k) = ([0; N], next(seed), 0);
    while k < N {
        state = next(state);
        values[k] = (state >> 24) as u8 as i8;
        k += 1;
    }
    values
}

const fn matrix() -> [[i8; INPUTS]; HIDDEN] {
    let (mut rows, mut unit) = ([[0; INPUTS]; HIDDEN], 0);
    while unit < HIDDEN {
        rows[unit] = int8s(100 + unit as u32);
        unit += 1;
    }
    rows
}

const fn biases() -> [i32; HIDDEN] {
    let (mut values, mut state, mut unit) = ([0; HIDDEN], next(2), 0);
    while unit < HIDDEN {
        state = next(state);
        values[unit] = (state as i32) >> 16;
        unit += 1;
    }
    values
}

const fn packed() -> [[i8; INPUTS.div_ceil(2)]; HIDDEN] {
    let (mut rows, mut unit) = ([[0; INPUTS.div_ceil(2)]; HIDDEN], 0);
    while unit < HIDDEN {
        // A random byte is two random nibbles.
        rows[unit] = int8s(200 + unit as u32);
        unit += 1;
    }
    rows
}

const fn input_quads() -> [Quad8; INPUT_QUADS] {
    let (mut quads, mut k) = ([Quad8([0; 4]); INPUT_QUADS], 0);
    let input: [i8; INPUTS] = int8s(1);
    while k < INPUTS {
        quads[k / 4].0[k % 4] = input[k];
        k += 1;
    }
    quads
}

const fn blocks() -> Blocks {
    let (mut rows, mut unit) = ([Block8([0; 16]); HIDDEN_QUADS * INPUT_QUADS], 0);
    while unit < HIDDEN {
        let mut input = 0;
        while input < INPUTS {
            rows[unit / 4 * INPUT_QUADS + input / 4].0[unit % 4 * 4 + input % 4] = WEIGHTS[unit][input];
            input += 1;
        }
        unit += 1;
    }
    Blocks { rows, zeros: [0; 64] }
}

const fn start() -> [Quad32; HIDDEN_QUADS] {
    let (mut quads, mut unit) = ([[0; 4]; HIDDEN_QUADS], 0);
    let biases = biases();
    while unit < HIDDEN {
        quads[unit / 4][unit % 4] = biases[unit] + (1 << (SHIFT - 1));
        unit += 1;
    }
    quads
}

const fn output_quads() -> [Quad16; HIDDEN_QUADS] {
    let (mut quads, mut unit) = ([Quad16([0; 4]); HIDDEN_QUADS], 0);
    let weights: [i8; HIDDEN] = int8s(3);
    while unit < HIDDEN {
        quads[unit / 4].0[unit % 4] = weights[unit] as i16;
        unit += 1;
    }
    quads
}
