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
mod tests;
