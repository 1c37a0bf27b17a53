//! Writing files so that a reader never sees half of one: the bytes go to a temporary file in the same folder, which
//! then takes the target's name. When the disk fills up or the process dies, the old file stays and nothing else is left.

use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` by a file with these bytes, or leaves everything as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_streamed(path, |file| file.write_all(bytes))
}

/// The same for what is made bit by bit.
pub fn write_streamed(path: &Path, write: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
    let mut file = beside(path)?;
    write(file.as_file_mut())?;
    replace(file, path)
}

/// A temporary file that can take the place of `path`.
pub fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    check_replaceable(path)?;
    create_beside(path)
}

/// Puts it there, once it is on the disk.
pub fn replace(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Fails if a file could not be created at `path`: to be asked before minutes of work, not after.
pub fn check_writable(path: &Path) -> io::Result<()> {
    beside(path).map(drop)
}

/// Fails if `out` is one of these files, by whatever name: an input must not be destroyed by its result.
pub fn check_not_input(out: &Path, inputs: &[&Path]) -> io::Result<()> {
    let Ok(out) = out.canonicalize() else { return Ok(()) };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == out)) {
        Some(input) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("it is the input `{}`, which would be lost", input.display()),
        )),
        None => Ok(()),
    }
}

/// A rename replaces whatever has the name, devices included: root would turn /dev/null into a file.
fn check_replaceable(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Ok(found) if !found.is_file() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device, pipe or socket, not a regular file"))
        }
        _ => Ok(()),
    }
}

fn create_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".matchstick-").suffix(".part");
    // Temporary files are private by default; an output file has the permissions that the user's umask grants.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder cannot be replaced by a file: the rename, the last step, fails.
        let path = folder.path().join("out");
        std::fs::create_dir(&path).unwrap();
        assert!(write_atomically(&path, b"bytes").is_err());
        assert!(check_writable(&path).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_a_regular_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(check_writable(&path).unwrap_err().to_string().contains("not a regular file"));
        assert!(write_atomically(&path, b"bytes").is_err());
        assert!(!path.metadata().unwrap().is_file());
    }

    #[test]
    fn an_input_is_recognised_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratings.csv");
        std::fs::write(&path, b"ratings").unwrap();
        let detour = folder.path().join(".").join("ratings.csv");
        assert!(check_not_input(&detour, &[&path]).unwrap_err().to_string().contains("would be lost"));
        assert!(check_not_input(&folder.path().join("new"), &[&path]).is_ok());
    }

    #[test]
    fn a_missing_folder_is_found_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_writable(&folder.path().join("missing/out")).is_err());
        assert!(check_writable(&folder.path().join("out")).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
