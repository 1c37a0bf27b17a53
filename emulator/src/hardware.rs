//! What is to be known of a board that people own: what it is called, what it has, and how its owner would flash it.

use serde::Deserialize;

/// The table `[hardware]` of a board's `board.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// What people call the board.
    pub title: String,
    /// The chip on it.
    pub chip: String,
    /// The crate of its image, in the workspace `firmware/boards`; the image has the same name.
    pub package: String,
    /// The manifest of the workspace that it is a member of.
    #[serde(default = "boards_workspace")]
    pub manifest: String,
    /// Clock of the core once the firmware runs.
    pub clock_hz: u32,
    /// All its flash.
    pub flash_bytes: u32,
    /// All its RAM.
    pub ram_bytes: u32,
    /// Bytes of flash that are erased at once, as the firmware's driver counts them: store and slots consist of such pages.
    pub page_bytes: u32,
    /// Bytes of flash that are written at once.
    pub write_bytes: u32,
    /// How far the image was tried. Nobody has run any of them on silicon.
    pub tested: Tested,
    /// The ways to flash it, the one that its owner would take first.
    pub flashing: Vec<Flashing>,
}

fn boards_workspace() -> String {
    "firmware/boards/Cargo.toml".to_owned()
}

/// How far an image was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// This very image runs in QEMU, in a model of its chip.
    Emulated,
    /// The image is built and its structure is checked. Engine and service run in QEMU on a core of the same kind, with other drivers.
    OtherCore,
    /// The image is built and its structure is checked, and no core of its kind is emulated.
    BuiltOnly,
}

impl Tested {
    /// The same in a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Emulated => "this image in QEMU",
            Self::OtherCore => "built and checked; engine and service in QEMU on another board's core",
            Self::BuiltOnly => "built and checked only",
        }
    }
}

/// A way to flash a board.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Flashing {
    /// A UF2 file, dropped onto the drive that the board's boot loader shows.
    Uf2 {
        /// Which chips the file is for.
        family: u32,
        /// `Board-ID` in the drive's `INFO_UF2.TXT`.
        board_id: String,
        /// The drive's label.
        volume: String,
    },
    /// An Intel HEX file, dropped onto the drive that the board's debug chip shows.
    Hex {
        /// The drive's label.
        volume: String,
        /// What `Unique ID` in the drive's `DETAILS.TXT` begins with, one of these: the kind of board. None where the drive has no such file.
        #[serde(default)]
        unique_ids: Vec<String>,
    },
    /// By the program `probe-rs`, through the debug chip on the board or a probe beside it.
    ProbeRs {
        /// The chip, as `probe-rs` calls it.
        chip: String,
    },
    /// By the program `espflash`, over the board's USB or serial port.
    Espflash {
        /// The chip, as `espflash` calls it.
        chip: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Board;

    #[test]
    fn a_way_to_flash_is_read_and_a_misspelt_one_is_refused() {
        let text = "way = \"uf2\"\nfamily = 0xE48B_FF56\nboard_id = \"RPI-RP2\"\nvolume = \"RPI-RP2\"\n";
        let uf2 = Flashing::Uf2 { family: 0xE48B_FF56, board_id: "RPI-RP2".into(), volume: "RPI-RP2".into() };
        assert_eq!(toml::from_str::<Flashing>(text).unwrap(), uf2);
        assert!(toml::from_str::<Flashing>("way = \"probers\"\nchip = \"RP2040\"\n").is_err());
        assert!(toml::from_str::<Flashing>("way = \"probe-rs\"\nchips = \"RP2040\"\n").is_err());
    }

    #[test]
    fn owned_boards_have_a_way_to_be_flashed_and_regions_of_whole_pages_within_their_flash() {
        for board in Board::owned() {
            let hardware = board.hardware.as_ref().unwrap();
            let name = &board.name;
            assert!(!hardware.flashing.is_empty(), "{name}");
            let is_behind = board.flash.end() <= u64::from(board.store.start);
            let is_within = board.flash.start < board.store.start && board.store.end() < board.flash.end();
            assert!(is_behind || is_within, "{name}: the store is a hole in the firmware's flash, or behind it");
            assert!(board.flash.end().max(board.store.end()) <= u64::from(board.slots.start), "{name}");
            assert!(board.slots.end() - u64::from(board.flash.start) <= u64::from(hardware.flash_bytes), "{name}");
            assert!(board.ram.length <= hardware.ram_bytes, "{name}");
            for at in [board.store.start, board.store.length, board.slots.length / 2] {
                assert_eq!(at % hardware.page_bytes, 0, "{name}: {at:#x} is not a whole number of pages");
            }
            assert!(board.store.length / hardware.page_bytes >= 3, "{name}: a store takes three pages");
            assert!(hardware.page_bytes % hardware.write_bytes == 0 && 16 % hardware.write_bytes == 0, "{name}");
            assert_eq!(board.qemu.is_some(), hardware.tested == Tested::Emulated, "{name}");
        }
    }
}
