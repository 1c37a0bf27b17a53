//! The engine alone, for folded nets of int8: its code and constants at opt-level "s", its stack at every level a board is measured at, and that
//! it has no static memory. The limits are in each board's `board.toml`; `cargo xtask size` and a step of `cargo xtask test` hold them.

use matchstick_emulator::{Board, EngineBudget, Image, static_memory};

use crate::bench::blobs;
use crate::bench::cases::FOLDED_INT8;
use crate::bench::measure::{SIZE, build, engine_bytes, levels, run_with};
use crate::failure::{Failure, Outcome};

/// What the engine uses of a board.
pub struct Measured {
    board: &'static Board,
    pub used: EngineBudget,
}

/// Builds and reads the image `engine`, and runs the image `stack` at each level.
pub fn measure(board: &'static Board) -> Outcome<Measured> {
    let code_bytes = engine_bytes(board)?;
    let image = build(board, SIZE.0, Image::Engine)?;
    let statics = static_memory(&image).map_err(|error| Failure::check(error.to_string()))?;
    let own: Vec<&String> = statics.iter().filter(|name| is_engines(name)).collect();
    if !own.is_empty() {
        return Err(Failure::check(format!("the engine on {} has static memory: {own:?}", board.name)));
    }
    let mut stack_bytes = 0;
    for (profile, _) in levels(board) {
        let numbers = run_with(board, &build(board, profile, Image::Stack)?, blobs::blob(&FOLDED_INT8)?)?;
        let seen = numbers.get("stack_bytes").filter(|bytes| **bytes > 0);
        let missing = || Failure::check(format!("the image stack on {} did not say how much it used", board.name));
        stack_bytes = stack_bytes.max(*seen.ok_or_else(missing)?);
    }
    Ok(Measured { board, used: EngineBudget { code_bytes, stack_bytes } })
}

/// All boards, as a table; an error says what is over its budget.
pub fn check() -> Outcome {
    let all: Vec<Measured> = Board::all().iter().map(measure).collect::<Outcome<_>>()?;
    println!("\n{:<14} {:>22} {:>22}", "board", "engine, code at \"s\"", "engine, stack");
    for measured in &all {
        let [code, stack] = measured.rows().map(|(_, used, allowed)| format!("{used} / {allowed}"));
        println!("{:<14} {code:>22} {stack:>22}", measured.board.name);
    }
    println!(
        "bytes used / budget; folded nets of int8 alone, without the compiler's routines, the CRC table and what the caller gives"
    );
    verdict(&all)
}

/// Whether a variable is the engine's: the others are the firmware's own.
fn is_engines(symbol: &str) -> bool {
    !symbol.contains("matchstick_firmware")
}

impl Measured {
    /// Name, use and budget.
    fn rows(&self) -> [(&'static str, u64, u64); 2] {
        let allowed = self.board.engine_budget();
        [("code", self.used.code_bytes, allowed.code_bytes), ("stack", self.used.stack_bytes, allowed.stack_bytes)]
    }
}

fn verdict(all: &[Measured]) -> Outcome {
    let over = |measured: &Measured| {
        let name = &measured.board.name;
        let rows = measured.rows().into_iter().filter(|(_, used, allowed)| used > allowed);
        rows.map(|(kind, used, allowed)| format!("engine on {name}: {used} bytes of {kind}, its budget is {allowed}"))
            .collect::<Vec<_>>()
    };
    let over: Vec<String> = all.iter().flat_map(over).collect();
    if over.is_empty() { Ok(()) } else { Err(Failure::check(format!("over budget:\n    {}", over.join("\n    ")))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_over_a_budget_fails() {
        let board = Board::by_name("microbit").unwrap();
        let allowed = board.engine_budget();
        assert!(verdict(&[Measured { board, used: allowed }]).is_ok());
        let used = EngineBudget { stack_bytes: allowed.stack_bytes + 1, ..allowed };
        let failure = verdict(&[Measured { board, used }]).unwrap_err();
        assert!(failure.message.contains("engine on microbit: 1025 bytes of stack, its budget is 1024"), "{failure}");
    }

    #[test]
    fn the_promised_limits_are_the_budgets() {
        for name in ["mps2-an386", "microbit"] {
            let promised = EngineBudget { code_bytes: 6 * 1024, stack_bytes: 1024 };
            assert_eq!(Board::by_name(name).unwrap().engine_budget(), promised, "{name}");
        }
    }

    #[test]
    fn static_memory_of_the_firmware_is_not_the_engines() {
        assert!(!is_engines("_ZN19matchstick_firmware5metal7systick5WRAPS17h0E"));
        assert!(is_engines("_ZN10matchstick4blob3crc5CACHE17h0E"));
    }
}
