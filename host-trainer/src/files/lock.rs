//! One writer at a time: a lock file, which the system frees when its holder dies, however it dies.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held while it lives; then the file goes too. The file of a holder that was killed stays, and is taken over.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// What the system's lock hangs on.
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The holder's process id, where it could be read.
    #[error("another process holds it")]
    Held { process: Option<u32> },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Lock {
    /// Takes the lock that is called `path`, or says who has it. Where the file system knows no locks, it is granted.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        loop {
            if path.is_symlink() {
                // What it points to would be overwritten.
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link").into());
            }
            let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            if !try_lock(&file)? {
                let mut holder = String::new();
                let process = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
                return Err(LockError::Held { process });
            }
            // Its last holder may have removed the file before it let go: then this is a lock that nobody else will find.
            if is_at(&file, path) {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{}", std::process::id())?;
                return Ok(Self { path: path.to_owned(), _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is taken over by whoever comes next.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// False where another process, or another handle of this one, has it.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether `file` is what has this name now.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(opened), Ok(named)) => identity(opened) == identity(named),
        _ => false,
    }
}

/// Elsewhere a file that is open is not removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_and_the_third_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::acquire(&path).unwrap();
        let refused = Lock::acquire(&path).unwrap_err();
        assert!(matches!(refused, LockError::Held { process } if process == Some(std::process::id())), "{refused:?}");
        drop(lock);
        assert!(!path.exists());
        drop(Lock::acquire(&path).unwrap());
    }

    #[test]
    fn what_the_dead_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, "123456789 and more than that\n").unwrap();
        let _lock = Lock::acquire(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    }

    /// However they fall over each other, one at a time holds it.
    #[test]
    fn threads_that_take_turns_never_meet() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let Ok(_lock) = Lock::acquire(&path) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        turns.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(turns.into_inner() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (precious, path) = (folder.path().join("precious"), folder.path().join("lock"));
        std::fs::write(&precious, "kept").unwrap();
        std::os::unix::fs::symlink(&precious, &path).unwrap();
        assert!(matches!(Lock::acquire(&path), Err(LockError::Io(_))));
        assert_eq!(std::fs::read(&precious).unwrap(), b"kept");
    }
}
