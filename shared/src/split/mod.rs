//! A model in two memories: its head, weights and users near the core, its strings and item rows in another chip.
//!
//! A chip with 256 KiB ranks 300,000 items from a flash of 16 MiB this way. `load` copies the near part into RAM once and checks the whole blob;
//! ranking reads the items in blocks, one while the block before it is ranked. The numbers are those of [`Model`], to the last bit.

mod blocks;
mod load;
mod scorer;

pub use blocks::{Line, RowReader};
pub use load::LoadError;
pub use scorer::{Interrupted, ReadError, SplitScorer};

use crate::blob::{FarItems, Head, OutputForm};
use crate::fixed::RatingQ16;
use crate::prepared::{Prepared, UserValues};
use crate::source::RowSource;
use crate::{Memory, Model, PrepareError, UserError, UserVector};

/// A checked blob whose near part lies in memory of the caller, and whose items are read through a [`RowReader`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # #[cfg(feature = "std")] {
/// # let chip = matchstick::blob::tiny::folded();
/// # let chip = chip.as_slice();
/// use matchstick::source::MappedRows; // or SpiNorRows, or your own
/// use matchstick::{Line, Memory, RowReader, SplitModel, TopK};
///
/// let (mut near, mut blocks) = ([Line::ZERO; 64], [Line::ZERO; 256]);
/// let mut rows = RowReader::new(MappedRows(chip), &mut blocks);
/// let model = SplitModel::load(&mut rows, &mut near)?;
///
/// let user = model.user_vector::<64>(1)?;
/// let mut memory = Memory::<64>::new();
/// let mut scorer = model.prepare(&user, &mut memory)?;
/// let mut top = TopK::<10>::new();
/// scorer.rank(&mut rows, &mut top, |_item| true)?;
/// let score = scorer.score(&mut rows, top.as_slice()[0].item)?;
/// assert_eq!(score.logit, top.as_slice()[0].logit);
/// # }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SplitModel<'a> {
    /// Without strings and items.
    near: Model<'a>,
    items: FarItems,
}

impl<'a> SplitModel<'a> {
    /// Copies the near part of a blob into `near` and checks the whole blob, as [`Model::from_region`] does, except for the text of ids and titles,
    /// which is not read.
    ///
    /// `near` needs [`Model::near_bytes`], which the host tells beforehand. Every byte is read once, so the bytes that were checked are the bytes that are kept. The items
    /// are read again to be ranked: whatever the chip answers then, nothing but the result can be wrong.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load<S: RowSource>(rows: &mut RowReader<'_, S>, near: &'a mut [Line]) -> Result<Self, LoadError<S::Error>> {
        let (near, items) = load::load(rows, near)?;
        Ok(Self { near, items })
    }

    /// The head, as it stands in the blob.
    #[must_use]
    pub fn head(&self) -> &Head<'a> {
        self.near.head()
    }

    /// Rows of the item table, the unknown item (row 0) included; items are 1 to `item_rows() - 1`.
    #[must_use]
    pub fn item_rows(&self) -> u32 {
        self.near.item_rows()
    }

    /// As [`Model::required_capacity`].
    #[must_use]
    pub fn required_capacity(&self) -> usize {
        self.near.required_capacity()
    }

    /// As [`Model::table_words`].
    #[must_use]
    pub fn table_words(&self) -> usize {
        self.near.table_words()
    }

    /// What turns a logit into what is shown.
    #[must_use]
    pub fn output_form(&self) -> OutputForm {
        self.near.output_form()
    }

    /// The lower end of the rating range, as [`Model::lowest_rating`].
    #[must_use]
    pub fn lowest_rating(&self) -> RatingQ16 {
        self.near.lowest_rating()
    }

    /// The upper end of the rating range, as [`Model::highest_rating`].
    #[must_use]
    pub fn highest_rating(&self) -> RatingQ16 {
        self.near.highest_rating()
    }

    /// As [`Model::user_vector`].
    ///
    /// # Errors
    /// [`UserError::CapacityTooSmall`].
    pub fn user_vector<const CAPACITY: usize>(&self, user: u32) -> Result<UserVector<CAPACITY>, UserError> {
        self.near.user_vector(user)
    }

    /// As [`UserVector::from_values`].
    ///
    /// # Errors
    /// [`UserError`].
    pub fn vector_from_values<const CAPACITY: usize>(&self, values: &[i16]) -> Result<UserVector<CAPACITY>, UserError> {
        UserVector::from_values(&self.near, values)
    }

    /// As [`Model::prepare`].
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare<'s, const USER: usize, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        user: &UserVector<USER>,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<SplitScorer<'s>, PrepareError> {
        let values = user.for_model(self.head()).ok_or(PrepareError::WrongUser)?;
        self.prepare_values(values, self.item_rows(), memory)
    }

    /// As [`Model::prepare_user`].
    ///
    /// # Errors
    /// [`PrepareError::MemoryTooSmall`].
    pub fn prepare_user<'s, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        user: u32,
        items: u32,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<SplitScorer<'s>, PrepareError> {
        self.prepare_values(self.near.stored_user(user), items, memory)
    }

    fn prepare_values<'s, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        values: UserValues<'_>,
        items: u32,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<SplitScorer<'s>, PrepareError> {
        let prepared = Prepared::new(&self.near, values, items, memory)?;
        Ok(SplitScorer::new(self.head(), self.items, prepared))
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use crate::blob::tiny;
    use crate::source::{MappedRows, OutOfRange, RowSource};
    use crate::{Line, Memory, Model, RowReader, SplitModel, TopK};

    /// Reads by copying.
    struct Copied<'a>(MappedRows<'a>);

    impl RowSource for Copied<'_> {
        type Error = OutOfRange;

        fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), OutOfRange> {
            self.0.read(offset, into)
        }
    }

    fn ranks_like_the_model(model: &Model<'_>, source: impl RowSource<Error = OutOfRange>) {
        // A block holds four items, so that the last one is not full.
        let (mut near, mut blocks) = ([Line::ZERO; 32], [Line::ZERO; 12]);
        let mut rows = RowReader::new(source, &mut blocks);
        let split = SplitModel::load(&mut rows, &mut near).unwrap();
        let (mut mine, mut other) = (Memory::<8>::new(), Memory::<8>::new());
        let user = split.user_vector::<8>(1).unwrap();
        let (mut top, mut expected) = (TopK::<2>::new(), TopK::<2>::new());
        let mut scorer = split.prepare(&user, &mut mine).unwrap();
        scorer.rank(&mut rows, &mut top, |item| item != 2).unwrap();
        let mut whole = model.prepare(&user, &mut other).unwrap();
        whole.rank(&mut expected, |item| item != 2);
        assert_eq!(top, expected);
        for item in 0..=model.item_rows() {
            assert_eq!(scorer.score(&mut rows, item).unwrap(), whole.score(item));
        }
    }

    /// A short version for Miri of what the end-to-end tests do with every kind of model.
    #[test]
    fn copied_and_lent_items_rank_like_a_model_in_one_piece() {
        for blob in [tiny::folded(), tiny::concat()] {
            let model = Model::from_bytes(&blob).unwrap();
            ranks_like_the_model(&model, MappedRows(&blob));
            ranks_like_the_model(&model, Copied(MappedRows(&blob)));
        }
    }
}
