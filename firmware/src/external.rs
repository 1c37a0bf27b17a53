//! The self-test of a model whose items are read from another memory: scored one by one and ranked in blocks, the results compared and folded into
//! the checksum of [`selftest`](crate::selftest), which a host can repeat from the blob in one piece.

use matchstick::link::{Digest, SelfTest};
use matchstick::source::{MappedRows, OutOfRange, RowSource};
use matchstick::{Interrupted, PrepareError, Ranked, ReadError, RowReader, SplitModel, TopK};

use crate::workspace::WorkingMemory;

/// Memory that is read as if it were in another chip: by copying, never where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a>(pub &'a [u8]);

impl RowSource for Window<'_> {
    type Error = OutOfRange;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), OutOfRange> {
        MappedRows(self.0).read(offset, into)
    }
}

/// Why a test had no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The model does not fit the memory.
    Prepare(PrepareError),
    /// Items could not be read.
    Read(ReadError<E>),
}

impl<E> From<PrepareError> for Failure<E> {
    fn from(error: PrepareError) -> Self {
        Self::Prepare(error)
    }
}

impl<E> From<ReadError<E>> for Failure<E> {
    fn from(error: ReadError<E>) -> Self {
        Self::Read(error)
    }
}

impl<E> From<Interrupted<E>> for Failure<E> {
    fn from(interrupted: Interrupted<E>) -> Self {
        Self::Read(interrupted.error)
    }
}

/// Scores all items for a user, ranks them in one go and in slices. `stack_bytes` is left 0.
///
/// # Errors
/// [`Failure`].
pub fn run<S: RowSource>(
    rows: &mut RowReader<'_, S>,
    model: &SplitModel<'_>,
    user: u32,
    memory: &mut WorkingMemory,
) -> Result<SelfTest, Failure<S::Error>> {
    let items = model.item_rows();
    // For one item no score tables are built, for the catalogue they are.
    let mut scorer = model.prepare_user(user, 1, memory)?;
    let mut digest = Digest::new();
    let mut expected = TopK::<32>::new();
    for item in 0..items {
        let score = scorer.score(rows, item)?;
        digest.add(score);
        if item > 0 {
            expected.offer(Ranked { item, logit: score.logit });
        }
    }

    let mut scorer = model.prepare_user(user, items, memory)?;
    let mut whole = TopK::<32>::new();
    scorer.rank(rows, &mut whole, |_| true)?;
    let mut slices = TopK::<32>::new();
    let middle = items / 3;
    scorer.rank_rows(rows, middle..items, &mut slices, |_| true)?;
    scorer.rank_rows(rows, 0..middle, &mut slices, |_| true)?;
    let mismatches = u32::from(whole != expected) + u32::from(slices != expected);
    Ok(SelfTest { items, mismatches, crc32: digest.finish(), stack_bytes: 0 })
}

#[cfg(test)]
mod tests {
    use matchstick::blob::tiny;
    use matchstick::link::User;
    use matchstick::{Line, LoadError, Model};

    use super::*;
    use crate::selftest;

    #[test]
    fn has_the_outcome_of_the_self_test_in_one_piece() {
        for blob in [tiny::folded(), tiny::concat()] {
            let model = Model::from_bytes(&blob).unwrap();
            let (mut near, mut blocks) = ([Line::ZERO; 64], [Line::ZERO; 16]);
            let mut rows = RowReader::new(Window(&blob), &mut blocks);
            let split = SplitModel::load(&mut rows, &mut near).unwrap();
            let mut memory = Box::new(WorkingMemory::with_tables());
            for user in 0..model.user_rows() {
                let outcome = run(&mut rows, &split, user, &mut memory).unwrap();
                assert_eq!(outcome.mismatches, 0);
                assert_eq!(Ok(outcome), selftest::run(&model, User::Index(user), &mut memory));
            }
        }
    }

    #[test]
    fn a_window_that_ends_early_fails_by_name() {
        let blob = tiny::folded();
        let (mut near, mut blocks) = ([Line::ZERO; 64], [Line::ZERO; 16]);
        let mut rows = RowReader::new(Window(&blob), &mut blocks);
        let split = SplitModel::load(&mut rows, &mut near).unwrap();
        let mut blocks = [Line::ZERO; 16];
        let mut cut = RowReader::new(Window(&blob[..64]), &mut blocks);
        let mut memory = Box::new(WorkingMemory::with_tables());
        let failure = run(&mut cut, &split, 1, &mut memory).unwrap_err();
        assert_eq!(failure, Failure::Read(ReadError::Source(OutOfRange)));
        let mut near = [Line::ZERO; 64];
        assert_eq!(SplitModel::load(&mut cut, &mut near).unwrap_err(), LoadError::Source(OutOfRange));
    }
}
