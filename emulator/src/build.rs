//! Builds a firmware image with cargo.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Board, Image};

/// The `library` folder of the source of the Rust version in use: firmware builds then compile `core` from it. `cargo xtask` sets it
/// where rustup can't install a target.
pub const CORE_SOURCE_VARIABLE: &str = "MATCHSTICK_CORE_SOURCE";

/// Why there is no firmware image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The sources aren't here.
    #[error(
        "the firmware's sources are not here: run this in a clone of the Matchstick repository, or give a firmware image (--firmware ELF)"
    )]
    NoSources,
    /// Cargo can't be started.
    #[error("can't start {cargo}: {source}")]
    NoCargo {
        /// The program.
        cargo: String,
        /// Why.
        source: std::io::Error,
    },
    /// The sources can't be given the one name that images for others are built under.
    #[error(
        "can't link {link} to the sources, so that they have the same name as everywhere: {source}; if no other `cargo xtask dist` runs, remove it"
    )]
    Elsewhere {
        /// The name.
        link: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Cargo doesn't say where it builds.
    #[error("cargo metadata doesn't say where cargo builds (its message is above)")]
    NoTargetFolder,
    /// Cargo failed; its messages went to standard error.
    #[error(
        "building the image {image} for {board} failed (cargo's message is above); if the target {target} is missing: rustup target add {target}"
    )]
    Failed {
        /// The image.
        image: &'static str,
        /// The board.
        board: String,
        /// The target triple.
        target: String,
    },
}

/// Builds `image` for `board` and returns the path of its ELF file. Does nothing but that when it is already built.
///
/// Cargo's messages go to standard error. A target directory and a toolchain that the environment names are honoured.
///
/// # Errors
/// When the sources aren't here, or cargo can't be run, or it fails.
pub fn build(board: &Board, image: Image) -> Result<PathBuf, BuildError> {
    build_for(board, image, None)
}

/// Builds the image [`Device`](Image::Device) that takes only models signed by the maker with this public key, 64 hexadecimal digits, in a target folder
/// of its own.
///
/// # Errors
/// As [`build`]; cargo's message says what is wrong with a key.
pub fn build_signed(board: &Board, maker_key: &str) -> Result<PathBuf, BuildError> {
    build_for(board, Image::Device, Some(maker_key))
}

fn build_for(board: &Board, image: Image, maker_key: Option<&str>) -> Result<PathBuf, BuildError> {
    let root = workspace().ok_or(BuildError::NoSources)?;
    let cargo = cargo();
    let folder = own_target_folder(board, maker_key.is_some(), &cargo, &root)?;
    run(board, image, maker_key, &cargo, &root, |command| {
        command.args(folder.iter().flat_map(|folder| [OsStr::new("--target-dir"), folder.as_os_str()]));
    })
}

/// Builds `image` for `board` for others to use: from the sources in `root`, in the target folder `target`, so that its bytes depend on the sources and the compiler, and not on
/// where either of them lies. Debug information is left out. The next build in the same target folder may put its image where this one's is.
///
/// # Errors
/// As [`build`]; [`BuildError::Elsewhere`] while sources of another folder are being built so.
pub fn build_for_release(board: &Board, image: Image, root: &Path, target: &Path) -> Result<PathBuf, BuildError> {
    // What a workspace takes from outside its folder, as those of owned boards take engine and drivers, cargo calls by its absolute path, which is in every symbol and decides
    // the order of the code. So there the sources have one name everywhere.
    let link = match board.hardware {
        Some(_) => Some(OneName::of(root)?),
        None => None,
    };
    let root = link.as_ref().map_or(root, |link| link.path());
    run(board, image, None, &cargo(), root, |command| {
        // Of the two workspaces neither may look into the other's folders.
        let target = target.join(if board.hardware.is_some() { "owned" } else { "emulated" });
        // Whatever somebody's environment adds would be in the image.
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "MATCHSTICK_MAKER_KEY"] {
            command.env_remove(variable);
        }
        let flags: Vec<String> = remapped(root, &target).iter().map(|flag| format!("{flag:?}")).collect();
        command.arg("--config").arg(format!("target.'cfg(target_os = \"none\")'.rustflags=[{}]", flags.join(",")));
        command.arg("--config").arg(format!("profile.{}.strip=\"debuginfo\"", board.profile));
        command.arg("--target-dir").arg(target);
    })
}

/// A link to the sources whose name is the same for everybody. It goes when this does.
struct OneName;

impl OneName {
    const PATH: &str = "/tmp/matchstick-dist";

    fn of(root: &Path) -> Result<Self, BuildError> {
        let elsewhere = |source| BuildError::Elsewhere { link: Self::PATH, source };
        let root = std::path::absolute(root).map_err(elsewhere)?;
        // Left by a build that was killed, or somebody's who builds the same now.
        if std::fs::read_link(Self::PATH).is_ok_and(|there| there == root) {
            return Ok(Self);
        }
        #[cfg(unix)]
        let linked = std::os::unix::fs::symlink(&root, Self::PATH);
        #[cfg(not(unix))]
        let linked = Err(std::io::ErrorKind::Unsupported.into());
        linked.map_err(elsewhere).map(|()| Self)
    }

    fn path(&self) -> &'static Path {
        Path::new(Self::PATH)
    }
}

impl Drop for OneName {
    fn drop(&mut self) {
        // Somebody who built the same may have removed it already.
        let _ = std::fs::remove_file(Self::PATH);
    }
}

/// The compiler's options that make paths of this machine the same on all. Of several that fit, the last one counts.
fn remapped(root: &Path, target: &Path) -> Vec<String> {
    let home = |variable: &str, folder: &str| {
        let own = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        own.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(folder)))
    };
    let mut paths: Vec<(PathBuf, &str)> = Vec::new();
    paths.extend(home("RUSTUP_HOME", ".rustup").map(|path| (path, "rustup")));
    if let Some(cargo) = home("CARGO_HOME", ".cargo") {
        // Each registry has a folder, whose name says where it was reached.
        let registries = cargo.join("registry/src").read_dir().into_iter().flatten().flatten();
        paths.extend(registries.map(|entry| (entry.path(), "crates")));
    }
    paths.push((root.to_owned(), "matchstick"));
    paths.push((target.to_owned(), "target"));
    paths.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

/// The very cargo that runs us, where there is one: a second toolchain would build everything again.
fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn run(
    board: &Board,
    image: Image,
    maker_key: Option<&str>,
    cargo: &str,
    root: &Path,
    more: impl FnOnce(&mut Command),
) -> Result<PathBuf, BuildError> {
    let mut command = Command::new(cargo);
    core_from_source(&mut command);
    command.arg("build");
    let (package, binary) = match &board.hardware {
        Some(hardware) => {
            command.arg("--manifest-path").arg(root.join(&hardware.manifest)).arg("--locked");
            (hardware.package.as_str(), hardware.package.as_str())
        }
        None => (image.package(), image.name()),
    };
    more(&mut command);
    let parts = board.device_features.as_deref().filter(|_| image == Image::Device);
    if image.is_minimal() || parts.is_some() {
        command.arg("--no-default-features");
    }
    let features = board.features.iter().chain(parts.unwrap_or_default()).map(String::as_str);
    let features: Vec<&str> = features.chain(image.feature()).chain(maker_key.map(|_| "signed")).collect();
    if let Some(key) = maker_key {
        command.env("MATCHSTICK_MAKER_KEY", key);
    }
    let output = command
        .current_dir(root)
        .args(["--quiet", "--package", package, "--bin", binary])
        .args(["--target", &board.target, "--profile", &board.profile, "--features", &features.join(",")])
        .args(["--message-format", "json-render-diagnostics"])
        .env("MATCHSTICK_BOARD", &board.name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::NoCargo { cargo: cargo.to_owned(), source })?;
    let elf = output.status.success().then(|| executable(&output.stdout, binary)).flatten();
    elf.ok_or_else(|| BuildError::Failed {
        image: image.name(),
        board: board.name.clone(),
        target: board.target.clone(),
    })
}

/// Makes a cargo command for a bare-metal target compile `core`, where [`CORE_SOURCE_VARIABLE`] says from what; otherwise does nothing.
///
/// Call it before the subcommand's own arguments.
pub fn core_from_source(command: &mut Command) {
    let Some(library) = env::var_os(CORE_SOURCE_VARIABLE) else { return };
    command.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", library);
}

/// The target folder of the boards that people own, of what takes signed models, and of an emulated board that shares its triple with an earlier one;
/// `None` stands for the common folder.
///
/// In one folder two boards of a triple would compile the firmware anew whenever they alternate, and, worse, each build would put its image
/// where the other's was, whose path somebody may still hold.
fn own_target_folder(board: &Board, is_signed: bool, cargo: &str, root: &Path) -> Result<Option<PathBuf>, BuildError> {
    let name = match board.hardware {
        Some(_) => "owned",
        None if board.is_first_of_target() && !is_signed => return Ok(None),
        None => &board.name,
    };
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--quiet", "--no-deps", "--format-version", "1"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::NoCargo { cargo: cargo.to_owned(), source })?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match metadata["target_directory"].as_str() {
        Some(folder) => Ok(Some(Path::new(folder).join(if is_signed { "signed" } else { "boards" }).join(name))),
        None => Err(BuildError::NoTargetFolder),
    }
}

/// The repository's root: one above the working directory, or else that of the sources this crate was built from. In this order, because
/// clones that share a target directory share this program, too.
fn workspace() -> Option<PathBuf> {
    let is_root = |folder: &Path| folder.join("firmware/build.rs").is_file() && folder.join("Cargo.lock").is_file();
    let above = |folder: PathBuf| folder.ancestors().find(|folder| is_root(folder)).map(Path::to_owned);
    env::current_dir().ok().and_then(above).or_else(|| above(PathBuf::from(env!("CARGO_MANIFEST_DIR"))))
}

/// The path of a binary in cargo's JSON messages.
fn executable(messages: &[u8], name: &str) -> Option<PathBuf> {
    let messages = String::from_utf8_lossy(messages);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut artifacts =
        messages.filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == name);
    artifacts.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_executable_among_cargos_messages() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"matchstick\"},\"executable\":null}\n",
            "not json\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"device\"},\"executable\":\"/t/my firmware/device\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(executable(messages.as_bytes(), "device"), Some(PathBuf::from("/t/my firmware/device")));
        assert_eq!(executable(messages.as_bytes(), "bench"), None);
        assert_eq!(executable(b"", "device"), None);
    }

    #[test]
    fn finds_the_repository() {
        assert!(workspace().unwrap().join("firmware/boards/microbit/board.toml").is_file());
    }
}
