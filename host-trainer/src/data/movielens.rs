//! Knows the files of MovieLens: where the ratings, the titles and the predefined folds are. Every other file of ratings is a
//! set without titles and folds.
//!
//! | set | ratings | titles | folds |
//! |---|---|---|---|
//! | 100K | `u.data` (tabs) | `u.item` (bars, Latin-1) | `u1`..`u5`, `ua`, `ub`: `NAME.base` and `NAME.test` |
//! | 1M, 10M | `ratings.dat` (`::`) | `movies.dat` (`::`, Latin-1 or UTF-8) | |
//! | latest, 20M, 25M, 32M | `ratings.csv` | `movies.csv` | |
//!
//! It reads titles, not ratings: those are read by [`super::delimited`] like any other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::columns;
use super::error::DataError;
use super::records::{Format, Records};

/// The files that make up a data set.
#[derive(Debug)]
pub struct Files {
    pub name: String,
    /// All ratings. With a fold it only gives the vocabulary, and may be absent.
    pub ratings: PathBuf,
    pub titles: Option<PathBuf>,
    pub fold: Option<Fold>,
}

/// The two files of a predefined fold.
#[derive(Debug)]
pub struct Fold {
    pub base: PathBuf,
    pub test: PathBuf,
}

/// (ratings, titles) of each set that is known.
const KNOWN: [(&str, &str); 3] = [("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv")];
const EXPECTED: &str = "u.data, ratings.dat and ratings.csv";

/// `path` is a folder of MovieLens or a file of ratings.
pub fn locate(path: &Path, fold: Option<&str>) -> Result<Files, DataError> {
    let metadata = std::fs::metadata(path).map_err(|source| DataError::io(path, source))?;
    let ratings = if metadata.is_dir() {
        KNOWN
            .iter()
            .map(|(ratings, _)| path.join(ratings))
            .find(|ratings| ratings.is_file())
            .ok_or_else(|| DataError::UnknownFolder { path: path.to_owned(), expected: EXPECTED })?
    } else {
        path.to_owned()
    };
    let known = KNOWN.iter().find(|(name, _)| ratings.file_name().is_some_and(|file| file == *name));
    Ok(Files {
        name: name(&ratings, known.is_some()),
        titles: known.map(|(_, titles)| ratings.with_file_name(titles)).filter(|titles| titles.is_file()),
        fold: fold.map(|fold| find_fold(&ratings, fold)).transpose()?,
        ratings,
    })
}

/// The folder's name for a file of MovieLens, whose own name says nothing; else the file's.
fn name(ratings: &Path, known: bool) -> String {
    let full = ratings.canonicalize().unwrap_or_else(|_| ratings.to_owned());
    let folder = full.parent().and_then(Path::file_name);
    let file = full.file_stem();
    let name = if known { folder.or(file) } else { file };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

fn find_fold(ratings: &Path, fold: &str) -> Result<Fold, DataError> {
    let folder = match ratings.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folds = list_folds(folder).map_err(|source| DataError::io(folder, source))?;
    if folds.iter().any(|name| name == fold) {
        return Ok(Fold { base: folder.join(format!("{fold}.base")), test: folder.join(format!("{fold}.test")) });
    }
    Err(DataError::UnknownFold {
        path: folder.to_owned(),
        fold: fold.to_owned(),
        known: if folds.is_empty() {
            "it has no predefined folds (MovieLens 100K has); use --split".to_owned()
        } else {
            format!("it has {}", folds.join(", "))
        },
    })
}

/// The names, in order, for which both files are there.
fn list_folds(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "base")
            && path.with_extension("test").is_file()
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What is known about users and items beside ratings, where it is.
#[derive(Debug)]
pub struct SideFiles {
    pub users: Option<PathBuf>,
    pub items: Option<PathBuf>,
}

/// The files beside a file of ratings of MovieLens, which may be the part of a fold.
pub fn side_files(ratings: &Path) -> Option<SideFiles> {
    let is_fold = ratings.extension().is_some_and(|extension| extension == "base");
    let name = if is_fold { "u.data" } else { ratings.file_name()?.to_str()? };
    let file = |name: &str| Some(ratings.with_file_name(name)).filter(|path| path.is_file());
    match name {
        "u.data" => Some(SideFiles { users: file("u.user"), items: file("u.item") }),
        "ratings.dat" => Some(SideFiles { users: file("users.dat"), items: file("movies.dat") }),
        // The sets as CSV say nothing about their users.
        "ratings.csv" => Some(SideFiles { users: None, items: file("movies.csv") }),
        _ => None,
    }
}

/// A file's text as UTF-8, whichever of the two encodings it has.
pub fn read_text(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map(utf8_or_latin1).map_err(|source| DataError::io(path, source))
}

/// Titles by item id.
pub fn read_titles(path: &Path) -> Result<HashMap<String, String>, DataError> {
    let bytes = std::fs::read(path).map_err(|source| DataError::io(path, source))?;
    let extension = path.extension().unwrap_or_default();
    if extension == "item" {
        titles(&utf8_or_latin1(bytes), path, Some(Format::BAR))
    } else if extension == "dat" {
        titles(&utf8_or_latin1(bytes), path, Some(Format::DOUBLE_COLON))
    } else {
        titles(&bytes, path, None)
    }
}

/// Without a format the file has a header that names the columns; else they are the first two.
fn titles(bytes: &[u8], path: &Path, format: Option<Format>) -> Result<HashMap<String, String>, DataError> {
    let mut records = Records::new(bytes, path, format);
    let mut more = records.advance()?;
    let mut positions = (0, 1);
    if format.is_none() && more {
        positions =
            columns::find_titles(&records).ok_or_else(|| records.malformed("no columns `movieId` and `title`"))?;
        more = records.advance()?;
    }
    let (item, title) = positions;
    let mut titles = HashMap::new();
    while more {
        if records.field_count() <= item.max(title) {
            return Err(records.malformed("no title"));
        }
        titles.insert(records.field(item).to_owned(), records.field(title).to_owned());
        more = records.advance()?;
    }
    Ok(titles)
}

/// Latin-1's bytes are the first 256 code points. Text that is valid UTF-8 is taken for that: MovieLens 10M is.
fn utf8_or_latin1(bytes: Vec<u8>) -> Vec<u8> {
    if std::str::from_utf8(&bytes).is_ok() {
        return bytes;
    }
    let text: String = bytes.into_iter().map(char::from).collect();
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    #[test]
    fn folders_and_files_are_recognised() {
        for (ratings, titles) in KNOWN {
            let folder = folder(&[(ratings, b""), (titles, b"")]);
            for path in [folder.path().to_owned(), folder.path().join(ratings)] {
                let files = locate(&path, None).unwrap();
                assert_eq!(files.ratings, folder.path().join(ratings));
                assert_eq!(files.titles, Some(folder.path().join(titles)));
                assert_eq!(files.name, folder.path().file_name().unwrap().to_str().unwrap());
            }
        }
        let folder = folder(&[("mine.csv", b""), ("movies.csv", b"")]);
        let files = locate(&folder.path().join("mine.csv"), None).unwrap();
        assert_eq!((files.name.as_str(), files.titles), ("mine", None));
    }

    #[test]
    fn a_folder_without_ratings_and_a_missing_file_are_errors() {
        let folder = folder(&[("README", b"")]);
        let message = locate(folder.path(), None).unwrap_err().to_string();
        assert!(message.contains("none of u.data, ratings.dat and ratings.csv is in it"), "{message}");
        let message = locate(&folder.path().join("no.csv"), None).unwrap_err().to_string();
        assert!(message.contains("no.csv` does not exist"), "{message}");
    }

    #[test]
    fn folds_are_listed_when_one_is_unknown() {
        let files: [(&str, &[u8]); 6] =
            [("u.data", b""), ("ub.base", b""), ("ub.test", b""), ("u1.base", b""), ("u1.test", b""), ("u2.base", b"")];
        let folder = folder(&files);
        let fold = locate(folder.path(), Some("u1")).unwrap().fold.unwrap();
        assert_eq!(fold.test, folder.path().join("u1.test"));
        // Half a fold is none.
        let error = locate(folder.path(), Some("u2")).unwrap_err();
        assert!(error.to_string().ends_with("has no fold `u2`; it has u1, ub"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn folds_need_movielens_100k() {
        let folder = folder(&[("ratings.csv", b"")]);
        let message = locate(folder.path(), Some("u1")).unwrap_err().to_string();
        assert!(message.contains("it has no predefined folds"), "{message}");
    }

    #[test]
    fn titles_of_the_three_formats() {
        let folder = folder(&[
            ("u.item", b"1|Mis\xE9rables, Les (1995)|01-Jan-1995||x\n"),
            ("movies.dat", "2::Amélie: \"A\"::Comedy\n".as_bytes()),
            ("movies.csv", "movieId,title,genres\r\n3,\"Cité, La (1995)\",Drama\r\n".as_bytes()),
        ]);
        let read = |name: &str, id: &str| {
            let titles = read_titles(&folder.path().join(name)).unwrap();
            assert_eq!(titles.len(), 1);
            titles[id].clone()
        };
        assert_eq!(read("u.item", "1"), "Misérables, Les (1995)");
        assert_eq!(read("movies.dat", "2"), "Amélie: \"A\"");
        assert_eq!(read("movies.csv", "3"), "Cité, La (1995)");
    }

    #[test]
    fn a_broken_list_of_titles_names_its_line() {
        let folder = folder(&[("u.item", b"1|One\n2\n"), ("movies.csv", b"film,label\n1,One\n")]);
        let message = |name: &str| read_titles(&folder.path().join(name)).unwrap_err().to_string();
        assert!(message("u.item").contains("line 2: no title, in `2`"));
        assert!(message("movies.csv").contains("line 1: no columns `movieId` and `title`"));
    }
}
