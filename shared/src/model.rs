//! A model: a blob that has been checked.

use crate::blob::{BlobError, Head, Sections, Strings, reader};
use crate::fixed::RatingQ16;
use crate::{Memory, PrepareError, Scorer, UserError, UserVector};

/// A checked blob, borrowed from where it lies. Nothing is copied but the head.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    bytes: &'a [u8],
    head: Head<'a>,
    sections: Sections<'a>,
}

impl<'a> Model<'a> {
    /// Reads exactly one blob: bytes behind its end are refused.
    ///
    /// # Errors
    /// [`BlobError`] says what is wrong; every byte has been checked when there is none.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, BlobError> {
        if reader::stated_length(bytes)? != bytes.len() {
            return Err(BlobError::WrongLength);
        }
        let (head, sections) = reader::read(bytes)?;
        Ok(Self { bytes, head, sections })
    }

    /// Reads the blob with which a flash region begins; what lies behind it is not looked at.
    ///
    /// # Errors
    /// [`BlobError`] says what is wrong.
    pub fn from_region(region: &'a [u8]) -> Result<Self, BlobError> {
        let length = reader::stated_length(region)?;
        Self::from_bytes(region.get(..length).ok_or(BlobError::WrongLength)?)
    }

    /// The head, as it stands in the blob.
    #[must_use]
    pub fn head(&self) -> &Head<'a> {
        &self.head
    }

    pub(crate) fn sections(&self) -> &Sections<'a> {
        &self.sections
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

    /// The lower end of the rating range.
    #[must_use]
    pub fn lowest_rating(&self) -> RatingQ16 {
        RatingQ16(self.head.range_low_q16)
    }

    /// The upper end of the rating range.
    #[must_use]
    pub fn highest_rating(&self) -> RatingQ16 {
        RatingQ16(self.head.range_low_q16.saturating_add_unsigned(self.head.range_span_q16))
    }

    /// External ids of users, where the blob has them.
    #[must_use]
    pub fn user_ids(&self) -> Option<Strings<'a>> {
        self.sections.user_ids
    }

    /// External ids of items, where the blob has them.
    #[must_use]
    pub fn item_ids(&self) -> Option<Strings<'a>> {
        self.sections.item_ids
    }

    /// Titles of items, where the blob has them.
    #[must_use]
    pub fn item_titles(&self) -> Option<Strings<'a>> {
        self.sections.item_titles
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
    /// # Errors
    /// [`PrepareError`].
    pub fn prepare<'s, const USER: usize, const CAPACITY: usize>(
        &'s self,
        user: &UserVector<USER>,
        memory: &'s mut Memory<CAPACITY>,
    ) -> Result<Scorer<'s>, PrepareError> {
        Scorer::prepare(self, user, memory)
    }
}
