//! The hex dump in `docs/blob-format.md` shows the bytes of the tiny folded blob, byte for byte.

use matchstick::blob::tiny;
use matchstick_tests::bless::{check_file, workspace_root};
use matchstick_tests::{blob_reader, hex_dump};

const HEADING: &str = "## Worked example\n";

fn section() -> String {
    let bytes = tiny::folded();
    let blob = blob_reader::read(&bytes).expect("the tiny blob is valid");
    format!(
        "{HEADING}\nThe whole of `tests/golden/tiny_folded.blob`, {} bytes (`matchstick::blob::tiny::folded()`). \
         A test compares this section with the bytes;\n\
         `MATCHSTICK_BLESS=1 cargo test -p matchstick-tests worked_example` rewrites it.\n\n{}\n",
        bytes.len(),
        hex_dump::annotate(&bytes, &blob)
    )
}

/// The document with its section replaced (or put before the last section when there is none).
fn with_section(document: &str, section: &str) -> String {
    let Some((before, rest)) = document.split_once(HEADING) else {
        let (before, after) = document.split_at(document.rfind("\n## ").map_or(document.len(), |at| at + 1));
        return format!("{before}{section}{after}");
    };
    let after = rest.find("\n## ").map_or("", |at| &rest[at + 1..]);
    format!("{before}{section}{after}")
}

#[test]
fn the_document_shows_the_bytes() {
    let path = workspace_root().join("docs/blob-format.md");
    let document = std::fs::read_to_string(&path).expect("the document is in the repository");
    check_file(&path, with_section(&document, &section()).as_bytes());
}
