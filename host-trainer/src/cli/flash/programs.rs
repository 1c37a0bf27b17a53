//! Other people's programs that flash boards: how they are called. They are looked for in PATH, and nothing is installed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// One call of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub program: &'static str,
    pub arguments: Vec<OsString>,
}

impl Call {
    fn new<A: Into<OsString>>(program: &'static str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self { program, arguments: arguments.into_iter().map(Into::into).collect() }
    }

    fn and<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// As a person would type it.
    pub fn shown(&self) -> String {
        let words = [OsStr::new(self.program)].into_iter().chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// Runs it. What it prints goes to stderr: stdout is for this command's own result.
    pub fn run(&self) -> io::Result<ExitStatus> {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(io::stderr());
        command.status()
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether a program is in PATH.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = [program.to_owned(), format!("{program}.exe")];
    std::env::split_paths(&path).any(|folder| names.iter().any(|name| folder.join(name).is_file()))
}

/// How to get a program.
pub const fn how_to_install(program: &str) -> &'static str {
    match program.as_bytes() {
        b"probe-rs" => "install probe-rs (https://probe.rs, or `cargo install probe-rs-tools --locked`)",
        _ => "install espflash (`cargo install espflash --locked`)",
    }
}

/// By a debug probe: writes an Intel HEX file, reads it back, and lets the board start.
pub fn probe_rs(chip: &str, hex: &Path) -> Vec<Call> {
    let download = ["download", "--chip", chip, "--binary-format", "hex", "--verify"];
    vec![Call::new("probe-rs", download).and([hex.as_os_str()]), Call::new("probe-rs", ["reset", "--chip", chip])]
}

/// Over a serial port: raw files at offsets of the flash, and then, where there is one, the firmware, which espflash converts and puts behind its boot loader. The board starts after
/// each of them.
pub fn espflash(chip: &str, port: Option<&OsStr>, files: &[(u32, &Path)], elf: Option<&Path>) -> Vec<Call> {
    let call = |what: &str| {
        let port = port.map(|port| [OsString::from("--port"), port.to_owned()]).into_iter().flatten();
        Call::new("espflash", [what, "--chip", chip]).and(port)
    };
    let write = |(offset, file): &(u32, &Path)| {
        call("write-bin").and([OsString::from(format!("{offset:#x}")), file.as_os_str().to_owned()])
    };
    let flash = elf.map(|elf| call("flash").and([elf.as_os_str()]));
    files.iter().map(write).chain(flash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_shown_as_they_are_typed() {
        let calls = probe_rs("nRF52840_xxAA", Path::new("/tmp/a b/it's.hex"));
        assert_eq!(
            calls[0].shown(),
            r"probe-rs download --chip nRF52840_xxAA --binary-format hex --verify '/tmp/a b/it'\''s.hex'"
        );
        assert_eq!(calls[1].shown(), "probe-rs reset --chip nRF52840_xxAA");
        let port = OsString::from("/dev/ttyUSB0");
        let calls = espflash("esp32c3", Some(&port), &[(0x11_0000, Path::new("m.bin"))], Some(Path::new("f.elf")));
        let shown: Vec<String> = calls.iter().map(Call::shown).collect();
        assert_eq!(
            shown,
            [
                "espflash write-bin --chip esp32c3 --port /dev/ttyUSB0 0x110000 m.bin",
                "espflash flash --chip esp32c3 --port /dev/ttyUSB0 f.elf"
            ]
        );
        assert_eq!(espflash("esp32c3", None, &[], None), []);
    }

    #[test]
    fn programs_are_looked_for_in_path() {
        assert!(is_installed("cargo") || std::env::var_os("PATH").is_none());
        assert!(!is_installed("no-such-program-here"));
        assert!(how_to_install("probe-rs").contains("probe.rs") && how_to_install("espflash").contains("espflash"));
    }
}
