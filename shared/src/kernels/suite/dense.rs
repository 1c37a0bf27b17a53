//! Dense layers and what stands around them: activations, hidden units, the output.

use core::array::from_fn;

use super::random::{Arena, Guarded, Random};
use super::{Cases, LONGEST, Mismatch, lengths, quads};
use crate::kernels::{ActQuad, Block8, Kernels, Quad8, Quad16, Quad32};

/// Rows of the matrices, in quads: none, one and several.
const MOST_OUTPUTS: usize = 3;

/// Says whose activations a layer reads.
#[derive(Clone, Copy)]
enum Inputs {
    Int8,
    Hidden,
}

pub(super) fn dense8<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    dense::<K>(memory, cases, Inputs::Int8)
}

pub(super) fn dense16<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    dense::<K>(memory, cases, Inputs::Hidden)
}

fn dense<K: Kernels>(memory: &mut [i32], cases: &mut Cases, inputs: Inputs) -> Result<(), Mismatch> {
    for length in lengths() {
        for round in 0..4 {
            let outputs = (length + round) % (MOST_OUTPUTS + 1);
            cases.case(length, |seed, random| dense_case::<K>(memory, random, inputs, length, outputs, seed))?;
        }
    }
    Ok(())
}

fn dense_case<K: Kernels>(
    memory: &mut [i32],
    random: &mut Random,
    inputs: Inputs,
    length: usize,
    outputs: usize,
    seed: u32,
) -> bool {
    let width = quads(length);
    let mut arena = Arena(memory);
    arena.skip(random);
    let acts = Guarded::<ActQuad>::take(&mut arena, width);
    let start = arena.take::<Quad32>(outputs);
    let sums = Guarded::<Quad32>::take(&mut arena, outputs);
    let values = arena.take::<i16>(4 * width);
    arena.skip(random);
    let weights = arena.take::<Block8>(outputs * width);

    // Kinds 1 and 2 are the ends; with the start they use up the accumulator.
    let kind = seed as usize % 3;
    weights.fill_with(|| Block8(from_fn(|_| [random.int8(), -128, 127][kind])));
    let most = match inputs {
        Inputs::Int8 => -128,
        // 260 units of 32,767 times 128 would be more than the loader admits.
        Inputs::Hidden => (i64::from(i32::MAX) / 128 / (length.max(1) as i64)).min(32_767),
    };
    for (column, value) in values.iter_mut().enumerate() {
        let drawn = match (kind, inputs) {
            (0, Inputs::Int8) => random.int8().into(),
            (0, Inputs::Hidden) => random.within(most).max(0) as i16,
            _ => most as i16,
        };
        *value = if column < length { drawn } else { 0 };
    }
    store_activations::<K>(inputs, values, acts.slice, random);
    for (row, start) in start.iter_mut().flatten().enumerate() {
        let left = i64::from(i32::MAX) - terms(weights, values, row).map(i64::abs).sum::<i64>();
        *start = match kind {
            0 => random.within(left),
            // The same sign as the products: hidden units are not negative, int8 inputs are.
            _ => terms(weights, values, row).next().map_or(1, |term| term.signum()) * left,
        } as i32;
    }

    match inputs {
        Inputs::Int8 => K::dense8(weights, acts.slice, start, sums.slice),
        Inputs::Hidden => K::dense16(weights, acts.slice, start, sums.slice),
    }
    let equal = |(row, (&sum, &start)): (usize, (&i32, &i32))| {
        i64::from(sum) == i64::from(start) + terms(weights, values, row).sum::<i64>()
    };
    let rows = sums.slice.as_flattened().iter().zip(start.as_flattened()).enumerate();
    acts.intact() && sums.intact() && rows.into_iter().all(equal)
}

/// Stores values as a kernel keeps them: hidden units pass through [`Kernels::hidden`].
fn store_activations<K: Kernels>(inputs: Inputs, values: &[i16], acts: &mut [ActQuad], random: &mut Random) {
    let (values, _) = values.as_chunks::<4>();
    match inputs {
        Inputs::Int8 => {
            acts.fill_with(|| [random.word(); 4]);
            let mut row = [Quad8::default(); quads(LONGEST)];
            for (quad, value) in row.iter_mut().zip(values) {
                *quad = Quad8(value.map(|value| value as i8));
            }
            K::activations8(&row[..values.len()], acts);
        }
        Inputs::Hidden => {
            for (act, value) in acts.iter_mut().zip(values) {
                *act = value.map(i32::from);
            }
            K::hidden(acts, 0, 32_767);
        }
    }
}

/// The products of a row of a blocked matrix.
fn terms(weights: &[Block8], values: &[i16], row: usize) -> impl Iterator<Item = i64> {
    let width = values.len() / 4;
    let blocks = &weights[row / 4 * width..][..width];
    values
        .iter()
        .enumerate()
        .map(move |(column, value)| i64::from(blocks[column / 4].0[4 * (row % 4) + column % 4]) * i64::from(*value))
}

pub(super) fn hidden<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for shift in [0, 1 + length as u8 % 23, 24] {
            cases.case(length, |_, random| hidden_case::<K>(memory, random, length, shift))?;
        }
    }
    Ok(())
}

/// Reads the units back one by one, as the output with one weight that is 1.
fn hidden_case<K: Kernels>(memory: &mut [i32], random: &mut Random, length: usize, shift: u8) -> bool {
    let width = quads(length);
    let mut arena = Arena(memory);
    arena.skip(random);
    let sums = Guarded::<Quad32>::take(&mut arena, width);
    let before = arena.take::<Quad32>(width);
    let weights = arena.take::<Quad16>(width);

    let any = 1 + random.below(32_767) as u16;
    let limit = random.one_of([1, 4_095, 32_767, any]);
    for sum in before.iter_mut().flatten() {
        let any = random.word();
        // Around a whole number of steps, its half, the ends of the clamp, and of an accumulator.
        let inside = random.below(usize::from(limit)) as i64;
        let unit = random.one_of([0, 1, inside, i64::from(limit), i64::from(limit) + 1]);
        let half = (1 << shift) >> 1;
        let near = (unit << shift) + random.one_of([-1, 0, 1, half - 1, half, half + 1]);
        let near = near.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        *sum = random.one_of([near, near, near, any, i32::MIN + 1, i32::MAX]);
    }
    sums.slice.copy_from_slice(before);
    K::hidden(sums.slice, shift, limit);
    if !sums.intact() {
        return false;
    }
    weights.fill(Quad16([0; 4]));
    before.as_flattened().iter().enumerate().all(|(unit, &sum)| {
        weights[unit / 4].0[unit % 4] = 1;
        let found = K::output(sums.slice, weights);
        weights[unit / 4].0[unit % 4] = 0;
        i64::from(found) == (i64::from(sum) >> shift).clamp(0, limit.into())
    })
}

pub(super) fn output<K: Kernels>(memory: &mut [i32], cases: &mut Cases) -> Result<(), Mismatch> {
    for length in lengths() {
        for _ in 0..4 {
            cases.case(length, |seed, random| output_case::<K>(memory, random, length, seed))?;
        }
    }
    Ok(())
}

fn output_case<K: Kernels>(memory: &mut [i32], random: &mut Random, length: usize, seed: u32) -> bool {
    let width = quads(length);
    let mut arena = Arena(memory);
    arena.skip(random);
    let acts = Guarded::<ActQuad>::take(&mut arena, width);
    let values = arena.take::<i16>(4 * width);
    let weights = arena.take::<Quad16>(width);

    let limit = random.one_of([1, 4_095, 32_767]);
    let each = (i64::from(i32::MAX) / limit / (length.max(1) as i64)).min(32_767);
    let sign = [0, 1, -1][seed as usize % 3];
    for (column, value) in values.iter_mut().enumerate() {
        let drawn = if sign == 0 { random.within(limit).max(0) } else { limit };
        *value = if column < length { drawn as i16 } else { 0 };
    }
    weights.fill_with(|| Quad16(from_fn(|_| if sign == 0 { random.within(each) } else { sign * each } as i16)));
    store_activations::<K>(Inputs::Hidden, values, acts.slice, random);
    let weights_in_order = weights.iter().flat_map(|quad| quad.0);
    let expected: i64 = weights_in_order.zip(&*values).map(|(w, h)| i64::from(w) * i64::from(*h)).sum();
    acts.intact() && i64::from(K::output(acts.slice, weights)) == expected
}
