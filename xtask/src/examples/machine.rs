//! The machines of QEMU that the examples run on: boards of the firmware, and one that is nobody's but an example's.

use std::path::PathBuf;

use matchstick_emulator::{Board, Emulator};

use crate::failure::{Failure, Outcome};

/// A machine and what is built for it.
#[derive(Clone, Copy)]
pub struct Machine {
    /// What QEMU calls it.
    pub name: &'static str,
    pub target: &'static str,
}

pub const AN386: Machine = Machine { name: "mps2-an386", target: "thumbv7em-none-eabihf" };
pub const AN385: Machine = Machine { name: "mps2-an385", target: "thumbv7m-none-eabi" };
pub const MICROBIT: Machine = Machine { name: "microbit", target: "thumbv6m-none-eabi" };
pub const LM3S6965: Machine = Machine { name: "lm3s6965evb", target: "thumbv7m-none-eabi" };

/// An instruction takes 32 ns, whatever the computer does meanwhile: a core of 31 MHz, on which a ranking takes some milliseconds.
const CLOCK: [&str; 2] = ["-icount", "shift=5"];

impl Machine {
    /// Boots a program that ends by itself, and says what it printed.
    pub fn run(&self, elf: PathBuf) -> Outcome<String> {
        let failed = |message: String| Failure::check(format!("{} on {}: {message}", elf.display(), self.name));
        // Any board of the target tells which QEMU it is; without a blob, the rest of what it knows does not matter.
        let board = Board::all().iter().find(|board| board.target == self.target);
        let mut board = board.ok_or_else(|| failed("no board has its target".to_owned()))?.clone();
        let qemu = board.qemu.as_mut().ok_or_else(|| failed("its board is not emulated".to_owned()))?;
        self.name.clone_into(&mut qemu.machine);
        qemu.arguments.extend(CLOCK.map(str::to_owned));
        // The emulator takes boards that live as long as the program.
        let emulator = Emulator::new(Box::leak(Box::new(board)), elf.clone());
        let run = emulator.run().map_err(|error| failed(error.to_string()))?;
        if run.code != 0 {
            return Err(failed(format!("exit code {}\n{}{}", run.code, run.console, run.stderr)));
        }
        Ok(run.console)
    }
}
