//! The square root, of basic operations: `core` has none, and a processor's own would need one on every board.

use crate::RatingQ16;

/// Three steps of Newton's from an estimate that halves the exponent: right to the last bits. 0 for 0, for what is negative and for no number.
pub(super) fn square_root(x: f32) -> f32 {
    if x.is_nan() || x < f32::MIN_POSITIVE {
        return 0.0;
    }
    let mut root = f32::from_bits((x.to_bits() >> 1).wrapping_add(0x1FBB_4F2E));
    for _ in 0..3 {
        root = 0.5 * (root + x / root);
    }
    root
}

/// A number of ratings with 16 fraction bits, rounded down.
pub(super) fn to_q16(x: f32) -> RatingQ16 {
    RatingQ16((x * 65_536.0) as i32)
}

#[cfg(test)]
mod tests {
    use super::square_root;

    #[test]
    fn it_is_right_to_the_last_bits() {
        for exponent in (-120..120).step_by(if cfg!(miri) { 17 } else { 1 }) {
            for step in 0..64 {
                let x = (1.0 + step as f32 / 64.0) * 2.0_f32.powi(exponent);
                let error = f64::from(square_root(x)) / f64::from(x).sqrt() - 1.0;
                assert!(error.abs() < 1.3e-7, "{x} {error}");
            }
        }
        assert_eq!([0.0, -1.0, f32::NAN, f32::NEG_INFINITY].map(square_root), [0.0; 4]);
    }
}
