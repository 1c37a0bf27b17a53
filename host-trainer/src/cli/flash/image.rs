//! What goes into a board's flash: a model, and firmware unless it is there.

use std::path::Path;

use matchstick_emulator::{Board, Image as Kind, Region};
use matchstick_flashing::{Segments, model_segments, sha256_hex};
use serde_json::{Value, json};

use super::error::FlashError;
use crate::cli::firmware::{self, Firmware};
use crate::cli::open::BlobFile;
use crate::cli::table::thousands;
use crate::cli::terminal::{Terminal, named};

/// What goes into a board's flash.
pub struct Image {
    pub firmware: Option<Firmware>,
    /// Where it loads; empty of a chip whose loader decides that.
    code: Segments,
    model: Segments,
    /// Of the blob, for people.
    name: String,
    blob_bytes: usize,
}

impl Image {
    /// The model alone.
    pub fn of_model(board: &Board, blob: &BlobFile) -> Result<Self, FlashError> {
        let model = blob.model()?;
        let head = model.head();
        Ok(Self {
            firmware: None,
            code: Segments::default(),
            model: model_segments(board, blob.bytes())?,
            name: format!(
                "`{}`, revision {}, of {} items",
                head.name,
                head.revision,
                model.item_rows().saturating_sub(1)
            ),
            blob_bytes: blob.bytes().len(),
        })
    }

    /// Firmware and model.
    pub fn whole(
        board: &Board,
        blob: &BlobFile,
        given: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<Self, FlashError> {
        let mut image = Self::of_model(board, blob)?;
        let firmware = firmware::find(board, Kind::Device, given, Some(terminal))?;
        let other =
            |source| FlashError::OtherFirmware { path: named(&firmware.path), board: board.name.clone(), source };
        let code = Segments::of_elf(&firmware.bytes).map_err(other)?;
        if !is_converted(board) {
            code.check_within(&room(board)).map_err(other)?;
            image.code = code;
        }
        image.firmware = Some(firmware);
        Ok(image)
    }

    /// All of it.
    pub fn all(&self) -> Result<Segments, FlashError> {
        Ok(self.code.clone().and(self.model.clone())?)
    }

    /// The model.
    pub fn model(&self) -> &Segments {
        &self.model
    }

    pub fn text(&self) -> String {
        let model = format!("model: {}, {} bytes\n", self.name, thousands(self.blob_bytes as u64));
        match &self.firmware {
            Some(firmware) => format!("firmware: {}\n{model}", firmware.origin),
            None => model,
        }
    }

    pub fn json(&self) -> Value {
        let firmware = self.firmware.as_ref().map(|firmware| {
            let (path, sha256) = (named(&firmware.path), sha256_hex(&firmware.bytes));
            json!({ "path": path, "origin": firmware.origin, "sha256": sha256, "code_bytes": self.code.total_bytes() })
        });
        let address = self.model.extent().map(|(first, _)| first);
        json!({ "firmware": firmware, "model": { "name": self.name, "bytes": self.blob_bytes, "address": address } })
    }
}

/// Whether the addresses in the ELF file are not those in flash: the chip's own tool makes an image of it.
pub fn is_converted(board: &Board) -> bool {
    let ways = board.hardware.iter().flat_map(|hardware| &hardware.flashing);
    ways.clone().count() > 0 && ways.clone().all(|way| matches!(way, matchstick_emulator::Flashing::Espflash { .. }))
}

/// Where firmware may lie: in the linker's region, from the beginning of the sector in which that begins (a boot block may stand before it), but not over the owner's ratings, which
/// on some chips lie in the middle of it.
fn room(board: &Board) -> Vec<Region> {
    const SECTOR_BYTES: u32 = 4096;
    let (flash, store) = (board.flash, board.store);
    let part = |start: u32, end: u64| {
        let mut part = flash;
        (part.start, part.length) = (start, end.saturating_sub(start.into()) as u32);
        part
    };
    let start = flash.start - flash.start % SECTOR_BYTES;
    match (start..flash.end() as u32).contains(&store.start) {
        false => vec![part(start, flash.end())],
        true => vec![part(start, store.start.into()), part(store.end() as u32, flash.end())],
    }
}
