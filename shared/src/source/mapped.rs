//! Flash that appears in the core's address space: rows are lent where they lie.

use core::fmt;

use super::RowSource;

/// A read past the end of what is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a read past the end of the mapped memory")
    }
}

impl core::error::Error for OutOfRange {}

/// Memory that begins with a blob and can be read like any other. It lends rows if it starts at an address divisible by 4, else they are copied.
///
/// Where the whole blob is mapped and starts at an address divisible by 16, [`Model::from_region`](crate::Model::from_region) needs neither a source
/// nor buffers. This source is for memory that is slow or far: everything but the rows is copied into RAM once.
#[derive(Clone, Copy, Debug)]
pub struct MappedRows<'a>(pub &'a [u8]);

impl MappedRows<'_> {
    fn range(&self, offset: u32, length: usize) -> Option<&[u8]> {
        self.0.get(usize::try_from(offset).ok()?..)?.get(..length)
    }
}

impl RowSource for MappedRows<'_> {
    type Error = OutOfRange;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), OutOfRange> {
        let from = self.range(offset, into.len()).ok_or(OutOfRange)?;
        // The lengths are equal; `copy_from_slice` would keep a panic path for the case that they are not.
        into.iter_mut().zip(from).for_each(|(into, from)| *into = *from);
        Ok(())
    }

    fn mapped(&self, offset: u32, length: usize) -> Option<&[u8]> {
        let range = self.range(offset, length)?;
        (range.as_ptr().addr() & 3 == 0).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::{MappedRows, OutOfRange};
    use crate::source::RowSource;

    #[test]
    fn lends_and_copies_what_is_there_and_nothing_else() {
        let words = [0x0302_0100_u32, 0x0706_0504];
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        let mut source = MappedRows(bytes);
        assert_eq!(source.mapped(4, 4), Some(&[4, 5, 6, 7][..]));
        assert_eq!(source.mapped(8, 0), Some(&[][..]));
        assert_eq!(source.mapped(4, 5), None);
        assert_eq!(source.mapped(u32::MAX, 4), None);
        let mut into = [0; 3];
        assert_eq!(source.read(5, &mut into), Ok(()));
        assert_eq!(into, [5, 6, 7]);
        assert_eq!(source.read(6, &mut into), Err(OutOfRange));
        assert_eq!(source.read(u32::MAX, &mut into), Err(OutOfRange));
        assert_eq!(into, [5, 6, 7], "nothing was written");
    }

    #[test]
    fn memory_at_an_odd_address_is_copied() {
        let words = [0x0302_0100_u32, 0x0706_0504];
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        let mut source = MappedRows(&bytes[1..]);
        assert_eq!(source.mapped(0, 4), None);
        let mut into = [0; 4];
        assert_eq!(source.read_during(0, &mut into, || "done"), Ok("done"));
        assert_eq!(into, [1, 2, 3, 4]);
        assert_eq!(source.read_during(4, &mut into, || "done"), Err(OutOfRange));
    }
}
