//! The hex dumps in `docs/blob-format.md` show the bytes of the tiny folded blob, byte for byte, and the item rows of the other encodings.

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
         `MATCHSTICK_BLESS=1 cargo test -p matchstick-tests worked_example` rewrites it.\n\n{}\n{}\n{}\n",
        bytes.len(),
        hex_dump::annotate(&bytes, &blob),
        int4_rows(),
        pq_rows(),
    )
}

fn int4_rows() -> String {
    let bytes = tiny::int4();
    let blob = blob_reader::read(&bytes).expect("the tiny blob is valid");
    format!(
        "Item rows of `tests/golden/tiny_int4.blob`, item_width 6, so 4 bytes a row; behind them the decoded rows, 16 times each nibble. In item 1, \
         `58 F7 01 00`, the low halves\nare units 0 to 3 (-8, 7, 1, 0), the high halves units 4 to 7 (5, -1, then padding).\n\n{}",
        hex_dump::section(&bytes, &blob, "item_table")
    )
}

fn pq_rows() -> String {
    let bytes = tiny::pq();
    let blob = blob_reader::read(&bytes).expect("the tiny blob is valid");
    let (codes, row) = (&blob.item_codes[1], &blob.item_table[1]);
    let centroid = |group: usize| format!("{:?}", blob.codebooks[group][usize::from(codes[group])]);
    format!(
        "Item rows of `tests/golden/tiny_pq.blob`, item_width 5 and two codes: units 0 and 1, units 2 to 4, S = 4. Item 1 has the codes {} and {}. Row {} of \
         codebook 0 is {},\nrow {} of codebook 1 is {}, padding included, so that its decoded row is {row:?}.\n\n{}",
        codes[0],
        codes[1],
        codes[0],
        centroid(0),
        codes[1],
        centroid(1),
        hex_dump::section(&bytes, &blob, "item_table")
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
