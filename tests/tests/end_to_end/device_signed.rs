//! Firmware that takes signed models only, on a board: what is forged, truncated, older, too large or of another board is refused by its name, and the model that runs goes on
//! running.

use matchstick::blob::crc32;
use matchstick::link::{Request, UploadBegin};
use matchstick_emulator::{Board, Emulator, build_signed};
use matchstick_tests::boards::ONE_BOARD;
use matchstick_tests::device::Host;

use crate::cli::{run, shop};

/// How a maker's tool offers a blob: not by force.
fn offer<'a>(board: &'a str, blob: &[u8], revision: u32) -> UploadBegin<'a> {
    UploadBegin { length: blob.len() as u32, crc32: crc32(&blob[..blob.len() - 4]), revision, board, force: false }
}

#[test]
fn a_board_takes_what_its_maker_signed_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = run(["keygen", "--out", &path("maker.key"), "--json"]).json();
    run(["keygen", "--out", &path("other.key")]).ok();
    let model = shop().path("model.safetensors");
    let signed = |name: &str, revision: &str, key: &str| {
        let out = path(name);
        run(["quantize", &model, "--out", &out, "--revision", revision, "--sign", &path(key)]).ok();
        (std::fs::read(&out).expect("a blob"), std::fs::read(format!("{out}.sig")).expect("a signature"))
    };
    let (first, first_signature) = signed("first.blob", "5", "maker.key");
    let (older, older_signature) = signed("older.blob", "4", "maker.key");
    let (newer, newer_signature) = signed("newer.blob", "6", "maker.key");
    let (same, foreign_signature) = signed("foreign.blob", "6", "other.key");
    assert!(same == newer && foreign_signature != newer_signature, "the same blob, signed by somebody else");

    let board = Board::by_name(ONE_BOARD).expect("there is one");
    let key = made["public_key"].as_str().expect("the public key");
    let elf = build_signed(board, key).unwrap_or_else(|error| panic!("{error}"));
    let live = Emulator::new(board, elf).live().unwrap_or_else(|error| panic!("{error}"));
    let mut host = Host::of(&live);
    host.open().expect("the board answers");
    assert_eq!(host.info(|info| info.features & 0b1000), 0b1000);
    let mut upload = |offer: UploadBegin<'_>, blob: &[u8], signature: &[u8]| {
        // A whole upload that was refused would be gone on with: nothing of it would have to be sent again.
        assert_eq!(host.done(&Request::UploadAbort), Ok(None));
        let said = host.upload_as(&Request::UploadBegin(offer), blob, signature).expect("the board answers");
        (said.unwrap_or_default(), host.info(|info| info.revision))
    };
    let of = |said: &str, revision| (said.to_owned(), revision);

    assert_eq!(upload(offer(ONE_BOARD, &first, 5), &first, &[]), of("Unsigned", 0));
    assert_eq!(upload(offer(ONE_BOARD, &first, 5), &first, &first_signature), of("", 5));

    // Forged: by another key, of another blob, with one bit changed, of no length.
    let newest = || offer(ONE_BOARD, &newer, 6);
    let mut changed = newer_signature.clone();
    changed[40] ^= 1;
    for forged in [&foreign_signature, &first_signature, &changed, &newer_signature[..63].to_vec()] {
        assert_eq!(upload(newest(), &newer, forged), of("WrongSignature", 5));
    }
    assert_eq!(upload(newest(), &newer, &[]), of("Unsigned", 5));
    // Damaged on the way; and truncated by somebody who makes length and checksum fit: the signature is of more.
    let mut damaged = newer.clone();
    damaged[300] ^= 4;
    assert_eq!(upload(newest(), &damaged, &newer_signature), of("WrongChecksum", 5));
    let truncated = &newer[..newer.len() - 16];
    assert_eq!(upload(offer(ONE_BOARD, truncated, 6), truncated, &newer_signature), of("WrongSignature", 5));
    // Older, said so and not; too large; another board's.
    assert_eq!(upload(offer(ONE_BOARD, &older, 4), &older, &older_signature), of("OlderRevision", 5));
    assert_eq!(upload(offer(ONE_BOARD, &older, 9), &older, &older_signature), of("OlderRevision", 5));
    let large = UploadBegin { length: board.slots.length, ..newest() };
    assert_eq!(upload(large, &newer, &newer_signature), of("ModelTooLarge", 5));
    assert_eq!(upload(offer("microbit", &newer, 6), &newer, &newer_signature), of("WrongBoard", 5));

    assert_eq!(upload(newest(), &newer, &newer_signature), of("", 6));
    // Whoever may talk to the device may force an old one on it, but only one that is signed.
    let forced = || UploadBegin { force: true, ..offer(ONE_BOARD, &older, 4) };
    assert_eq!(upload(forced(), &older, &newer_signature), of("WrongSignature", 6));
    assert_eq!(upload(forced(), &older, &older_signature), of("", 4));
}
