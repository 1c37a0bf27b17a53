//! The boards, read from the `board.toml` of each folder in `firmware/boards`: the emulated ones, and those that people own.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::Hardware;

/// Every emulated board's name and data. A new one is a folder and a line here (and one in `firmware/build.rs` and `firmware/src/lib.rs`).
const EMULATED: &[(&str, &str)] = &[
    ("mps2-an386", include_str!("../../firmware/boards/mps2-an386/board.toml")),
    ("mps2-an385", include_str!("../../firmware/boards/mps2-an385/board.toml")),
    ("mps2-an505", include_str!("../../firmware/boards/mps2-an505/board.toml")),
    ("mps3-an547", include_str!("../../firmware/boards/mps3-an547/board.toml")),
    ("microbit", include_str!("../../firmware/boards/microbit/board.toml")),
    ("mps2-an385-v6m", include_str!("../../firmware/boards/mps2-an385-v6m/board.toml")),
    ("riscv32-virt", include_str!("../../firmware/boards/riscv32-virt/board.toml")),
];

/// The same of boards that people own. A new one is a folder, which is a crate of the workspace `firmware/boards`, and a line here.
const OWNED: &[(&str, &str)] = &[
    ("pico", include_str!("../../firmware/boards/pico/board.toml")),
    ("pico2", include_str!("../../firmware/boards/pico2/board.toml")),
    ("pico2-riscv", include_str!("../../firmware/boards/pico2-riscv/board.toml")),
    ("microbit-v1", include_str!("../../firmware/boards/microbit-v1/board.toml")),
    ("microbit-v2", include_str!("../../firmware/boards/microbit-v2/board.toml")),
    ("nrf52840-dk", include_str!("../../firmware/boards/nrf52840-dk/board.toml")),
    ("esp32-c3", include_str!("../../firmware/boards/esp32-c3/board.toml")),
    ("lm3s6965evb", include_str!("../../firmware/boards/lm3s6965evb/board.toml")),
    ("stm32f405", include_str!("../../firmware/boards/stm32f405/board.toml")),
    ("nucleo-f411re", include_str!("../../firmware/boards/nucleo-f411re/board.toml")),
];

static BOARDS: LazyLock<Vec<Board>> = LazyLock::new(|| read(EMULATED));
static OWNED_BOARDS: LazyLock<Vec<Board>> = LazyLock::new(|| read(OWNED));

fn read(sources: &[(&str, &str)]) -> Vec<Board> {
    let parse = |(name, source): &(&str, &str)| {
        // The files are part of this program and a test reads each of them, so this can't fail for a user.
        let mut board: Board =
            toml::from_str(source).unwrap_or_else(|error| panic!("firmware/boards/{name}/board.toml: {error}"));
        (*name).clone_into(&mut board.name);
        board
    };
    sources.iter().map(parse).collect()
}

/// A board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The name of its folder.
    #[serde(skip)]
    pub name: String,
    /// The processor core, for people.
    pub core: String,
    /// The target triple.
    pub target: String,
    /// The features of the crate `matchstick-firmware` that say of the core what the triple does not: `dsp`, `mve`.
    #[serde(default)]
    pub features: Vec<String>,
    /// Features of that crate that the image [`Device`](Image::Device) is built with in place of the default ones, where there is no flash for those.
    pub device_features: Option<Vec<String>>,
    /// Which models the image [`Device`](Image::Device) runs; where nothing is said, those that a board with 256 KiB of RAM does.
    #[serde(default)]
    pub models: Models,
    /// The cargo profile that its images are built with.
    pub profile: String,
    /// What is to be known of a board that people own: what it is called, what it has, how it is flashed. None of a board that is only emulated.
    pub hardware: Option<Hardware>,
    /// How to emulate it, where that is possible; always with the boards of [`Board::all`].
    pub qemu: Option<Qemu>,
    /// Where firmware goes.
    pub flash: Region,
    /// Where the blob goes that is not uploaded: that of the images other than [`Device`](Image::Device). Empty on a board that has only that image.
    #[serde(default)]
    pub blob: Region,
    /// Static memory and stack.
    pub ram: Region,
    /// Where the image [`Device`](Image::Device) keeps ratings.
    pub store: Region,
    /// Where it keeps two models, half of it each.
    pub slots: Region,
    budget: Budgets,
    #[serde(default)]
    instructions: BTreeMap<String, f64>,
}

/// Which models an image has code and memory for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Of the engine's memory: the widest layer and user vector.
    pub capacity: usize,
    /// The most values that are learned of the owner by ratings.
    pub coordinates: usize,
    /// Features of the engine, where not all of them are in.
    pub features: Option<Vec<String>>,
}

impl Default for Models {
    fn default() -> Self {
        Self { capacity: 256, coordinates: 16, features: None }
    }
}

impl Models {
    /// Whether the image has this part of the engine: `layers`, `int4`, `pq`, `dot`, `output-forms`, ...
    #[must_use]
    pub fn have(&self, feature: &str) -> bool {
        self.features.as_ref().is_none_or(|features| features.iter().any(|name| name == feature))
    }
}

/// What QEMU needs to know of a board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// The program, as `qemu-system-arm`.
    pub binary: String,
    /// The machine's name.
    pub machine: String,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Bytes of the machine's RAM, where the flash of the image [`Device`](Image::Device) is a part of it.
    pub memory_bytes: Option<u64>,
    /// Whether the model's flash can't be written by the firmware: a model and a formatted store have to be loaded into it.
    #[serde(default)]
    pub read_only_flash: bool,
}

/// A piece of the address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its first address.
    pub start: u32,
    /// Its length in bytes.
    pub length: u32,
    /// Its first address as QEMU's loader sees it, where that isn't `start`.
    loader_start: Option<u32>,
}

impl Region {
    /// Its first address as QEMU's loader sees it.
    #[must_use]
    pub fn loader_start(&self) -> u32 {
        self.loader_start.unwrap_or(self.start)
    }

    /// One past its last address.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.start) + u64::from(self.length)
    }
}

/// What an image may use of a board, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Code and constants.
    pub flash_bytes: u64,
    /// Static memory, stack not included.
    pub ram_bytes: u64,
    /// Stack, as the painted high-water mark.
    pub stack_bytes: u64,
}

/// What the engine alone may use of a board, in bytes, when it is built for folded nets of int8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineBudget {
    /// Code and constants at opt-level "s".
    pub code_bytes: u64,
    /// Stack of loading, preparing, scoring and ranking, without the memory that the caller gives.
    pub stack_bytes: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budgets {
    #[serde(default)]
    engine: EngineBudget,
    device: Budget,
    batch: Option<Budget>,
    selftest: Option<Budget>,
    bench: Option<Budget>,
}

/// A firmware image, a binary of the crate `matchstick-firmware` or of one that builds on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Image {
    /// The product: answers what comes over the UART, and keeps ratings and models in flash.
    Device,
    /// Answers the requests in a file, by semihosting.
    Batch,
    /// Scores everything in two ways and prints checksums.
    SelfTest,
    /// Prints instruction counts.
    Bench,
    /// Ranks a blob that it reads as if it were in another chip, and prints checksums. Only tests run it.
    External,
    /// Tries the kernels of the core against naive twins. Only tests run it.
    Kernels,
    /// Learns from made-up ratings, and prints checksums and instruction counts. Only tests run it.
    Learn,
    /// Links only without a panic path; never run.
    Promises,
    /// The same of learning, which computes with floats.
    PromisesLearn,
    /// The engine and little else, for its size.
    Engine,
    /// The same calls, run: prints how much stack they take.
    Stack,
    /// Prints instruction counts of other libraries.
    Peers,
}

impl Image {
    /// The images with a budget: those that are run with a blob.
    pub const RUNNABLE: [Self; 3] = [Self::Batch, Self::SelfTest, Self::Bench];

    /// The name of the binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Batch => "batch",
            Self::SelfTest => "selftest",
            Self::Bench => "bench",
            Self::External => "external",
            Self::Kernels => "kernels",
            Self::Learn => "learn",
            Self::Promises => "promises",
            Self::PromisesLearn => "promises_learn",
            Self::Engine => "engine",
            Self::Stack => "stack",
            Self::Peers => "peers",
        }
    }

    /// Whether it is built without the default features: it measures what can be left out.
    #[must_use]
    pub const fn is_minimal(self) -> bool {
        matches!(self, Self::Engine | Self::Stack)
    }

    /// The cargo feature that it needs beside those of the board.
    #[must_use]
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Kernels => Some("kernel-suite"),
            _ => None,
        }
    }

    /// The crate that it is a binary of.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Peers => "matchstick-bench-peers",
            _ => "matchstick-firmware",
        }
    }
}

/// There is no board of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no board {name:?}{also}; the boards are {list}", list = known.join(", "))]
pub struct UnknownBoard {
    /// The name that was asked for.
    pub name: String,
    /// Those that there are.
    pub known: Vec<&'static str>,
    /// What else is to be said: that it is a board of the other kind.
    also: &'static str,
}

impl Board {
    /// All emulated boards, which have every image.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &BOARDS
    }

    /// The boards that people own. They have the image [`Device`](Image::Device) only, as a crate of its own, and [`Board::hardware`].
    #[must_use]
    pub fn owned() -> &'static [Self] {
        &OWNED_BOARDS
    }

    /// The names of all emulated boards.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        names(Self::all())
    }

    /// The emulated board of this name.
    ///
    /// # Errors
    /// [`UnknownBoard`], which lists the names there are.
    pub fn by_name(name: &str) -> Result<&'static Self, UnknownBoard> {
        let also = " that is emulated; it is flashed with `matchstick flash`";
        find(name, Self::all(), Self::owned(), also)
    }

    /// The board that people own of this name.
    ///
    /// # Errors
    /// [`UnknownBoard`], which lists the names there are.
    pub fn owned_by_name(name: &str) -> Result<&'static Self, UnknownBoard> {
        find(name, Self::owned(), Self::all(), " to be flashed; it is emulated, with `matchstick emulate`")
    }

    /// What `image` may use of this board; nothing is said of the others.
    #[must_use]
    pub fn budget(&self, image: Image) -> Option<Budget> {
        match image {
            Image::Device => Some(self.budget.device),
            Image::Batch => self.budget.batch,
            Image::SelfTest => self.budget.selftest,
            Image::Bench => self.budget.bench,
            Image::External
            | Image::Kernels
            | Image::Learn
            | Image::Promises
            | Image::PromisesLearn
            | Image::Engine
            | Image::Stack
            | Image::Peers => None,
        }
    }

    /// What the engine alone may use of this board: nothing where nothing is said, which is where it isn't measured.
    #[must_use]
    pub fn engine_budget(&self) -> EngineBudget {
        self.budget.engine
    }

    /// How many instructions each measured call may take on this board, by the name of the measurement. What the board has no memory for is
    /// not in it.
    #[must_use]
    pub fn instruction_budgets(&self) -> &BTreeMap<String, f64> {
        &self.instructions
    }

    /// Whether a firmware build for its triple means this board when none is named.
    #[must_use]
    pub fn is_first_of_target(&self) -> bool {
        Self::all().iter().find(|board| board.target == self.target).is_some_and(|first| first.name == self.name)
    }
}

fn names(boards: &'static [Board]) -> Vec<&'static str> {
    boards.iter().map(|board| board.name.as_str()).collect()
}

/// The board of this name among some; `also` is said of one that is among the others.
fn find(
    name: &str,
    boards: &'static [Board],
    others: &[Board],
    also: &'static str,
) -> Result<&'static Board, UnknownBoard> {
    boards.iter().find(|board| board.name == name).ok_or_else(|| UnknownBoard {
        name: name.to_owned(),
        known: names(boards),
        also: if others.iter().any(|board| board.name == name) { also } else { "" },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Reads `NAME : ORIGIN = X, LENGTH = Y` of a memory.x.
    fn region(map: &str, name: &str) -> (u64, u64) {
        let line = map.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let value = |key: &str| {
            let text = line.split(key).nth(1).unwrap().trim_start_matches([' ', '=']);
            let text = text.split([',', ' ']).next().unwrap().trim();
            let (digits, unit) = match text.strip_suffix(['K', 'M']) {
                Some(digits) => (digits, if text.ends_with('K') { 1 << 10 } else { 1 << 20 }),
                None => (text, 1),
            };
            let digits = digits.strip_prefix("0x").map_or_else(|| digits.parse(), |hex| u64::from_str_radix(hex, 16));
            digits.unwrap() * unit
        };
        (value("ORIGIN"), value("LENGTH"))
    }

    #[test]
    fn every_board_file_is_read_and_every_folder_is_listed() {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards");
        let folders = folders.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let boards = folders.filter(|folder| folder.join("board.toml").is_file());
        let mut boards: Vec<_> =
            boards.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let mut names = [Board::names(), names(Board::owned())].concat();
        boards.sort();
        names.sort_unstable();
        assert_eq!(names, boards);
        assert!(Board::all().iter().all(|board| board.qemu.is_some() && board.hardware.is_none()));
        assert!(Board::owned().iter().all(|board| board.hardware.is_some()));
    }

    #[test]
    fn regions_agree_with_the_linkers_memory_map() {
        for board in Board::all() {
            let map =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards").join(&board.name).join("memory.x");
            let map = std::fs::read_to_string(map).unwrap();
            for (name, ours) in [
                ("FLASH", board.flash),
                ("BLOB", board.blob),
                ("RAM", board.ram),
                ("STORE", board.store),
                ("SLOTS", board.slots),
            ] {
                let linkers = region(&map, name);
                assert_eq!(linkers, (u64::from(ours.start), u64::from(ours.length)), "{name} of {}", board.name);
            }
        }
    }

    #[test]
    fn regions_of_owned_boards_agree_with_the_linkers_memory_map() {
        for board in Board::owned() {
            let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards").join(&board.name);
            let Ok(map) = std::fs::read_to_string(map.join("memory.x")) else {
                // The HAL has its own memory map: the program itself says where in flash store and slots are.
                let source = std::fs::read_to_string(map.join("src/main.rs")).unwrap();
                let number = |name: &str| {
                    let text = source.split(&format!("const {name}: u32 = 0x")).nth(1).unwrap().split(';').next();
                    u32::from_str_radix(&text.unwrap().replace('_', ""), 16).unwrap()
                };
                let found = ["STORE", "SLOTS", "SLOT_BYTES"].map(number);
                assert_eq!(found, [board.store.start, board.slots.start, board.slots.length / 2], "{}", board.name);
                continue;
            };
            for (name, ours) in [("RAM", board.ram), ("STORE", board.store), ("SLOTS", board.slots)] {
                let linkers = region(&map, name);
                assert_eq!(linkers, (u64::from(ours.start), u64::from(ours.length)), "{name} of {}", board.name);
            }
            // What a boot loader takes stands before the code.
            let (start, length) = region(&map, "FLASH");
            assert!(start >= board.flash.start.into() && start + length == board.flash.end(), "{}", board.name);
        }
    }

    #[test]
    fn profiles_of_owned_boards_are_those_of_the_others() {
        let read = |text: &str| text.parse::<toml::Table>().unwrap();
        let root = read(include_str!("../../Cargo.toml"));
        let all = [
            include_str!("../../firmware/boards/Cargo.toml"),
            include_str!("../../firmware/boards/esp32-c3/Cargo.toml"),
        ];
        for owned in all.map(read) {
            for profile in ["firmware", "firmware-small"] {
                assert_eq!(root["profile"][profile], owned["profile"][profile], "{profile}");
            }
            assert_eq!(root["workspace"]["lints"], owned["workspace"]["lints"]);
            assert_eq!(root["workspace"]["package"], owned["workspace"]["package"]);
        }
    }

    /// The order matters where boards share a target: both sides call the same one the first.
    #[test]
    fn build_script_has_the_same_targets_in_the_same_order() {
        let script = include_str!("../../firmware/build.rs");
        let mut positions = Board::all().iter().map(|board| {
            let line = format!("(\"{}\", \"{}\")", board.name, board.target);
            script.find(&line).unwrap_or_else(|| panic!("firmware/build.rs lacks {line}"))
        });
        assert!(positions.by_ref().is_sorted());
    }

    #[test]
    fn each_target_has_one_first_board() {
        for board in Board::all() {
            let first = |other: &&Board| other.target == board.target && other.is_first_of_target();
            assert_eq!(Board::all().iter().filter(first).count(), 1, "{}", board.target);
        }
        assert!(!Board::by_name("mps3-an547").unwrap().is_first_of_target());
    }

    #[test]
    fn a_board_has_only_features_that_the_firmware_has() {
        let manifest: toml::Table = include_str!("../../firmware/Cargo.toml").parse().unwrap();
        let features = manifest["features"].as_table().unwrap();
        for board in Board::all() {
            let named = board.features.iter().chain(board.device_features.iter().flatten());
            assert!(named.clone().all(|feature| features.contains_key(feature)), "{}", board.name);
        }
    }

    /// The memory of an image, and which models it is built for, are code; here they are data.
    #[test]
    fn what_is_said_of_models_is_what_the_images_have() {
        let read = |path: String| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let large = read("firmware/support/src/large.rs".into());
        let number = |text: &str, name: &str| -> usize {
            let behind = text.split(&format!("const {name}: usize = ")).nth(1).unwrap();
            behind.split(';').next().unwrap().replace('_', "").parse().unwrap()
        };
        for board in Board::all().iter().chain(Board::owned()) {
            let Board { name, models, .. } = board;
            // Two boards may have one image, built for two cores.
            let crate_of = |hardware: &Hardware| hardware.package.trim_start_matches("matchstick-").to_owned();
            let source = match &board.hardware {
                Some(hardware) => read(format!("firmware/boards/{}/src/main.rs", crate_of(hardware))),
                None => read(format!("firmware/boards/{name}/board.rs")),
            };
            let own = source.split("service::Service<").nth(1).map(|own| own.split('>').next().unwrap());
            let parameters: Vec<&str> = own.unwrap_or("1024, WIDTH, TABLE_WORDS, 16, 2048").split(", ").collect();
            assert!(own.is_some() || large.contains("Service<1024, WIDTH, TABLE_WORDS, 16, 2048>"), "{name}");
            let capacity = parameters[1].parse().unwrap_or_else(|_| number(&large, "WIDTH"));
            assert_eq!((models.capacity, models.coordinates), (capacity, parameters[3].parse().unwrap()), "{name}");
            let features = match &board.hardware {
                None => board.device_features.clone(),
                Some(hardware) => {
                    let manifest = read(format!("firmware/boards/{}/Cargo.toml", crate_of(hardware)));
                    let of_engine = manifest.lines().filter(|line| line.starts_with("matchstick = {"));
                    let features = |line: &str| -> Option<Vec<String>> {
                        let list = line.split("features = [").nth(1)?.split(']').next()?;
                        Some(list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect())
                    };
                    let mut lists = of_engine
                        .map(features)
                        .filter(|list| list.as_ref().is_some_and(|list| !list.iter().any(|name| name == "default")));
                    lists.next().flatten()
                }
            };
            assert_eq!(models.features, features, "{name}");
        }
    }

    #[test]
    fn instruction_budgets_are_positive_and_every_board_has_the_common_ones() {
        for board in Board::all() {
            let budgets = board.instruction_budgets();
            assert!(budgets.values().all(|most| *most > 0.0), "{}", board.name);
            for name in
                ["score_concat", "score_folded", "rank_item_folded_int8", "rank_item_folded_pq8", "load_per_byte"]
            {
                assert!(budgets.contains_key(name), "{} has no budget {name}", board.name);
            }
        }
        assert_eq!(Board::by_name("mps2-an386").unwrap().instruction_budgets()["score_concat"], 12_500.0);
    }

    #[test]
    fn regions_are_apart_and_a_blob_is_aligned() {
        for board in Board::all() {
            let mut regions = [board.flash, board.blob, board.ram];
            regions.sort_by_key(|region| region.start);
            for pair in regions.windows(2) {
                assert!(pair[0].end() <= u64::from(pair[1].start), "{}: {pair:x?} overlap", board.name);
            }
            // The models of the image `device` may lie where the others have one.
            let mut regions = [board.flash, board.store, board.slots, board.ram];
            regions.sort_by_key(|region| region.start);
            for pair in regions.windows(2) {
                assert!(pair[0].end() <= u64::from(pair[1].start), "{}: {pair:x?} overlap", board.name);
            }
            assert_eq!(board.store.end(), u64::from(board.slots.start), "{}: one window", board.name);
            assert_eq!(board.slots.start % 16, 0, "{}", board.name);
            assert_eq!(board.slots.length / 2 % 1024, 0, "{}: whole pages", board.name);
            assert_eq!(board.blob.start % 16, 0, "{}", board.name);
            assert_eq!(board.blob.loader_start() % 16, 0, "{}", board.name);
        }
    }

    #[test]
    fn budgets_are_set_and_leave_room() {
        let owned = Board::owned().iter().map(|board| (board, Image::Device));
        let emulated = Board::all().iter().flat_map(|board| Image::RUNNABLE.map(|image| (board, image)));
        for (board, image) in emulated.chain(owned) {
            let (name, budget) = (&board.name, board.budget(image).unwrap());
            assert!(budget.flash_bytes > 0 && budget.flash_bytes <= u64::from(board.flash.length), "{name}");
            assert!(budget.stack_bytes > 0, "{name}");
            assert!(budget.ram_bytes + budget.stack_bytes <= u64::from(board.ram.length), "{name}");
        }
        assert!(Board::all().iter().all(|board| board.engine_budget().code_bytes > 0));
    }

    #[test]
    fn an_unknown_board_is_told_the_known_ones() {
        let message = Board::by_name("stm32").unwrap_err().to_string();
        assert!(message.contains("\"stm32\"") && message.contains("microbit"), "{message}");
        assert_eq!(Board::by_name("microbit").unwrap().core, "Cortex-M0");
    }
}
