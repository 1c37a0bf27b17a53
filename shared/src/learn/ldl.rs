//! L D L^T of a symmetric matrix (Cholesky without square roots), in place, and what is solved with it.
//!
//! Of a matrix only the lower triangle is used: D on the diagonal, L below it, whose own diagonal is 1. Each number is one expression with a
//! stated order, so that every processor with IEEE 754 arithmetic has the same bits.

/// A square matrix of which the first rows and columns are used.
pub(super) type Square<const WIDTH: usize> = [[f32; WIDTH]; WIDTH];

/// Row i: u\[j\] = m\[i\]\[j\] - u\[0\] l\[j\]\[0\] - u\[1\] l\[j\]\[1\] ...; then l\[i\]\[j\] = u\[j\] / d\[j\], and d\[i\] = m\[i\]\[i\] - u\[0\] l\[i\]\[0\] - ...
pub(super) fn factor<const WIDTH: usize>(matrix: &mut Square<WIDTH>, width: usize) {
    for index in 0..width {
        let Some((above, rest)) = matrix.split_at_mut_checked(index) else { return };
        let Some(row) = rest.first_mut() else { return };
        for (column, earlier) in above.iter().enumerate() {
            let Some((done, open)) = row.split_at_mut_checked(column) else { return };
            let Some(entry) = open.first_mut() else { return };
            done.iter().zip(earlier).for_each(|(u, l)| *entry -= u * l);
        }
        let Some((left, right)) = row.split_at_mut_checked(index) else { return };
        let Some(diagonal) = right.first_mut() else { return };
        for (entry, (column, earlier)) in left.iter_mut().zip(above.iter().enumerate()) {
            let u = *entry;
            *entry = u / earlier.get(column).copied().unwrap_or(1.0);
            *diagonal -= u * *entry;
        }
    }
}

/// L^-1 v: v\[i\] = v\[i\] - l\[i\]\[0\] v\[0\] - l\[i\]\[1\] v\[1\] ...
pub(super) fn solve_lower<const WIDTH: usize>(factor: &Square<WIDTH>, vector: &mut [f32; WIDTH], width: usize) {
    for (index, row) in factor.iter().enumerate().take(width) {
        let Some((done, open)) = vector.split_at_mut_checked(index) else { return };
        let Some(value) = open.first_mut() else { return };
        done.iter().zip(row).for_each(|(earlier, l)| *value -= l * earlier);
    }
}

/// D^-1 v.
pub(super) fn divide<const WIDTH: usize>(factor: &Square<WIDTH>, vector: &mut [f32; WIDTH], width: usize) {
    for (index, (value, row)) in vector.iter_mut().zip(factor).enumerate().take(width) {
        *value /= row.get(index).copied().unwrap_or(1.0);
    }
}

/// L^-T v: from the last to the first, v\[k\] = v\[k\] - l\[i\]\[k\] v\[i\] for each k < i.
pub(super) fn solve_upper<const WIDTH: usize>(factor: &Square<WIDTH>, vector: &mut [f32; WIDTH], width: usize) {
    for (index, row) in factor.iter().enumerate().take(width).rev() {
        let Some((before, rest)) = vector.split_at_mut_checked(index) else { return };
        let Some(value) = rest.first().copied() else { return };
        before.iter_mut().zip(row).for_each(|(earlier, l)| *earlier -= l * value);
    }
}

/// v . D^-1 v, from the first to the last.
pub(super) fn weighted_square<const WIDTH: usize>(factor: &Square<WIDTH>, vector: &[f32; WIDTH], width: usize) -> f32 {
    let mut sum = 0.0;
    for (index, (value, row)) in vector.iter().zip(factor).enumerate().take(width) {
        sum += value * value / row.get(index).copied().unwrap_or(1.0);
    }
    sum
}
