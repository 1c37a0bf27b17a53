//! UF2, the files that boot drives take: <https://github.com/microsoft/uf2>. Blocks of 512 bytes, each of which says where its 256 go.

use crate::Segments;

/// What a block carries. Boot ROMs take nothing else, and want it at a multiple of it.
pub const PAYLOAD_BYTES: u32 = 256;

/// Bytes of a block.
const BLOCK_BYTES: usize = 512;
/// Where the payload begins.
const HEADER_BYTES: usize = 32;

const MAGIC: [u32; 2] = [0x0A32_4655, 0x9E5D_5157];
const END_MAGIC: u32 = 0x0AB1_6F30;
/// The number of bytes of the file is not stated: the family is.
const FAMILY_PRESENT: u32 = 0x2000;

/// The file of these segments for boards of this family.
///
/// Bytes beside the segments in a block are 0xFF. A boot loader erases a sector when the first block of it arrives, so what shares a sector with the
/// segments and is not among them is lost.
#[must_use]
pub fn write(segments: &Segments, family: u32) -> Vec<u8> {
    let pages = segments.pages(PAYLOAD_BYTES);
    let count = pages.len() as u32;
    let mut file = Vec::with_capacity(pages.len() * BLOCK_BYTES);
    for (number, page) in (0..).zip(&pages) {
        let start = file.len();
        for word in [MAGIC[0], MAGIC[1], FAMILY_PRESENT, page.address, PAYLOAD_BYTES, number, count, family] {
            file.extend(word.to_le_bytes());
        }
        debug_assert_eq!(file.len() - start, HEADER_BYTES);
        file.extend(&page.bytes);
        file.resize(start + BLOCK_BYTES - 4, 0);
        file.extend(END_MAGIC.to_le_bytes());
    }
    file
}
