//! The fallback where rustup can't reach its server: `core` for the bare-metal targets, built from the source of the
//! same Rust version. It finds that source (rustup's component `rust-src`, Debian's package of that name, installed or
//! not) and hands it to every firmware build through one environment variable, which `matchstick_emulator` turns into
//! `-Zbuild-std=core`. Nothing of this is used where the targets can be added.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::process::{capture, on_path, run, target_dir, tool};
use crate::setup::sysroot;

/// The `library` folder of Rust's source. Set: firmware builds compile `core` from it.
pub const VARIABLE: &str = matchstick_emulator::CORE_SOURCE_VARIABLE;

/// Whether firmware builds already compile `core` from source.
pub fn in_use() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Finds, or fetches by apt, the source of the Rust version in use.
pub fn find_source() -> Outcome<Option<PathBuf>> {
    let version = rust_version()?;
    let unpacked = target_dir().join("rust-src");
    let debian = |base: &Path| base.join(format!("usr/src/rustc-{version}/library"));
    let places = [sysroot()?.join("lib/rustlib/src/rust/library"), debian(Path::new("/")), debian(&unpacked)];
    if let Some(found) = places.into_iter().find(|place| is_library(place)) {
        return Ok(Some(found));
    }
    if on_path("apt-get") && on_path("dpkg-deb") {
        match unpack_debian_package(&version, &unpacked) {
            Ok(()) => return Ok(Some(debian(&unpacked)).filter(|place| is_library(place))),
            Err(failure) => println!("set-up: the source of Rust {version} could not be fetched by apt: {failure}"),
        }
    }
    Ok(None)
}

/// Runs this very command again with the source of `core` in its environment, and ends with its exit code. A variable
/// can't be set in a running process without `unsafe`, and every child must see it.
pub fn run_again_with(library: &Path) -> Outcome {
    println!("set-up: instead, firmware builds compile `core` from {}", library.display());
    println!("set-up: (for commands outside xtask: export {VARIABLE}={})", library.display());
    let program = env::current_exe().map_err(|error| Failure::usage(format!("cannot find xtask itself: {error}")))?;
    let status = Command::new(program).args(env::args_os().skip(1)).env(VARIABLE, library).status();
    let status = status.map_err(|error| Failure::usage(format!("cannot run xtask again: {error}")))?;
    std::process::exit(status.code().unwrap_or(1))
}

fn is_library(place: &Path) -> bool {
    place.join("core/src/lib.rs").is_file() && place.join("Cargo.lock").is_file()
}

/// The version of the compiler in use, such as 1.95.0: `core` of any other version would not compile with it.
fn rust_version() -> Outcome<String> {
    let line = capture(tool("rustc").arg("--version"))?;
    let version = line.split_whitespace().nth(1).and_then(|version| version.split('-').next());
    version.map(str::to_owned).ok_or_else(|| Failure::usage(format!("`rustc --version` printed {line:?}")))
}

/// Fetches Debian's package `rust-src` with apt, which checks its signature, and unpacks it below the target folder:
/// nothing is installed (the package refuses to stand beside a packaged rustup), and root is not needed. Where the
/// system's own lists have another version, the backports of Debian's next release are asked through lists of their own.
fn unpack_debian_package(version: &str, into: &Path) -> Outcome {
    println!(
        "set-up: fetching the source of Rust {version} (Debian's package rust-src, 45 MB) into {}",
        into.display()
    );
    let lists = into.join("lists");
    std::fs::create_dir_all(lists.join("partial"))
        .map_err(|error| Failure::usage(format!("{}: {error}", lists.display())))?;
    let package = format!("rust-src={version}*");
    let mut own = tool("apt-get");
    own.current_dir(into).args(["download", &package]);
    if run(&mut own).is_err() {
        let sources = into.join("backports.list");
        std::fs::write(&sources, backports()?)
            .map_err(|error| Failure::usage(format!("{}: {error}", sources.display())))?;
        for arguments in [&["update"][..], &["download", &package]] {
            let mut apt = tool("apt-get");
            apt.current_dir(into).arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
            apt.arg("-o")
                .arg(format!("Dir::Etc::sourcelist={}", sources.display()))
                .args(["-o", "Dir::Etc::sourceparts=-"]);
            // Indexes are fetched once and read once: a cache of them would need root.
            apt.args(["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "APT::Sandbox::User="]);
            run(apt.args(arguments))?;
        }
    }
    let entries = std::fs::read_dir(into).map_err(|error| Failure::usage(format!("{}: {error}", into.display())))?;
    let file =
        entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "deb"));
    let file = file.ok_or_else(|| Failure::usage("apt-get left no package behind"))?;
    run(tool("dpkg-deb").arg("-x").arg(&file).arg(into))?;
    std::fs::remove_file(&file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

/// An apt source for Debian's newest backports, at the mirror that this machine uses already.
fn backports() -> Outcome<String> {
    let format = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"];
    let mirrors = capture(tool("apt-get").args(format))?;
    let mirror = mirrors.lines().find(|line| !line.contains("security"));
    let mirror = mirror.ok_or_else(|| Failure::usage("this machine has no Debian mirror in its package sources"))?;
    Ok(format!("deb {mirror} trixie-backports main\n"))
}
