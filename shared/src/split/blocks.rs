//! Blocks of items in the caller's RAM: where each part of a block lies in the blob and in the buffer, and how it gets there.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::blob::{FarItems, Head, ItemBlock};
use crate::kernels::Quad8;
use crate::source::RowSource;

/// 16 bytes of memory at an address divisible by 16, of which the caller makes the buffers that a split model needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(16))]
pub struct Line(pub [u8; 16]);

impl Line {
    /// A line to begin with; buffers of it can stand in a `static`.
    pub const ZERO: Self = Self([0; 16]);
}

/// Bytes of a bias.
const BIAS_BYTES: usize = 2;
/// Blocks are read from an even item on and up to one, so that their biases fill words.
const ODD_BIAS_BYTES: usize = 4;

/// A source of items and the caller's buffer for two blocks of them.
///
/// 2 KiB for each block are a good start: commands and addresses are then one percent of what goes over an SPI bus. Larger blocks save part of that;
/// smaller ones are there sooner, which counts where a ranking is done in short slices.
#[derive(Debug)]
pub struct RowReader<'b, S> {
    source: S,
    buffer: &'b mut [Line],
}

impl<'b, S: RowSource> RowReader<'b, S> {
    /// `buffer` is cut into two halves, each of which has to hold four items: twice 4 bytes and four times what an item takes.
    pub fn new(source: S, buffer: &'b mut [Line]) -> Self {
        Self { source, buffer }
    }

    /// The source, for whoever else needs the chip between two calls of the engine.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// The source back.
    pub fn release(self) -> S {
        self.source
    }

    /// The source and both halves of the buffer, of the same length.
    pub(super) fn parts(&mut self) -> (&mut S, &mut [u8], &mut [u8]) {
        let half = self.buffer.len() >> 1;
        // Both halves are always there.
        let (front, rest) = self.buffer.split_at_mut_checked(half).unwrap_or_default();
        let back = rest.get_mut(..half).unwrap_or_default();
        (&mut self.source, bytemuck::cast_slice_mut(front), bytemuck::cast_slice_mut(back))
    }

    /// Items that a half holds, if it holds at least four.
    pub(super) fn items_per_block(&self, head: &Head<'_>) -> Option<u32> {
        let half = (self.buffer.len() >> 1).saturating_mul(size_of::<Line>());
        let item = head.padded_dot_width().saturating_add(head.item_row_bytes()).saturating_add(BIAS_BYTES);
        let items = half.saturating_sub(ODD_BIAS_BYTES).checked_div(item)? & !3;
        u32::try_from(items).ok().filter(|&items| items > 0)
    }
}

/// Some items that follow one another, and where they lie in the blob.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'h> {
    pub(super) head: &'h Head<'h>,
    pub(super) offsets: FarItems,
    pub(super) first: u32,
    pub(super) end: u32,
}

/// Bytes of the blob, to be read to a place in the buffer.
struct Part {
    offset: u32,
    place: Range<usize>,
}

impl Block<'_> {
    fn items(&self) -> usize {
        self.end.saturating_sub(self.first) as usize
    }

    /// The biases from an even item on and up to one; a section is followed by zeros where the last item has no neighbour.
    fn biases(&self) -> Part {
        let (first, end) = (self.first & !1, self.end.saturating_add(1) & !1);
        let bytes = (end.saturating_sub(first) as usize).saturating_mul(2);
        Part { offset: self.offsets.biases.saturating_add(first.saturating_mul(2)), place: 0..bytes }
    }

    /// The rows of a table, behind what stands in the buffer already.
    fn rows(&self, table: u32, row_bytes: usize, before: &Part) -> Part {
        let bytes = self.items().saturating_mul(row_bytes);
        // Row sizes are at most 4,096, and the loader has checked that each table lies inside of the blob, whose length fits 32 bits.
        let offset = table.saturating_add(self.first.saturating_mul(row_bytes as u32));
        Part { offset, place: before.place.end..before.place.end.saturating_add(bytes) }
    }

    fn parts(&self) -> [Part; 3] {
        let biases = self.biases();
        let dots = self.rows(self.offsets.dots, self.head.padded_dot_width(), &biases);
        let rows = self.rows(self.offsets.rows, self.head.item_row_bytes(), &dots);
        [biases, dots, rows]
    }

    /// Reads the block into a buffer and does `work` during the largest part of it.
    pub(super) fn fetch<S: RowSource, R>(
        &self,
        source: &mut S,
        buffer: &mut [u8],
        work: impl FnOnce() -> R,
    ) -> Result<R, S::Error> {
        let [biases, dots, rows] = self.parts();
        let (last, others) = if rows.place.is_empty() { (dots, [biases, rows]) } else { (rows, [biases, dots]) };
        for part in others {
            let into = buffer.get_mut(part.place).unwrap_or_default();
            if !into.is_empty() {
                source.read(part.offset, into)?;
            }
        }
        source.read_during(last.offset, buffer.get_mut(last.place).unwrap_or_default(), work)
    }

    /// The block in a buffer into which it has been read.
    pub(super) fn view<'b>(&self, buffer: &'b [u8]) -> ItemBlock<'b> {
        self.view_of(self.parts().map(|part| buffer.get(part.place).unwrap_or_default())).unwrap_or_default()
    }

    /// The block where it lies, if the source lends it.
    pub(super) fn lent<'b>(&self, source: &'b impl RowSource) -> Option<ItemBlock<'b>> {
        let [biases, dots, rows] = self.parts();
        let lend = |part: Part| {
            if part.place.is_empty() { Some(&[][..]) } else { source.mapped(part.offset, part.place.len()) }
        };
        self.view_of([lend(biases)?, lend(dots)?, lend(rows)?])
    }

    fn view_of<'b>(&self, [biases, dots, rows]: [&'b [u8]; 3]) -> Option<ItemBlock<'b>> {
        let skipped = (self.first & 1) as usize;
        let biases: &[i16] = bytemuck::try_cast_slice(biases).ok()?;
        let dots: &[Quad8] = bytemuck::try_cast_slice(dots).ok()?;
        let rows: &[Quad8] = bytemuck::try_cast_slice(rows).ok()?;
        Some(ItemBlock { biases: biases.get(skipped..skipped.checked_add(self.items())?)?, dots, rows })
    }
}
