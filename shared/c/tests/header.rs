//! `include/matchstick.h` is what cbindgen makes of this crate. `MATCHSTICK_BLESS=1 cargo test` writes it anew.

use std::path::Path;

const HEADER: &str = "include/matchstick.h";
const OPENING: &str = "\
/* Matchstick's engine for firmware in C: recommendations from a blob in flash, without a heap, floats in scoring, or an operating system.
 *
 * Made by cbindgen from shared/c/src; not to be edited. docs/embedding.md has a whole program, and says what all of it costs.
 *
 * All memory is the caller's, in storage that this header sizes; statically, or on a stack. Storage is filled by one function, which is named at its
 * type, and then stays where it is; it may be dropped at any time. No function allocates, blocks, or keeps static memory. Functions that only read
 * storage (pointers to const) may be called from anywhere at the same time; others need that nobody else uses what they write to.
 *
 * Every function checks its arguments and answers with a status: MATCHSTICK_OK is 0. What can't be checked stands under \"The caller's part\".
 */
";

#[test]
fn the_header_is_what_the_sources_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is read");
    // It follows the modules from there.
    let sources = cbindgen::Builder::new().with_config(config).with_src(root.join("src/lib.rs"));
    let mut made = Vec::new();
    sources.generate().expect("the sources are understood").write(&mut made);
    let made = String::from_utf8(made).expect("a header is text").replace("# Safety", "The caller's part:");
    let made = format!("{OPENING}{made}");
    let path = root.join(HEADER);
    if std::env::var("MATCHSTICK_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &made).expect("the header is written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(made.lines()).take_while(|(found, made)| found == made).count();
    assert!(
        found == made,
        "{HEADER} is not what the sources make, first in line {}; MATCHSTICK_BLESS=1 cargo test writes it",
        line + 1
    );
}
