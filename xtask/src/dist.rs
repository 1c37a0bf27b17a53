//! `cargo xtask dist`: the firmware of every board, built once, with a manifest of hashes. One image serves every model, so whoever has such a folder
//! needs no bare-metal toolchain.
//!
//! The bytes of an image depend on sources and compiler, not on the folder that they lie in; `check` builds some of them twice to see that.

use std::fs;
use std::path::{Path, PathBuf};

use matchstick_emulator::{Board, Flashing, Image, UnknownBoard, build_for_release};
use matchstick_flashing::{FileKind, MANIFEST, Manifest, Segments, hex, sha256_hex, uf2};

use crate::failure::{Failure, Outcome};
use crate::options::Options;
use crate::process::{capture, root, target_dir, tool};
use crate::setup;

/// The emulated board that the check builds twice. Its image holds the fewest instructions.
const CHECKED: &str = "microbit";

/// `cargo xtask dist [--out DIR] [--board BOARD]`.
pub fn run(options: &Options) -> Outcome {
    let boards = match options.value("--board") {
        Some(name) => vec![board(name).map_err(|error| Failure::usage(error.to_string()))?],
        None => Board::owned().iter().chain(Board::all()).collect(),
    };
    setup::set_up()?;
    let out = options.value("--out").map_or_else(|| root().join("dist"), |out| root().join(out));
    write(&out, &boards)
}

/// As a step of `cargo xtask test`: the same sources in another folder give the same bytes.
pub fn check() -> Outcome {
    let elsewhere = Elsewhere::new()?;
    let boards = Board::owned().first().into_iter().chain(board(CHECKED));
    let mut wrong = Vec::new();
    for board in boards {
        let here = image(board, Image::Device, root(), &target())?;
        let there = image(board, Image::Device, &elsewhere.0.join("a clone"), &elsewhere.0.join("built"))?;
        let (first, second) = (sha256_hex(&here), sha256_hex(&there));
        println!("{:<16} device {first} ({} bytes) in two folders", board.name, here.len());
        if first != second {
            wrong.push(format!("{}: {first} here and {second} in {}", board.name, elsewhere.0.display()));
        }
        wrong.extend(leaks(&here).map(|path| format!("{}: the image holds the path {path}", board.name)));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::check(format!("images depend on where they are built:\n    {}", wrong.join("\n    "))))
}

/// A board of either kind.
fn board(name: &str) -> Result<&'static Board, UnknownBoard> {
    Board::owned_by_name(name).or_else(|_| Board::by_name(name))
}

/// Apart from the developer's builds, whose flags are others.
fn target() -> PathBuf {
    target_dir().join("dist")
}

/// Fills the folder. Its manifest goes first and comes last: a folder that is half written is none.
fn write(out: &Path, boards: &[&Board]) -> Outcome {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Failure::usage(format!("cannot write {path}: {error}"))
    };
    fs::create_dir_all(out).map_err(failed(out))?;
    let manifest_path = out.join(MANIFEST);
    if manifest_path.exists() {
        fs::remove_file(&manifest_path).map_err(failed(&manifest_path))?;
    }
    // The engine has the version of the workspace, as everything here.
    let version = env!("CARGO_PKG_VERSION");
    let mut manifest = Manifest::new(version, version, revision());
    for board in boards {
        for image_kind in images(board) {
            let elf = image(board, image_kind, root(), &target())?;
            for (kind, bytes) in files(board, image_kind, elf)? {
                let path = out.join(manifest.add(&board.name, image_kind.name(), kind, &bytes));
                fs::write(&path, &bytes).map_err(failed(&path))?;
                println!("{} ({} bytes)", path.display(), bytes.len());
            }
        }
    }
    let half = out.join(format!("{MANIFEST}.part"));
    fs::write(&half, manifest.to_json()).map_err(failed(&half))?;
    fs::rename(&half, &manifest_path).map_err(failed(&manifest_path))?;
    println!("{}: {} files, firmware {version}", manifest_path.display(), manifest.files.len());
    Ok(())
}

/// The product; and of boards in QEMU what `matchstick emulate` and `try` boot.
fn images(board: &Board) -> Vec<Image> {
    if board.hardware.is_some() { vec![Image::Device] } else { vec![Image::Device, Image::Batch] }
}

fn image(board: &Board, image: Image, root: &Path, target: &Path) -> Outcome<Vec<u8>> {
    let elf = build_for_release(board, image, root, target).map_err(|error| Failure::check(error.to_string()))?;
    fs::read(&elf).map_err(|error| Failure::check(format!("cannot read {}: {error}", elf.display())))
}

/// The image, and the forms of it that the board's owner can use without this project's tools.
fn files(board: &Board, image: Image, elf: Vec<u8>) -> Outcome<Vec<(FileKind, Vec<u8>)>> {
    let ways = board.hardware.as_ref().map_or(&[][..], |hardware| &hardware.flashing);
    let family = ways.iter().find_map(|way| if let Flashing::Uf2 { family, .. } = way { Some(*family) } else { None });
    let is_hex = |way: &Flashing| matches!(way, Flashing::Hex { .. } | Flashing::ProbeRs { .. });
    let mut files = Vec::new();
    // The addresses in other images are not those of flash.
    if family.is_some() || ways.iter().any(is_hex) {
        let segments = Segments::of_elf(&elf)
            .map_err(|error| Failure::check(format!("{} of {}: {error}", image.name(), board.name)))?;
        files.extend(family.map(|family| (FileKind::Uf2, uf2::write(&segments, family))));
        files.push((FileKind::Hex, hex::write(&segments).into_bytes()));
    }
    files.insert(0, (FileKind::Elf, elf));
    Ok(files)
}

/// The commit that is checked out, and whether it is all there is.
fn revision() -> Option<String> {
    let commit = capture(tool("git").args(["rev-parse", "--short=12", "HEAD"])).ok()?;
    let changes = capture(tool("git").args(["status", "--porcelain"])).ok()?;
    let dirty = if changes.trim().is_empty() { "" } else { "-dirty" };
    Some(format!("{}{dirty}", commit.trim()))
}

/// Paths of this machine in an image.
fn leaks(image: &[u8]) -> impl Iterator<Item = String> {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    let paths = [Some(root().display().to_string()), home];
    let found: Vec<String> = paths
        .into_iter()
        .flatten()
        .filter(|path| image.windows(path.len()).any(|window| window == path.as_bytes()))
        .collect();
    found.into_iter()
}

/// The repository's files once more, in a folder with a name of another length, which goes when this does.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new() -> Outcome<Self> {
        let elsewhere = Self(std::env::temp_dir().join(format!("matchstick dist {}", std::process::id())));
        let clone = elsewhere.0.join("a clone");
        let listed = capture(tool("git").args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]))?;
        // A file that was deleted and not yet committed is listed, too.
        for file in listed.split('\0').filter(|file| !file.is_empty() && root().join(file).is_file()) {
            let to = clone.join(file);
            let copied = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(root().join(file), &to));
            copied.map_err(|error| Failure::usage(format!("cannot copy {file} to {}: {error}", to.display())))?;
        }
        Ok(elsewhere)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_in_an_image() {
        let image = [b"\x7fELF".to_vec(), root().join("shared/src/lib.rs").display().to_string().into_bytes()].concat();
        assert_eq!(leaks(&image).next(), Some(root().display().to_string()));
        assert_eq!(leaks(b"\x7fELF matchstick/shared/src/lib.rs").next(), None);
    }

    #[test]
    fn emulated_boards_have_what_emulate_boots_and_owned_ones_only_the_product() {
        assert!(Board::all().iter().all(|board| images(board) == [Image::Device, Image::Batch]));
        assert!(Board::owned().iter().all(|board| images(board) == [Image::Device]));
        assert!(board("nowhere").is_err());
    }
}
