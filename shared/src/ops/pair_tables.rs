//! Score tables of int4 rows: one for each byte of a row, which holds two units (`docs/numerics.md`, section 3).

use crate::kernels::Quad16;

/// Builds `tables[k][byte]`, the weighted sum of the two units of byte k. Byte 4g + k holds unit 8g + k in its low and unit 8g + 4 + k in its
/// high nibble; units that `user` or `weights` lack are zero.
pub(crate) fn pair_tables(user: &[Quad16], weights: &[Quad16], tables: &mut [[i32; 256]]) {
    let (octets, _) = tables.as_chunks_mut::<4>();
    let mut user = user.iter().copied();
    let mut weights = weights.iter().copied();
    let mut next = || (user.next().unwrap_or_default(), weights.next().unwrap_or_default());
    for octet in octets {
        let (Quad16(low_user), Quad16(low_weights)) = next();
        let (Quad16(high_user), Quad16(high_weights)) = next();
        let low = low_user.into_iter().zip(low_weights);
        let high = high_user.into_iter().zip(high_weights);
        for ((table, low), high) in octet.iter_mut().zip(low).zip(high) {
            pair_table(low, high, table);
        }
    }
}

fn pair_table((low_user, low_weight): (i16, i16), (high_user, high_weight): (i16, i16), table: &mut [i32; 256]) {
    // 16 times the signed nibble; the nibble itself is the index.
    let term = |user: i16, weight: i16, nibble: i32| {
        let value = ((nibble << 28) >> 28) << 4;
        (i32::from(user) + value).max(0) * i32::from(weight)
    };
    let mut low_terms = [0; 16];
    for (nibble, entry) in (0..).zip(&mut low_terms) {
        *entry = term(low_user, low_weight, nibble);
    }
    let (rows, _) = table.as_chunks_mut::<16>();
    for (nibble, row) in (0..).zip(rows) {
        let high = term(high_user, high_weight, nibble);
        for (entry, low) in row.iter_mut().zip(low_terms) {
            *entry = high + low;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pair_tables;
    use crate::kernels::Quad16;
    use std::vec;

    #[test]
    fn an_entry_is_the_sum_of_its_two_units() {
        let user = [Quad16([5, -20, 0, 4095]), Quad16([100, 1, -4096, 30])];
        let weights = [Quad16([3, -2, 1, 7]), Quad16([-1, 4, 9, 32_767])];
        let mut tables = vec![[1; 256]; 8];
        pair_tables(&user, &weights, &mut tables);
        for (k, table) in tables[..4].iter().enumerate() {
            for byte in 0..=255_u8 {
                let (low, high) = (i32::from((byte << 4).cast_signed()), i32::from((byte & 0xF0).cast_signed()));
                let unit = |quad: usize, value: i32| {
                    (i32::from(user[quad].0[k]) + value).max(0) * i32::from(weights[quad].0[k])
                };
                assert_eq!(table[usize::from(byte)], unit(0, low) + unit(1, high), "table {k}, byte {byte}");
            }
        }
        assert_eq!(tables[4..], vec![[0; 256]; 4], "units that are not there");
    }
}
