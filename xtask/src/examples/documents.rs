//! The C in the documents compiles: each block is the body of a function, whose arguments are what a reader would have at hand.

use std::path::Path;

use crate::failure::{Failure, Outcome, read};
use crate::process::{root, run as call, tool};

const DOCUMENTS: [&str; 2] = ["README.md", "docs/embedding.md"];
const OPENING: &str = "#include \"matchstick.h\"\n\
    const char *block(const uint8_t *flash, size_t flash_bytes, const matchstick_rating_t *ratings, size_t rating_count,\n\
                  const uint32_t *seen, size_t seen_words, matchstick_ranked_t best[10]);\n\
    const char *block(const uint8_t *flash, size_t flash_bytes, const matchstick_rating_t *ratings, size_t rating_count,\n\
                  const uint32_t *seen, size_t seen_words, matchstick_ranked_t best[10]) {\n    size_t count;\n";

/// Compiles every block; there is at least one.
pub fn check(folder: &Path) -> Outcome {
    let mut compiled = 0;
    for document in DOCUMENTS {
        for block in blocks(&read(&root().join(document))?) {
            let source = folder.join("block.c");
            std::fs::write(&source, format!("{OPENING}{block}    return 0;\n}}\n"))
                .map_err(|error| Failure::check(format!("{}: {error}", source.display())))?;
            let mut compiler = tool("cc");
            compiler.args(["-std=c99", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Ishared/c/include"]);
            call(compiler.arg(&source))
                .map_err(|failure| Failure::check(format!("{document}: its C does not compile: {failure}")))?;
            compiled += 1;
        }
    }
    if compiled == 0 {
        return Err(Failure::check(format!("no block of C in {}", DOCUMENTS.join(", "))));
    }
    println!("examples: {compiled} blocks of C in the documents compile");
    Ok(())
}

/// What stands in a document between a fence that says `c` and the next fence.
fn blocks(document: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in document.lines() {
        match (is_inside, line) {
            (false, "```c") => {
                is_inside = true;
                blocks.push(String::new());
            }
            (true, "```") => is_inside = false,
            (true, line) => blocks.iter_mut().last().into_iter().for_each(|block| *block += &format!("{line}\n")),
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_c_are_found_and_no_others() {
        let document = "text\n```rust\nlet a;\n```\n```c\nint a;\nint b;\n```\nmore\n```c\nint c;\n```\n";
        assert_eq!(blocks(document), ["int a;\nint b;\n", "int c;\n"]);
    }
}
