//! Widens an embedding row of int8 to the 16-bit activations that the dense kernels take.

/// Writes the row's values to the front of `activations`, which is at least as long.
pub(crate) fn widen(row: &[[i8; 4]], activations: &mut [[i16; 4]]) {
    for (quad, wide) in row.iter().zip(activations) {
        *wide = quad.map(i16::from);
    }
}

#[cfg(test)]
mod tests {
    use super::widen;

    #[test]
    fn values_keep_their_sign() {
        let mut wide = [[7_i16; 4]; 3];
        widen(&[[-128, -1, 0, 127], [1, 2, 3, 4]], &mut wide);
        assert_eq!(wide, [[-128, -1, 0, 127], [1, 2, 3, 4], [7; 4]]);
    }
}
