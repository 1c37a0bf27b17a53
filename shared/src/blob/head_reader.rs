//! Reads the head: one postcard message, number by number.
//!
//! A derived `Deserialize` gives the same values and takes 2.5 KiB more flash on a Cortex-M0, a third of the engine: it decodes
//! varints in each place where one stands and checks for an error behind each field. Here an error is kept and looked at once.

use core::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::BlobError;
use super::head::{
    Head, ItemEncoding, Layer, Layout, MAX_LAYERS, OutputForm, Quality, SECTION_KINDS, Section, SectionKind,
};
use crate::supports;

/// Reads the head at the start of `bytes` into `head`, and returns what follows it.
pub(super) fn read<'a>(bytes: &'a [u8], head: &mut Head<'a>) -> Result<&'a [u8], BlobError> {
    let mut reader = HeadReader { rest: bytes, failed: false };
    reader.head(head);
    if reader.failed { Err(BlobError::BadHead) } else { Ok(reader.rest) }
}

/// A list in the head, which stays in the blob: entries are decoded when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct List<'a, T> {
    count: u32,
    /// The entries, and what follows them.
    encoded: &'a [u8],
    entries: PhantomData<T>,
}

/// What a list in the head may hold.
pub trait Entry: Copy {
    #[doc(hidden)]
    fn read(reader: &mut HeadReader<'_>) -> Self;
}

impl Entry for Layer {
    #[inline(never)]
    fn read(reader: &mut HeadReader<'_>) -> Self {
        Self { outputs: reader.short(), shift: reader.byte() }
    }
}

impl Entry for Section {
    #[inline(never)]
    fn read(reader: &mut HeadReader<'_>) -> Self {
        Self { kind: reader.variant(&SectionKind::ALL), offset: reader.number(), length: reader.number() }
    }
}

impl<T: Entry + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Entry + Eq> Eq for List<'_, T> {}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self { count: 0, encoded: &[], entries: PhantomData }
    }
}

impl<T> List<'_, T> {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a, T: Entry> List<'a, T> {
    /// The list of so many encoded entries.
    #[cfg(feature = "std")]
    pub(super) fn new(count: u32, encoded: &'a [u8]) -> Self {
        Self { count, encoded, entries: PhantomData }
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut rest = *self;
        core::iter::from_fn(move || rest.take_first())
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        self.iter().last()
    }

    /// Takes the first entry out of the list.
    pub(super) fn take_first(&mut self) -> Option<T> {
        self.count = self.count.checked_sub(1)?;
        let mut reader = HeadReader { rest: self.encoded, failed: false };
        let entry = T::read(&mut reader);
        self.encoded = reader.rest;
        Some(entry)
    }
}

impl<T: Entry + Serialize> Serialize for List<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        for entry in self.iter() {
            sequence.serialize_element(&entry)?;
        }
        sequence.end()
    }
}

/// Goes through a head from front to back.
pub struct HeadReader<'a> {
    rest: &'a [u8],
    /// Whether something was not what the format says; all that was read since then is zeros.
    failed: bool,
}

impl<'a> HeadReader<'a> {
    /// The fields in the order of `docs/blob-format.md`, in place: a head that is returned costs the stack of each function that passes it on.
    fn head(&mut self, head: &mut Head<'a>) {
        head.name = self.text();
        head.revision = self.number();
        head.layout = self.variant(&[Layout::Folded, Layout::Concat, Layout::Dot]);
        head.item_encoding = self.item_encoding();
        head.output_form =
            self.variant(&[OutputForm::SigmoidRange, OutputForm::TanhRange, OutputForm::Linear, OutputForm::Score]);
        head.user_rows = self.number();
        head.item_rows = self.number();
        head.user_width = self.short();
        head.item_width = self.short();
        head.first_width = self.short();
        head.first_shift = self.byte();
        head.layers = self.list(MAX_LAYERS);
        head.hidden_limit = self.short();
        head.user_limit = self.short();
        head.dot_width = self.short();
        head.dot_limit = self.short();
        head.dot_shift = self.byte();
        head.logit_fraction_bits = self.byte();
        head.item_bias_shift = self.byte();
        head.output_bias = self.signed();
        head.range_low_q16 = self.signed();
        head.range_span_q16 = self.number();
        head.quality = Quality {
            pairs: self.number(),
            float_rmse: self.number(),
            fixed_rmse: self.number(),
            overlap: self.number(),
        };
        head.sections = self.list(SECTION_KINDS);
    }

    /// A list stays where it is: each entry is read once here, to know that it can be read.
    fn list<T: Entry>(&mut self, most: usize) -> List<'a, T> {
        let list = List { count: self.number(), encoded: self.rest, entries: PhantomData };
        if list.len() > most {
            self.failed = true;
            return list;
        }
        for _ in 0..list.count {
            T::read(self);
        }
        list
    }

    #[inline(never)]
    fn number(&mut self) -> u32 {
        let (number, rest) = postcard::take_from_bytes::<u32>(self.rest).unwrap_or_else(|_| {
            self.failed = true;
            (0, &[])
        });
        self.rest = rest;
        number
    }

    #[inline(never)]
    fn short(&mut self) -> u16 {
        u16::try_from(self.number()).unwrap_or_else(|_| {
            self.failed = true;
            0
        })
    }

    /// A u8 is no varint: any byte is one.
    #[inline(never)]
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.rest.split_first() else {
            self.failed = true;
            return 0;
        };
        self.rest = rest;
        byte
    }

    /// Signed numbers are zig-zag encoded: 0, -1, 1, -2, ...
    fn signed(&mut self) -> i32 {
        let number = self.number();
        (number >> 1).cast_signed() ^ (number & 1).wrapping_neg().cast_signed()
    }

    fn text(&mut self) -> &'a str {
        let length = self.number() as usize;
        let text = self.rest.split_at_checked(length).and_then(|(text, rest)| {
            self.rest = rest;
            // Checking text takes 600 bytes of flash.
            if supports::NAMES { core::str::from_utf8(text).ok() } else { Some("") }
        });
        text.unwrap_or_else(|| {
            self.failed = true;
            ""
        })
    }

    /// An enum without fields, by its index.
    fn variant<T: Copy + Default>(&mut self, variants: &[T]) -> T {
        let index = self.number() as usize;
        variants.get(index).copied().unwrap_or_else(|| {
            self.failed = true;
            T::default()
        })
    }

    fn item_encoding(&mut self) -> ItemEncoding {
        match self.number() {
            0 => ItemEncoding::Int8,
            1 => ItemEncoding::Int4,
            2 => ItemEncoding::Pq { codes: self.byte() },
            _ => {
                self.failed = true;
                ItemEncoding::Int8
            }
        }
    }
}
