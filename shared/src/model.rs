//! A model: a blob that has been checked.

use core::ops::Range;

use crate::blob::{self, BlobError, Head, ItemBlock, OutputForm, Sections, Strings, reader};
use crate::dims::{Dims, NetKind};
use crate::fixed::{Logit, RatingQ16};
use crate::kernels::{Kernels, Native};
use crate::ops::{look_up, rating};
use crate::prepared::{NetValues, Prepared, UserValues};
use crate::supports;
use crate::{Memory, PrepareError, Score, Scorer, UserError, UserVector};

/// A checked blob, borrowed from where it lies. Nothing is copied but the head.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    bytes: &'a [u8],
    head: Head<'a>,
    sections: Sections<'a>,
    dims: Dims,
}

impl<'a> Model<'a> {
    /// Reads exactly one blob: bytes behind its end are refused. They start at an address divisible by 16
    /// ([`include_blob!`](crate::include_blob), or on a computer [`AlignedBytes`](crate::blob)).
    ///
    /// # Errors
    /// [`BlobError`] says what is wrong; every byte has been checked when there is none.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, BlobError> {
        Self::load(bytes, true)
    }

    /// Reads the blob with which a flash region begins, at an address divisible by 16; what lies behind it is not looked at.
    ///
    /// # Errors
    /// [`BlobError`] says what is wrong.
    pub fn from_region(region: &'a [u8]) -> Result<Self, BlobError> {
        Self::load(region, false)
    }

    /// Reads the blob at the start of `region`, or in the whole of it if nothing may follow.
    #[inline] // so that the model is filled in where the caller wants it: moved, it takes its size on the stack twice
    fn load(region: &'a [u8], is_whole: bool) -> Result<Self, BlobError> {
        let mut model =
            Self { bytes: &[], head: Head::default(), sections: Sections::default(), dims: Dims::default() };
        match model.fill(region, is_whole) {
            Ok(()) => Ok(model),
            Err(error) => Err(error),
        }
    }

    #[inline(never)] // so that the stack which loading needs is free again afterwards
    fn fill(&mut self, region: &'a [u8], is_whole: bool) -> Result<(), BlobError> {
        let length = reader::stated_length(region)?;
        let fits = if is_whole { length == region.len() } else { length <= region.len() };
        self.bytes = region.get(..length).filter(|_| fits).ok_or(BlobError::WrongLength)?;
        let body = reader::checked_body(self.bytes)?;
        let head_end = reader::read_head(body, &mut self.head)?;
        reader::read_sections(body, &self.head, head_end, &mut self.sections)?;
        self.dims = Dims::of(&self.head);
        Ok(())
    }

    /// Parts that have been checked elsewhere.
    pub(crate) fn from_parts(bytes: &'a [u8], head: Head<'a>, sections: Sections<'a>) -> Self {
        let dims = Dims::of(&head);
        Self { bytes, head, sections, dims }
    }

    /// The head, as it stands in the blob.
    #[must_use]
    pub fn head(&self) -> &Head<'a> {
        &self.head
    }

    pub(crate) fn sections(&self) -> &Sections<'a> {
        &self.sections
    }

    pub(crate) fn dims(&self) -> &Dims {
        &self.dims
    }

    /// The items of these rows; none where there are no such rows.
    pub(crate) fn items(&self, rows: Range<usize>) -> ItemBlock<'a> {
        self.sections.items.part(&self.dims, rows)
    }

    /// One item; row 0 where there is no such row.
    pub(crate) fn item(&self, item: u32) -> ItemBlock<'a> {
        let row = if item < self.head.item_rows { item as usize } else { 0 };
        self.items(row..row.saturating_add(1))
    }

    /// A stored user; row 0 where there is no such row.
    pub(crate) fn stored_user(&self, user: u32) -> UserValues<'a> {
        let Sections { wide_users, narrow_users, user_dots, .. } = self.sections;
        let Dims { net, user_quads, dot_quads, .. } = self.dims;
        let net = if supports::LAYERS && net == NetKind::Concat {
            NetValues::Narrow(look_up(narrow_users, user_quads, user))
        } else {
            NetValues::Wide(look_up(wide_users, user_quads, user))
        };
        UserValues { net, dot: if dot_quads > 0 { look_up(user_dots, dot_quads, user) } else { &[] } }
    }

    /// Logit and rating of a stored user and an item; row 0 where there is no such row. For one pair that is faster than preparing the user
    /// first; for several items of one user it is slower.
    ///
    /// # Errors
    /// [`PrepareError::MemoryTooSmall`].
    pub fn score<const CAPACITY: usize, const TABLE_WORDS: usize>(
        &self,
        user: u32,
        item: u32,
        memory: &mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<Score, PrepareError> {
        let stored = self.stored_user(user);
        if let (NetKind::Int8, 0, NetValues::Wide(values)) = (self.dims.net, self.dims.dot_quads, stored.net) {
            let ItemBlock { biases, rows, .. } = self.sections.items;
            let item = if item < self.head.item_rows { item } else { 0 };
            let row = look_up(rows, self.dims.row_quads, item);
            let bias = biases.get(item as usize).copied().unwrap_or_default();
            let sum = Native::fold_sum(values, self.sections.output_weights, row);
            let logit = self.logit_of_sum(bias, sum);
            return Ok(Score { logit, rating: self.rating(logit) });
        }
        // Borrowed, because moving it out of the result copies it whole where the compiler optimises for size.
        match &mut Prepared::new(self, stored, 1, memory) {
            Ok(prepared) => Ok(prepared.score(&self.item(item))),
            Err(error) => Err(*error),
        }
    }

    /// A single sum with what is added to it. The loader has checked that all of it stays within an i32.
    fn logit_of_sum(&self, bias: i16, sum: i32) -> Logit {
        let shifted = i32::from(bias) << (self.head.item_bias_shift & 15);
        Logit(self.head.output_bias.wrapping_add(shifted).wrapping_add(sum))
    }

    /// What is shown for a logit of this model: a rating, or, where the [output form](Self::output_form) is
    /// [`Score`](OutputForm::Score), the logit with 16 fraction bits.
    #[must_use]
    pub fn rating(&self, logit: Logit) -> RatingQ16 {
        rating(&self.head, logit)
    }

    /// What turns a logit into what is shown. The ratings of a model whose form is [`Score`](OutputForm::Score) are none: they say
    /// which item comes first, not how many stars somebody would give, and those of two users can't be compared.
    #[must_use]
    pub fn output_form(&self) -> OutputForm {
        self.head.output_form
    }

    /// The whole blob, without whatever followed it in its region.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Rows of the user table, the unknown user (row 0) included; 1 where users are not stored.
    #[must_use]
    pub fn user_rows(&self) -> u32 {
        self.head.user_rows
    }

    /// Rows of the item table, the unknown item (row 0) included; items are 1 to `item_rows() - 1`.
    #[must_use]
    pub fn item_rows(&self) -> u32 {
        self.head.item_rows
    }

    /// The capacity that [`Memory`] and [`UserVector`] need for this model.
    #[must_use]
    pub fn required_capacity(&self) -> usize {
        self.head.required_capacity()
    }

    /// The words of table memory with which [`Memory`] lets this model be ranked by score tables; 0 when it has none.
    #[must_use]
    pub fn table_words(&self) -> usize {
        self.head.table_words()
    }

    /// The bytes of memory that a [`SplitModel`](crate::SplitModel) of this blob needs near the core: all that stands before strings and items.
    #[must_use]
    pub fn near_bytes(&self) -> usize {
        blob::near_bytes(&self.head)
    }

    /// The lower end of the rating range: no rating is below it. Scores have no range, theirs is that of all numbers.
    #[must_use]
    pub fn lowest_rating(&self) -> RatingQ16 {
        RatingQ16(if self.is_score() { i32::MIN } else { self.head.range_low_q16 })
    }

    /// The upper end of the rating range: no rating is above it. Scores have no range, theirs is that of all numbers.
    #[must_use]
    pub fn highest_rating(&self) -> RatingQ16 {
        if self.is_score() {
            return RatingQ16(i32::MAX);
        }
        RatingQ16(self.head.range_low_q16.saturating_add_unsigned(self.head.range_span_q16))
    }

    fn is_score(&self) -> bool {
        supports::OUTPUT_FORMS && self.head.output_form == OutputForm::Score
    }

    fn strings(&self, position: usize) -> Option<Strings<'a>> {
        self.sections.strings.get(position).copied().flatten()
    }

    /// External ids of users, where the blob has them.
    #[must_use]
    pub fn user_ids(&self) -> Option<Strings<'a>> {
        self.strings(0)
    }

    /// External ids of items, where the blob has them.
    #[must_use]
    pub fn item_ids(&self) -> Option<Strings<'a>> {
        self.strings(1)
    }

    /// Titles of items, where the blob has them.
    #[must_use]
    pub fn item_titles(&self) -> Option<Strings<'a>> {
        self.strings(2)
    }

    /// For the host: the scale of each user value (folded) or of all (concat), as the bits of `f32`.
    #[must_use]
    pub fn user_scale_bits(&self) -> &'a [u32] {
        self.sections.user_scales
    }

    /// The stored vector of a user; a user that the blob does not hold is row 0, the unknown user.
    ///
    /// # Errors
    /// [`UserError::CapacityTooSmall`].
    pub fn user_vector<const CAPACITY: usize>(&self, user: u32) -> Result<UserVector<CAPACITY>, UserError> {
        UserVector::from_row(self, user)
    }

    /// Computes all that depends on the user alone; then items can be scored and ranked.
    ///
    /// Where the memory has room for score tables and the catalogue repays building them, ranking looks logits up; the result is the same.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare<'s, const USER: usize, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        user: &UserVector<USER>,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<Scorer<'s>, PrepareError> {
        self.prepare_for(user, self.head.item_rows, memory)
    }

    /// The same for a given number of items to score: score tables are not built for a handful of them.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare_for<'s, const USER: usize, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        user: &UserVector<USER>,
        items: u32,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<Scorer<'s>, PrepareError> {
        let values = user.for_model(&self.head).ok_or(PrepareError::WrongUser)?;
        Ok(Scorer::new(Prepared::new(self, values, items, memory)?))
    }

    /// [`prepare_for`](Self::prepare_for) for a user of the blob, read where it lies: the fastest way to a single score. A user that the blob does
    /// not hold is row 0, the unknown user.
    ///
    /// # Errors
    /// [`PrepareError::MemoryTooSmall`].
    pub fn prepare_user<'s, const CAPACITY: usize, const TABLE_WORDS: usize>(
        &'s self,
        user: u32,
        items: u32,
        memory: &'s mut Memory<CAPACITY, TABLE_WORDS>,
    ) -> Result<Scorer<'s>, PrepareError> {
        let values = self.stored_user(user);
        Ok(Scorer::new(Prepared::new(self, values, items, memory)?))
    }
}
