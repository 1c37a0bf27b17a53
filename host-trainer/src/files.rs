//! Writing files so that a reader never sees half of one: the bytes go to a temporary file in the same folder, which
//! then takes the target's name. When the disk fills up, the old file stays and nothing else is left. When the process is
//! killed, the old file stays, and the temporary one goes when anybody writes into that folder again.

mod lock;

pub use lock::{Lock, LockError};

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces `path` by a file with these bytes, or leaves everything as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_streamed(path, |file| file.write_all(bytes))
}

/// The same for what is made bit by bit.
pub fn write_streamed(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = beside(path)?;
    write(file.as_file_mut())?;
    replace(file, path)
}

/// A temporary file that can take the place of `path`.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let target = target(path)?;
    check_replaceable(&target)?;
    create_beside(&target)
}

/// Puts it there, once it is on the disk.
fn replace(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(target(path)?).map_err(|error| error.error)?;
    Ok(())
}

/// What is written when `path` is: a symbolic link stays one, and the file that it points to is replaced.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        // Relative to the folder of the link; an absolute one replaces it all.
        path = folder_of(&path).join(path.read_link()?);
    }
    Err(io::Error::other("it is a symbolic link that leads to too many others, or to itself"))
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

/// What temporary files are called, but for what makes each unique.
const PREFIX: &str = ".matchstick-";
const SUFFIX: &str = ".part";

fn create_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = folder_of(path);
    sweep(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // Temporary files are private by default; an output file has the permissions that the user's umask grants.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(folder)?;
        if is_ours(&file)? {
            return Ok(file);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Locks a temporary file, which says that its process lives. False if another process has swept it away just before.
#[cfg(unix)]
fn is_ours(file: &tempfile::NamedTempFile) -> io::Result<bool> {
    Ok(lock::try_lock(file.as_file())? && lock::is_at(file.as_file(), file.path()))
}

/// Elsewhere a lock would keep this very process from opening the file a second time.
#[cfg(not(unix))]
fn is_ours(_: &tempfile::NamedTempFile) -> io::Result<bool> {
    Ok(true)
}

/// Removes temporary files whose processes were killed: nobody holds their locks. What can't be removed stays.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if cfg!(unix)
            && name.starts_with(PREFIX)
            && name.ends_with(SUFFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::options().write(true).open(entry.path())
            // Where there are no locks, nobody can tell.
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
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

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_what_it_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("far")).unwrap();
        std::fs::write(path("far/file"), "old").unwrap();
        std::os::unix::fs::symlink("far/file", path("near")).unwrap();
        std::os::unix::fs::symlink(path("near"), path("nearer")).unwrap();
        write_atomically(&path("nearer"), b"new").unwrap();
        assert_eq!(std::fs::read(path("far/file")).unwrap(), b"new");
        assert!(path("near").is_symlink() && path("nearer").is_symlink());
        // One that leads nowhere yet leads to a new file, one that leads to itself nowhere.
        std::os::unix::fs::symlink("far/other", path("dangling")).unwrap();
        write_atomically(&path("dangling"), b"new").unwrap();
        assert_eq!(std::fs::read(path("far/other")).unwrap(), b"new");
        std::os::unix::fs::symlink("round", path("round")).unwrap();
        assert!(check_writable(&path("round")).unwrap_err().to_string().contains("symbolic link"));
        assert_eq!(std::fs::read_dir(path("far")).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn what_the_killed_left_is_swept_and_what_the_living_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".matchstick-abc123.part");
        std::fs::write(&left, "half").unwrap();
        let living = beside(&folder.path().join("out")).unwrap();
        assert!(!left.exists());
        write_atomically(&folder.path().join("other"), b"whole").unwrap();
        assert!(living.path().exists());
        replace(living, &folder.path().join("out")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
