//! Intel HEX: lines of at most 16 bytes at an address, in ASCII. Debug probes' drives and programmers take it.

use std::fmt::Write;

use crate::Segments;

/// Bytes of a line. Some readers take no more.
const LINE_BYTES: usize = 16;

const DATA: u8 = 0;
const END_OF_FILE: u8 = 1;
const UPPER_ADDRESS: u8 = 4;

/// The file of these segments, lines ending in a line feed.
#[must_use]
pub fn write(segments: &Segments) -> String {
    let mut text = String::new();
    // At the beginning the upper half of the address is 0.
    let mut upper = 0;
    for segment in segments.iter() {
        let mut address = segment.address;
        let mut rest = &segment.bytes[..];
        while !rest.is_empty() {
            if address >> 16 != upper {
                upper = address >> 16;
                line(&mut text, UPPER_ADDRESS, 0, &(upper as u16).to_be_bytes());
            }
            // A line may not go on where the lower half of the address begins anew.
            let room = 0x1_0000 - (address & 0xFFFF) as usize;
            let (now, later) = rest.split_at(rest.len().min(LINE_BYTES).min(room));
            line(&mut text, DATA, address as u16, now);
            address = address.wrapping_add(now.len() as u32);
            rest = later;
        }
    }
    line(&mut text, END_OF_FILE, 0, &[]);
    text
}

/// Length, address, kind, bytes, and what makes the sum of all of them 0.
fn line(text: &mut String, kind: u8, address: u16, bytes: &[u8]) {
    let [high, low] = address.to_be_bytes();
    let head = [bytes.len() as u8, high, low, kind];
    let sum = head.iter().chain(bytes).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    text.push(':');
    for byte in head.iter().chain(bytes).chain(&[sum.wrapping_neg()]) {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\n');
}
