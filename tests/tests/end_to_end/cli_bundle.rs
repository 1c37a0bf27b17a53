//! `matchstick bundle`: its files hold what the linker and the quantiser wrote, and a board that starts from one has the model, with the host's bits.

use std::path::Path;
use std::process::Command;

use matchstick::link::{Exclude, Reply, Request, User, ranked};
use matchstick_emulator::{Board, Emulator, Flashing, Image, Live};
use matchstick_tests::bless::golden_bytes;
use matchstick_tests::boards::firmware;
use matchstick_tests::device::Host;
use matchstick_tests::flash_files::{Memory, assert_holds, elf, loaded, read_hex, read_uf2};
use matchstick_tests::golden_demo;
use matchstick_tests::twin::Twin;

use crate::cli::run;

/// The blob of the tests: every board runs it.
fn demo() -> (tempfile::TempDir, String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let blob = golden_bytes(golden_demo::FILE_NAME);
    let path = folder.path().join("demo.blob").display().to_string();
    std::fs::write(&path, &blob).unwrap();
    (folder, path, blob)
}

fn bundle(board: &str, blob: &str, firmware: &Path, out: &Path) -> serde_json::Value {
    let (firmware, out) = (firmware.display().to_string(), out.display().to_string());
    run(["bundle", "--board", board, "--blob", blob, "--firmware", &firmware, "--out", &out, "--json"]).json()
}

/// Firmware and blob, at their addresses; what the slots hold besides is left to the boards that start from it.
fn expected(board: &Board, elf: &[u8], blob: &[u8]) -> Memory {
    let mut memory = loaded(elf);
    memory.extend((board.slots.start..).zip(blob.iter().copied()));
    memory
}

/// The pages at the end of the slots that say what is in them.
fn without_lists(board: &Board, mut memory: Memory) -> Memory {
    let slot = board.slots.length / 2;
    let page = board
        .hardware
        .as_ref()
        .map_or(if board.name == "microbit" { 1024 } else { 4096 }, |hardware| hardware.page_bytes);
    for end in [board.slots.start + slot, board.slots.start + 2 * slot] {
        memory.retain(|address, _| !(end - page..end).contains(address));
    }
    memory
}

fn assert_all_forms(board: &Board, image: &Path) {
    let (folder, blob, bytes) = demo();
    let elf = std::fs::read(image).unwrap();
    let wanted = expected(board, &elf, &bytes);
    let ways = board.hardware.iter().flat_map(|hardware| &hardware.flashing);
    let family =
        ways.filter_map(|way| if let Flashing::Uf2 { family, .. } = way { Some(*family) } else { None }).next();
    let name = &board.name;
    let out = |form: &str| folder.path().join(format!("out.{form}"));

    bundle(name, &blob, image, &out("hex"));
    let hex = read_hex(&std::fs::read_to_string(out("hex")).unwrap());
    assert_holds(&without_lists(board, hex.clone()), &wanted, name);
    assert!(!hex.contains_key(&board.store.start), "{name}: the owner's ratings stay");

    let json = bundle(name, &blob, image, &out("bin"));
    let first = json["first_address"].as_u64().unwrap() as u32;
    let bin: Memory = (first..).zip(std::fs::read(out("bin")).unwrap()).collect();
    assert!(bin.range(board.store.start..board.store.end() as u32).all(|(_, byte)| *byte == 0xFF), "{name}");
    assert_holds(&without_lists(board, bin), &wanted, name);

    if let Some(family) = family {
        bundle(name, &blob, image, &out("uf2"));
        let uf2 = read_uf2(&std::fs::read(out("uf2")).unwrap(), family);
        assert_holds(&uf2, &hex, name);
        assert!(!uf2.contains_key(&board.store.start), "{name}: the owner's ratings stay");
    }
}

/// Boards by drive and by probe, with their real images; the rest with made-up ones, because the images of all boards take minutes to build.
#[test]
fn every_form_holds_firmware_and_blob() {
    for board in Board::owned() {
        let is_real = ["pico", "microbit-v1"].contains(&board.name.as_str());
        if is_real {
            assert_all_forms(board, &firmware(board, Image::Device));
        } else if !board
            .hardware
            .iter()
            .flat_map(|hardware| &hardware.flashing)
            .any(|way| matches!(way, Flashing::Espflash { .. }))
        {
            let folder = tempfile::tempdir().unwrap();
            let image = folder.path().join("made-up");
            let code: Vec<u8> = (0..5_000_u32).map(|at| ((at * 7) >> 2) as u8).collect();
            let behind = board.flash.end() as u32 - 0x1003;
            let parts = [(board.flash.start, &code[..]), (behind, &code[..777])];
            std::fs::write(&image, elf(&parts)).unwrap();
            assert_all_forms(board, &image);
        }
    }
}

/// GNU's objcopy makes the same raw file of the firmware, where it is installed.
#[test]
fn objcopy_agrees_about_firmware() {
    let board = Board::by_name("microbit").unwrap();
    let (image, folder) = (firmware(board, Image::Device), tempfile::tempdir().unwrap());
    let out = folder.path().join("objcopied");
    let copied = Command::new("objcopy").args(["-I", "elf32-little", "-O", "binary"]).arg(&image).arg(&out).status();
    let Ok(status) = copied else {
        println!("objcopy is not installed: not compared");
        return;
    };
    assert!(status.success());
    let theirs = std::fs::read(out).unwrap();
    let ours = loaded(&std::fs::read(image).unwrap());
    let (first, last) = (*ours.keys().next().unwrap(), *ours.keys().next_back().unwrap());
    assert_eq!(theirs.len() as u32, last - first + 1);
    assert!(ours.iter().all(|(address, byte)| theirs[(address - first) as usize] == *byte));
}

const RANK: Request<'_> = Request::Rank { user: User::Index(1), top: 10, deviations: false, exclude: Exclude::Nothing };

/// Items and logits of the board's top ten.
fn top_ten(live: &Live, name: &str) -> Vec<(u32, i64)> {
    let mut host = Host::of(live);
    host.open().unwrap_or_else(|lost| panic!("{name}: {lost:?}"));
    host.info(|info| assert_eq!((info.board, info.model), (name, golden_demo::draft().name.as_str())));
    host.ask(&RANK, |reply| match reply {
        Reply::Ranked(bytes) => ranked(bytes).map(|entry| (entry.item, entry.score.logit.0.into())).collect(),
        reply => panic!("{reply:?}"),
    })
}

/// No upload: the model was in flash when the board started, put there from the bundle by QEMU's own reader of Intel HEX.
#[test]
fn a_board_that_starts_from_a_bundle_has_the_model_and_ranks_as_the_twin_does() {
    let (folder, blob, bytes) = demo();
    let twin = Twin::read(&bytes).expect("valid");
    let mut expected = twin.rank(&twin.user_vector(1), |_| true);
    expected.truncate(10);
    // Where QEMU's flash can't be written, the firmware waits in vain for its store to be formatted.
    let owned = Board::owned().iter().filter(|board| board.qemu.as_ref().is_some_and(|qemu| !qemu.read_only_flash));
    let mut started = 0;
    for board in Board::all().iter().chain(owned) {
        let image = firmware(board, Image::Device);
        let out = folder.path().join("bundle.hex");
        bundle(&board.name, &blob, &image, &out);
        let hex = std::fs::read_to_string(&out).unwrap();
        let live =
            Emulator::new(board, &image).hex(hex).live().unwrap_or_else(|error| panic!("{}: {error}", board.name));
        assert_eq!(top_ten(&live, &board.name), expected, "{}", board.name);
        started += 1;
    }
    println!("started from a bundle: {started} boards");
}

#[test]
fn a_bundle_that_can_not_be_is_refused_and_nothing_is_written() {
    let (folder, blob, _) = demo();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let call = |board: &str, out: &str| run(["bundle", "--board", board, "--blob", &blob, "--out", out]);
    call("mps2-an386", &out("far.bin")).fails(2, &["a raw file would have", "write .hex"]);
    let hex = out("own.hex");
    std::fs::copy(&blob, &hex).unwrap();
    run(["bundle", "--board", "microbit", "--blob", &hex, "--out", &hex]).fails(1, &["would be lost"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
