//! `matchstick flash` on boards that aren't there: drives are folders that say what a board's drive says, and probe-rs and espflash are scripts that note how they were called. So this is about the command line and about what it hands over;
//! no chip takes part.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use matchstick_emulator::{Board, Flashing, Image};
use matchstick_flashing::{FileKind, MANIFEST, Manifest, slot_capacity_bytes};
use matchstick_tests::boards::{ONE_BOARD, firmware};
use matchstick_tests::command::{matchstick, matchstick_binary};
use matchstick_tests::flash_files::{Memory, assert_holds, elf, loaded, read_hex, read_uf2};

use crate::cli::{Ran, listed, ran, run, words};
use crate::device_learning::model;

const RP2040: u32 = 0xE48B_FF56;
const PICO: &str = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n";

/// A desk: drives that are mounted, programs that are installed, a blob, and firmware for a board.
struct Desk {
    folder: tempfile::TempDir,
    board: &'static Board,
    blob: Vec<u8>,
}

impl Desk {
    fn of(board: &str) -> Self {
        let board = Board::owned_by_name(board).unwrap();
        let desk = Self { folder: tempfile::tempdir().unwrap(), board, blob: model(60, "desk").to_vec() };
        for folder in ["drives", "bin"] {
            fs::create_dir(desk.path(folder)).unwrap();
        }
        fs::write(desk.path("model.blob"), &desk.blob).unwrap();
        fs::write(desk.path("firmware.elf"), desk.elf()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Made-up firmware in two parts, the second one not of whole words.
    fn elf(&self) -> Vec<u8> {
        let code: Vec<u8> = (0..3_001_u32).map(|at| ((at * 5) >> 1) as u8).collect();
        elf(&[(self.board.flash.start, &code), (self.board.flash.start + 0x1000, &code[..333])])
    }

    /// A drive with a file that says what it is.
    fn drive(&self, name: &str, file: &str, text: &str) -> PathBuf {
        let folder = self.path("drives").join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(file), text).unwrap();
        folder
    }

    /// A program that notes its arguments, keeps the files that are among them, and then does this.
    fn program(&self, name: &str, then: &str) {
        let path = self.path("bin").join(name);
        let kept = self.path("kept");
        fs::create_dir_all(&kept).unwrap();
        let script = format!(
            "#!/bin/sh\nkept='{}'\necho {name} \"$@\" >> \"$kept/calls\"\nfor argument in \"$@\"; do if [ -f \"$argument\" ]; then cp \"$argument\" \"$kept/\"; fi; done\n{then}\n",
            kept.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The arguments of each call of a program, and what it was given.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("kept/calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn command(&self, more: &str) -> assert_cmd::Command {
        let mut command = matchstick();
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command.env("PATH", path).env("MATCHSTICK_DRIVES", self.path("drives"));
        command.args(["flash", "--board", &self.board.name, "--blob"]).arg(self.path("model.blob"));
        if !more.contains("--model-only") && !more.contains("--firmware") {
            command.arg("--firmware").arg(self.path("firmware.elf"));
        }
        command.args(more.split_whitespace());
        command
    }

    fn flash(&self, more: &str) -> Ran {
        ran(&mut self.command(more))
    }

    /// Firmware and blob at their addresses.
    fn expected(&self) -> Memory {
        let mut memory = loaded(&self.elf());
        memory.extend(self.model());
        memory
    }

    fn model(&self) -> Memory {
        (self.board.slots.start..).zip(self.blob.iter().copied()).collect()
    }

    /// Everything but the last page of each slot, which says what is in it.
    fn without_lists(&self, mut memory: Memory) -> Memory {
        let slot = self.board.slots.length / 2;
        let page = self.board.hardware.as_ref().unwrap().page_bytes;
        for end in [self.board.slots.start + slot, self.board.slots.start + 2 * slot] {
            assert!(
                memory.contains_key(&(end - page)),
                "the list of each slot is written, so that no older model is left"
            );
            memory.retain(|address, _| !(end - page..end).contains(address));
        }
        memory
    }
}

#[test]
fn a_uf2_file_goes_to_the_drive_of_the_right_board() {
    let desk = Desk::of("pico");
    desk.drive("OTHER", "INFO_UF2.TXT", &PICO.replace("RPI-RP2", "RP2350"));
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    let done = desk.flash("--json").json();
    assert_eq!((&done["way"], &done["drive"]), (&"drive".into(), &drive.display().to_string().into()), "{done}");
    let file = fs::read(drive.join("MATCHSTK.UF2")).unwrap();
    assert_eq!(done["file_bytes"], file.len());
    let memory = read_uf2(&file, RP2040);
    assert_holds(&desk.without_lists(memory.clone()), &desk.expected(), "pico");
    let store = desk.board.store;
    assert_eq!(memory.range(store.start..store.start + store.length).count(), 0, "the owner's ratings stay");
    assert_eq!(listed(&desk.path("drives/OTHER")).len(), 1, "the other board's drive is left alone");

    // Named, in either spelling of its file; and the model alone.
    fs::rename(drive.join("INFO_UF2.TXT"), drive.join("info_uf2.txt")).unwrap();
    let text = desk.flash(&format!("--model-only --volume {}", drive.display())).ok();
    assert!(text.contains("wrote MATCHSTK.UF2") && text.contains("matchstick device --port PORT upload"), "{text}");
    let memory = read_uf2(&fs::read(drive.join("MATCHSTK.UF2")).unwrap(), RP2040);
    assert_holds(&desk.without_lists(memory.clone()), &desk.model(), "pico");
    assert!(memory.keys().all(|address| *address >= desk.board.slots.start), "no firmware");
}

#[test]
fn a_hex_file_goes_to_the_debug_chip_of_the_right_board() {
    let desk = Desk::of("microbit-v1");
    let details =
        |id: &str, mode: &str| format!("# DAPLink Firmware\r\nUnique ID: {id}0000373445\r\nDaplink Mode: {mode}\r\n");
    let second = desk.drive("MICROBIT1", "DETAILS.TXT", &details("9904", "Interface"));
    desk.flash("").fails(2, &["no drive of Unique ID 9900", "MICROBIT1 (Unique ID 9904...)", "MICROBIT"]);
    let drive = desk.drive("MICROBIT", "DETAILS.TXT", &details("9900", "Interface"));
    desk.flash("").ok();
    let memory = read_hex(&fs::read_to_string(drive.join("MATCHSTK.HEX")).unwrap());
    assert_holds(&desk.without_lists(memory), &desk.expected(), "microbit-v1");
    assert_eq!(listed(&second).len(), 1);

    let volume = format!("--volume {}", second.display());
    desk.flash(&volume).fails(2, &["MICROBIT1 says Unique ID 9904", "9900", "is wanted"]);
    // The drive erases the chip: a model alone would be all that is left.
    desk.flash("--model-only").fails(2, &["probe-rs is not installed"]);
    desk.flash(&format!("--model-only --volume {}", drive.display())).fails(2, &["erases the whole chip", "upload"]);
    fs::write(drive.join("DETAILS.TXT"), details("9900", "Bootloader")).unwrap();
    desk.flash("").fails(2, &["firmware of its own", "without holding its reset button"]);
}

#[test]
fn a_drive_that_can_not_be_told_or_taken_is_refused() {
    let desk = Desk::of("pico");
    desk.flash("")
        .fails(2, &["no drive of Board-ID RPI-RP2", "hold BOOTSEL", "probe-rs is not installed", "https://probe.rs"]);
    for name in ["ONE", "TWO"] {
        desk.drive(name, "INFO_UF2.TXT", PICO);
    }
    desk.flash("").fails(2, &["2 drives of Board-ID RPI-RP2", "ONE", "TWO", "--volume"]);
    desk.flash(&format!("--volume {}", desk.path("bin").display())).fails(2, &["is no drive of a board"]);
    assert_eq!(["drives/ONE", "drives/TWO"].map(|drive| listed(&desk.path(drive)).len()), [1, 1]);
}

/// Device files stand for drives that are full, and that can't be written even by root.
#[cfg(target_os = "linux")]
#[test]
fn a_drive_that_is_full_or_read_only_is_said_to_be_and_nothing_is_claimed() {
    let desk = Desk::of("pico");
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    for (target, said) in [("/dev/full", "the drive is full"), ("/proc/sys/kernel/ostype", "can't be written by you")] {
        symlink(target, drive.join("MATCHSTK.UF2")).unwrap();
        desk.flash("").fails(1, &["pico was not flashed", said, "after 0 of", "nothing was written", "hold BOOTSEL"]);
        assert_eq!(listed(&drive).len(), 1, "{target}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let desk = Desk::of("pico");
    let text = desk.flash("--dry-run").ok();
    assert!(text.contains("would write MATCHSTK.UF2") && text.contains("nothing was written"), "{text}");
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    desk.program("probe-rs", "exit 0");
    assert!(desk.flash("--dry-run").ok().contains(&drive.display().to_string()));
    let desk = Desk::of("microbit-v1");
    desk.program("probe-rs", "exit 0");
    let done = desk.flash("--dry-run --json").json();
    assert_eq!(
        done["commands"][0],
        "probe-rs download --chip nRF51822_xxAA --binary-format hex --verify microbit-v1.hex"
    );
    assert_eq!(desk.calls(), Vec::<String>::new());
    assert_eq!(listed(&drive), [drive.join("INFO_UF2.TXT")]);
}

#[test]
fn a_probe_is_used_where_there_is_no_drive() {
    let desk = Desk::of("pico");
    desk.program("probe-rs", "echo 'Finished in 1.2s'; exit 0");
    let done = desk.flash("--json");
    assert!(
        done.stderr.contains("$ probe-rs download --chip RP2040") && done.stderr.contains("Finished in"),
        "{done:?}"
    );
    let done = done.json();
    assert_eq!(done["way"], "probe-rs");
    let calls = desk.calls();
    assert!(calls[0].starts_with("probe-rs download --chip RP2040 --binary-format hex --verify /"), "{calls:?}");
    assert_eq!((calls[1].as_str(), calls.len()), ("probe-rs reset --chip RP2040", 2));
    let memory = read_hex(&fs::read_to_string(desk.path("kept/pico.hex")).unwrap());
    assert_holds(&desk.without_lists(memory), &desk.expected(), "pico");
    desk.flash("--model-only").ok();
    let memory = read_hex(&fs::read_to_string(desk.path("kept/pico.hex")).unwrap());
    assert_holds(&desk.without_lists(memory), &desk.model(), "pico");
}

#[test]
fn a_program_that_fails_or_is_interrupted_leaves_word_how_to_go_on() {
    let desk = Desk::of("pico");
    desk.program("probe-rs", "echo 'no probe was found' >&2; exit 3");
    desk.flash("")
        .fails(1, &["no probe was found", "`probe-rs download", "exit status: 3", "probe-rs list", "flashed again"]);
    assert_eq!(desk.calls().len(), 1, "no reset after a failure");

    fs::remove_dir_all(desk.path("kept")).unwrap();
    desk.program("probe-rs", "trap '' INT; sleep 3");
    let mut command = Command::new(matchstick_binary());
    let template = desk.command("");
    command.args(template.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("PATH", format!("{}:/usr/bin:/bin", desk.path("bin").display()));
    command.env("MATCHSTICK_DRIVES", desk.path("drives"));
    let child = command.spawn().unwrap();
    let start = Instant::now();
    while desk.calls().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "the program was never called");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("interrupted while `probe-rs download") && stderr.contains("can be flashed again"),
        "{stderr}"
    );
    assert_eq!(desk.calls().len(), 1, "no reset after ctrl-C");
}

#[test]
fn espflash_is_given_the_model_at_its_offset_and_then_the_firmware() {
    let by_espflash = |board: &&Board| {
        let ways = board.hardware.iter().flat_map(|hardware| &hardware.flashing);
        ways.clone().any(|way| matches!(way, Flashing::Espflash { .. }))
    };
    for board in Board::owned().iter().filter(by_espflash) {
        let desk = Desk::of(&board.name);
        desk.program("espflash", "exit 0");
        desk.flash("--port /dev/ttyUSB7").ok();
        let calls = desk.calls();
        assert!(calls.iter().all(|call| call.contains("--port /dev/ttyUSB7")), "{calls:?}");
        let (last, first) = calls.split_last().unwrap();
        assert!(last.starts_with("espflash flash --chip"), "{calls:?}");
        assert!(!first.is_empty() && first.iter().all(|call| call.starts_with("espflash write-bin")), "{calls:?}");
        let blob = fs::read(desk.path(&format!("kept/{:08x}.bin", board.slots.start))).unwrap();
        assert!(blob.starts_with(&desk.blob), "{}", board.name);
    }
}

#[test]
fn a_blob_that_does_not_fit_is_refused_before_anything_is_written() {
    let desk = Desk::of("pico");
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    let room = slot_capacity_bytes(desk.board);
    let large = model(40_000, "large").to_vec();
    assert!(large.len() > room as usize);
    fs::write(desk.path("model.blob"), &large).unwrap();
    let said = desk.flash("");
    assert!(said.stderr.contains(&format!("--budget {room}")) || said.stderr.contains("take fewer items"), "{said:?}");
    said.fails(1, &["`model.blob` has", "and a model on pico may have", "too many"]);
    // Half-way between: another encoding would do.
    let items = (1..60).map(|thousands| thousands * 1_000);
    let over = items.map(|items| model(items, "just over").to_vec()).find(|blob| blob.len() > room as usize).unwrap();
    fs::write(desk.path("model.blob"), over).unwrap();
    desk.flash("").fails(1, &["encodings that fit: int4 (", "pq8 (", &format!("--budget {room}")]);
    assert_eq!(listed(&drive), [drive.join("INFO_UF2.TXT")]);

    let desk = Desk::of("microbit-v1");
    desk.program("probe-rs", "exit 0");
    fs::write(desk.path("model.blob"), model(4_000, "for a larger board").as_slice()).unwrap();
    desk.flash("").fails(1, &["may have 101,376", "none of int8 fits", "boards with room for it: pico"]);
    assert_eq!(desk.calls(), Vec::<String>::new());
}

/// Not every model runs everywhere: the firmware of the micro:bit leaves parts of the engine out, and has little memory.
#[test]
fn a_blob_that_the_firmware_could_not_run_is_refused() {
    let desk = Desk::of("microbit-v1");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    for (file, said) in
        [("tiny_int4", "item rows of int4"), ("tiny_pq", "product-quantised"), ("tiny_concat", "first layer")]
    {
        fs::copy(format!("{golden}/{file}.blob"), desk.path("model.blob")).unwrap();
        desk.flash("--dry-run").fails(1, &[said, "microbit-v1 leaves out for want of flash"]);
        let on_pico = Desk::of("pico");
        fs::copy(format!("{golden}/{file}.blob"), on_pico.path("model.blob")).unwrap();
        on_pico.flash("--dry-run").ok();
    }
}

/// A folder as `cargo xtask dist` makes it, with these images.
fn dist(folder: &Path, images: &[(&str, &str, Vec<u8>)]) {
    fs::create_dir_all(folder).unwrap();
    let mut manifest = Manifest::new("9.8.7", "0.1.0", Some("abcdef".into()));
    for (board, image, bytes) in images {
        fs::write(folder.join(manifest.add(board, image, FileKind::Elf, bytes)), bytes).unwrap();
    }
    fs::write(folder.join(MANIFEST), manifest.to_json()).unwrap();
}

#[test]
fn prebuilt_firmware_is_used_only_as_its_manifest_has_it() {
    let desk = Desk::of("pico");
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    let folder = desk.path("dist");
    dist(&folder, &[("pico", "device", desk.elf())]);
    let text = desk.flash(&format!("--firmware {}", folder.display())).ok();
    assert!(text.contains("version 9.8.7, commit abcdef"), "{text}");
    let first = fs::read(drive.join("MATCHSTK.UF2")).unwrap();
    assert_holds(&desk.without_lists(read_uf2(&first, RP2040)), &desk.expected(), "pico");

    // The variable names it as well; a call with --firmware would not look at it.
    let by_variable = || {
        let mut command = matchstick();
        command.env("MATCHSTICK_DIST", &folder).env("MATCHSTICK_DRIVES", desk.path("drives"));
        ran(command.args(["flash", "--board", "pico", "--blob"]).arg(desk.path("model.blob")))
    };
    assert!(by_variable().ok().contains("dist/pico.elf, version 9.8.7"));

    fs::remove_file(drive.join("MATCHSTK.UF2")).unwrap();
    let mut changed = desk.elf();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(folder.join("pico.elf"), changed).unwrap();
    by_variable().fails(1, &["pico.elf is not the file", "SHA-256", "nothing was flashed"]);
    let other = fs::read_to_string(folder.join(MANIFEST)).unwrap().replace("\"blob_format\": 1", "\"blob_format\": 7");
    fs::write(folder.join(MANIFEST), other).unwrap();
    by_variable().fails(1, &["reads blobs of format 7"]);
    dist(&folder, &[("microbit-v1", "device", desk.elf())]);
    by_variable().fails(1, &["no image `device` for pico", "device of microbit-v1"]);
    assert_eq!(listed(&drive).len(), 1);
}

/// Somebody without cargo: `emulate` boots the image of the folder.
#[test]
fn prebuilt_firmware_is_emulated_without_a_toolchain() {
    let folder = tempfile::tempdir().unwrap();
    let board = Board::by_name(ONE_BOARD).unwrap();
    dist(folder.path(), &[(ONE_BOARD, "batch", fs::read(firmware(board, Image::Batch)).unwrap())]);
    let emulate = words("emulate --blob {users} rank bø --top 3 --json");
    let mut command = matchstick();
    command.env("MATCHSTICK_DIST", folder.path()).env("CARGO", "no-such-cargo").args(&emulate);
    let there = ran(&mut command).json();
    let here = run(words("rank --blob {users} --user bø --top 3 --json")).json();
    let titles = |json: &serde_json::Value| -> Vec<String> {
        json["items"].as_array().unwrap().iter().map(|item| item["title"].to_string()).collect()
    };
    assert_eq!(titles(&there), titles(&here));
    let mut command = matchstick();
    command.env("CARGO", "no-such-cargo").args(&emulate);
    ran(&mut command).fails(2, &["no-such-cargo", "--firmware DIR", "cargo xtask dist"]);
}

#[test]
fn firmware_of_another_board_is_refused() {
    let desk = Desk::of("pico");
    let drive = desk.drive("RPI-RP2", "INFO_UF2.TXT", PICO);
    fs::write(desk.path("firmware.elf"), elf(&[(0, b"at address zero")])).unwrap();
    desk.flash("").fails(1, &["firmware.elf is not for pico", "lie outside 0x10000000"]);
    fs::write(desk.path("firmware.elf"), elf(&[(desk.board.slots.start, b"over the model")])).unwrap();
    desk.flash("").fails(1, &["firmware.elf is not for pico"]);
    assert_eq!(listed(&drive).len(), 1);
}
