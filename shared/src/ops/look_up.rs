//! Embedding look-up: a row of a table, row 0 standing for every unknown index.

/// Row `row` of a table whose rows have `width` entries; row 0 when there is no such row, and nothing when there is no row 0.
#[must_use]
pub(crate) fn look_up<T>(table: &[T], width: u16, row: u32) -> &[T] {
    let at = |row: usize| {
        let start = row.checked_mul(width.into())?;
        table.get(start..)?.get(..width.into())
    };
    at(row as usize).or_else(|| at(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::look_up;

    #[test]
    fn unknown_rows_are_row_zero() {
        let table = [10, 11, 20, 21, 30, 31];
        assert_eq!(look_up(&table, 2, 1), [20, 21]);
        assert_eq!(look_up(&table, 2, 2), [30, 31]);
        assert_eq!(look_up(&table, 2, 3), [10, 11]);
        assert_eq!(look_up(&table, 2, u32::MAX), [10, 11]);
        assert_eq!(look_up(&table[..1], 2, 0), [0; 0]);
    }
}
