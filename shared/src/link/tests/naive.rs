//! Frames by the page, in the plainest way: the whole line at once.

use std::vec::Vec;

use super::frame::{Header, Kind};
use crate::blob::crc32;

/// The frames between zero bytes whose stuffing, length and checksum are right.
pub fn frames(line: &[u8], largest: usize) -> Vec<Vec<u8>> {
    // What follows the last zero byte isn't finished.
    let mut pieces: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    pieces.pop();
    let whole = pieces.into_iter().filter_map(unstuff).filter(|frame| frame.len() <= largest && frame.len() >= 15);
    whole.filter(|frame| crc32(&frame[..frame.len() - 4]).to_le_bytes() == frame[frame.len() - 4..]).collect()
}

/// COBS: a code n stands before n - 1 bytes, and for a zero byte behind them unless it is 255 or the last.
pub fn unstuff(mut piece: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some((&code, rest)) = piece.split_first() {
        let (run, rest) = rest.split_at_checked(usize::from(code) - 1)?;
        bytes.extend(run);
        if code != 255 && !rest.is_empty() {
            bytes.push(0);
        }
        piece = rest;
    }
    Some(bytes)
}

/// A frame's bytes on the line.
pub fn encode(header: Header, message: &[u8]) -> Vec<u8> {
    let kind = [Kind::Open, Kind::Opened, Kind::Request, Kind::Reply, Kind::WrongKey, Kind::NoSession]
        .iter()
        .position(|kind| *kind == header.kind)
        .unwrap();
    let mut frame = Vec::new();
    frame.extend(header.key.to_le_bytes());
    frame.extend(header.session.to_le_bytes());
    frame.extend(header.sequence.to_le_bytes());
    frame.push(kind as u8);
    frame.extend(message);
    frame.extend(crc32(&frame).to_le_bytes());
    stuff(&frame)
}

/// Between zero bytes.
pub fn stuff(frame: &[u8]) -> Vec<u8> {
    let mut line = Vec::from([0]);
    let mut run = Vec::new();
    for byte in frame.iter().chain(&[0]) {
        if *byte != 0 {
            run.push(*byte);
        }
        if *byte == 0 || run.len() == 254 {
            line.push(run.len() as u8 + 1);
            line.append(&mut run);
        }
    }
    line.push(0);
    line
}
