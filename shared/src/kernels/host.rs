//! Kernels for computers, where whole catalogues are evaluated: written so that the compiler vectorises them with what every 64-bit computer
//! has (SSE2, NEON), without `unsafe`.
//!
//! Everything is done in eight lanes of 16 bits, whose products are added in pairs by one instruction (PMADDWD). So units lie in octets, the
//! user's values and then the weights, packed from the front of their storage. Look-ups in tables gain nothing from lanes, and the dense layer,
//! whose four rows are a vector already, little.
//!
//! Arithmetic wraps here, unlike in the other kernels: with the overflow checks of a debug build nothing would be vectorised, and the tool is
//! built with them. A broken bound shows in the portable kernels, which the suite runs through the same cases.

use super::portable::{self, Portable};
use super::{ActQuad, Block8, Found, Items, Kernels, Quad8, Quad16, Quad32, UnitQuad};

/// The kernels of computers.
#[derive(Clone, Copy, Debug)]
pub struct Host;

/// Eight lanes.
type Lanes = [i16; 8];

/// Eight folded units: the user's values, and weights. Or eight values of a dot term, and nothing.
type Octet = [Lanes; 2];

impl Kernels for Host {
    fn fold_units(user: &[Quad16], weights: &[Quad16], units: &mut [UnitQuad]) {
        let octets = units.len().div_ceil(2);
        let lanes = |quads: &[Quad16], octet: usize| -> Lanes {
            let quad = |quad: usize| quads.get(quad).copied().unwrap_or_default();
            bytemuck::cast([quad(2 * octet), quad(2 * octet + 1)])
        };
        for (octet, unit) in units.iter_mut().take(octets).enumerate() {
            *unit = bytemuck::cast::<Octet, _>([lanes(user, octet), lanes(weights, octet)]);
        }
    }

    fn fold_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let octets = octets(units);
        portable::scan(items, threshold, |row| fold_row(row, octets))
    }

    fn fold_int4(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let octets = octets(units);
        portable::scan(items, threshold, |row| {
            let mut sum = 0_i32;
            for (bytes, octet) in row.iter().zip(octets) {
                sum = sum.wrapping_add(folded(&unpack(*bytes), octet));
            }
            sum
        })
    }

    fn fold_pairs(items: &Items<'_>, tables: &[[i32; 256]], threshold: i32) -> Option<Found> {
        portable::fold_pairs(items, tables, threshold)
    }

    fn pq_tables(codebooks: &[Quad8], group_quads: usize, units: &[UnitQuad], shift: u8, tables: &mut [[i16; 256]]) {
        let (mut rows, mut units) = (codebooks, units);
        let shift = shift & 15;
        let half = (1_i32 << shift) >> 1;
        for table in tables {
            let Some((group, other_units)) = units.split_at_checked(group_quads) else { return };
            units = other_units;
            let octets = octets(group);
            for entry in table {
                let Some((row, other_rows)) = rows.split_at_checked(group_quads) else { return };
                rows = other_rows;
                // The loader has checked that it fits an i16.
                *entry = (half.wrapping_add(fold_row(row, octets)) >> shift) as i16;
            }
        }
    }

    fn pq(items: &Items<'_>, codes: usize, tables: &[[i16; 256]], threshold: i32) -> Option<Found> {
        portable::pq(items, codes, tables, threshold)
    }

    fn dot_units(user: &[Quad16], units: &mut [UnitQuad]) {
        Self::fold_units(user, &[], units);
    }

    fn dot_int8(items: &Items<'_>, units: &[UnitQuad], threshold: i32) -> Option<Found> {
        let octets = octets(units);
        portable::scan(items, threshold, |row| {
            let mut sum = 0_i32;
            each_octet(row, octets, |q, [p, _]| sum = sum.wrapping_add(dot(q, p)));
            sum
        })
    }

    fn activations8(row: &[Quad8], acts: &mut [ActQuad]) {
        Portable::activations8(row, acts);
    }

    fn dense8(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        Portable::dense8(weights, acts, start, sums);
    }

    fn dense16(weights: &[Block8], acts: &[ActQuad], start: &[Quad32], sums: &mut [Quad32]) {
        Portable::dense16(weights, acts, start, sums);
    }

    fn hidden(sums: &mut [Quad32], shift: u8, limit: u16) {
        Portable::hidden(sums, shift, limit);
    }

    fn output(acts: &[ActQuad], weights: &[Quad16]) -> i32 {
        Portable::output(acts, weights)
    }
}

fn octets(units: &[UnitQuad]) -> &[Octet] {
    bytemuck::cast_slice(units)
}

#[inline(always)]
fn fold_row(row: &[Quad8], octets: &[Octet]) -> i32 {
    let mut sum = 0_i32;
    each_octet(row, octets, |b, octet| sum = sum.wrapping_add(folded(b, octet)));
    sum
}

/// Eight bytes of a row at a time; where four are left, zeros beside them, as there are zeros beside the units.
#[inline(always)]
fn each_octet(row: &[Quad8], octets: &[Octet], mut with: impl FnMut(&[i8; 8], &Octet)) {
    let (pairs, last) = row.as_chunks::<2>();
    let mut octets = octets.iter();
    for (pair, octet) in pairs.iter().zip(&mut octets) {
        with(bytemuck::cast_ref(pair), octet);
    }
    for (last, octet) in last.iter().zip(&mut octets) {
        with(&bytemuck::cast([*last, Quad8::default()]), octet);
    }
}

/// Eight units of int4: the low nibbles, then the high ones, each worth 16 times its signed value.
#[inline(always)]
fn unpack(bytes: Quad8) -> [i8; 8] {
    let high: u32 = 0xF0F0_F0F0;
    let word: u32 = bytemuck::cast(bytes);
    bytemuck::cast([word << 4 & high, word & high])
}

#[inline(always)]
fn folded(b: &[i8; 8], [a, w]: &Octet) -> i32 {
    let mut sum = 0_i32;
    for ((b, a), w) in b.iter().zip(a).zip(w) {
        let hidden = i16::from(*b).wrapping_add(*a).max(0);
        sum = sum.wrapping_add(i32::from(hidden).wrapping_mul(i32::from(*w)));
    }
    sum
}

#[inline(always)]
fn dot(q: &[i8; 8], p: &Lanes) -> i32 {
    let mut sum = 0_i32;
    for (q, p) in q.iter().zip(p) {
        sum = sum.wrapping_add(i32::from(*q).wrapping_mul(i32::from(*p)));
    }
    sum
}
