//! Tables of factors, as matrix factorisations have them: `mean + user_bias[u] + item_bias[i] + U[u] . V[i]`.
//!
//! A table is a `.npy` file or CSV, one row for each user or item, none for the unknown. CSV may have a header, and a first column of ids
//! where the header calls it `id`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use super::error::ImportError;
use super::npy;
use super::parts::{Dot, Parts};
use super::report::{Fate, Part, Report};
use crate::weights::Matrix;

/// The files of a matrix factorisation.
#[derive(Clone, Debug, Default)]
pub struct FactorFiles {
    /// (users, width)
    pub users: PathBuf,
    /// (items, width)
    pub items: PathBuf,
    /// (users)
    pub user_bias: Option<PathBuf>,
    /// (items)
    pub item_bias: Option<PathBuf>,
    /// What every score has in common.
    pub mean: f32,
}

/// The parts, and the ids that the tables themselves hold.
pub(super) struct Factors {
    pub parts: Parts,
    pub user_ids: Option<Vec<String>>,
    pub item_ids: Option<Vec<String>>,
}

struct Table {
    matrix: Matrix,
    numbers: String,
    ids: Option<Vec<String>>,
}

pub(super) fn read(files: &FactorFiles, report: &mut Report) -> Result<Factors, ImportError> {
    let mut take = |path: &Path, what: &str| {
        let table = Table::read(path)?;
        report.parts.push(Part {
            tensor: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            shape: vec![table.matrix.rows, table.matrix.cols],
            numbers: table.numbers.clone(),
            fate: Fate::Mapped,
            what: what.to_owned(),
        });
        Ok(table)
    };
    let users = take(&files.users, "user factors of the dot product")?;
    let items = take(&files.items, "item factors of the dot product")?;
    if users.matrix.cols != items.matrix.cols {
        let problem = format!("it has {} factors, and the users have {}", items.matrix.cols, users.matrix.cols);
        return Err(ImportError::table(&files.items, problem));
    }
    let mut bias = |path: &Option<PathBuf>, of: &Table, what: &str| {
        let Some(path) = path else { return Ok(Vec::new()) };
        let bias = take(path, what)?;
        biases(path, bias, of)
    };
    let what = "user bias, as a column of the dot product whose item side is 1";
    let user_bias = bias(&files.user_bias, &users, what)?;
    let item_bias = bias(&files.item_bias, &items, "item bias")?;
    let dot = Dot { users: users.matrix, items: items.matrix, user_bias, item_bias, mean: files.mean };
    Ok(Factors { parts: Parts { net: None, dot: Some(dot) }, user_ids: users.ids, item_ids: items.ids })
}

/// One number for each row of `table`, by id where both have ids.
fn biases(path: &Path, bias: Table, table: &Table) -> Result<Vec<f32>, ImportError> {
    let Matrix { rows, cols, data } = bias.matrix;
    // A vector may lie on its side.
    let length = if rows == 1 && bias.ids.is_none() { cols } else { rows };
    if data.len() != length || length != table.matrix.rows {
        let expected = table.matrix.rows;
        return Err(ImportError::table(path, format!("it is {rows} x {cols}, and {expected} biases are needed")));
    }
    match (bias.ids, &table.ids) {
        (Some(found), Some(expected)) if found != *expected => {
            Err(ImportError::table(path, "its ids are not those of the factors, in the same order"))
        }
        _ => Ok(data),
    }
}

impl Table {
    fn read(path: &Path) -> Result<Self, ImportError> {
        let io = |source| ImportError::read(path, source);
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut head = Vec::new();
        (&mut file).take(npy::MAGIC.len() as u64).read_to_end(&mut head).map_err(io)?;
        file.rewind().map_err(io)?;
        let file = BufReader::new(file);
        let table = if head == npy::MAGIC {
            let (matrix, numbers) = npy::read(path, file, length)?;
            Self { matrix, numbers, ids: None }
        } else {
            Self::csv(path, file)?
        };
        match table.matrix.data.iter().position(|value| !value.is_finite()) {
            None => Ok(table),
            Some(at) => {
                let row = at / table.matrix.cols;
                Err(ImportError::table(path, format!("row {row} (from 0) holds a number that is not finite")))
            }
        }
    }

    fn csv(path: &Path, file: impl Read) -> Result<Self, ImportError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(file);
        let of_csv = |error: csv::Error| ImportError::table(path, format!("it is no table ({error})"));
        let (mut data, mut ids, mut rows, mut cols) = (Vec::new(), None, 0, None);
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(of_csv)?;
            let first = record.get(0).unwrap_or_default().trim_start_matches('\u{feff}');
            if index == 0 {
                let has_ids = first.eq_ignore_ascii_case("id");
                ids = has_ids.then(Vec::new);
                if has_ids || record.iter().skip(1).chain([first]).any(|cell| cell.parse::<f32>().is_err()) {
                    continue;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            for (at, cell) in record.iter().enumerate() {
                match &mut ids {
                    Some(ids) if at == 0 => ids.push(cell.to_owned()),
                    _ => data.push(cell.trim_start_matches('\u{feff}').parse().map_err(|_| {
                        ImportError::table(path, format!("line {line}: `{}` is not a number", shortened(cell)))
                    })?),
                }
            }
            rows += 1;
            cols.get_or_insert(record.len() - usize::from(ids.is_some()));
        }
        let cols = cols.unwrap_or(0);
        if rows == 0 || cols == 0 {
            return Err(ImportError::table(path, "it holds no numbers"));
        }
        if let Some(ids) = &ids {
            let mut seen = std::collections::HashSet::new();
            if let Some(id) = ids.iter().find(|id| id.is_empty() || !seen.insert(id.as_str())) {
                return Err(ImportError::table(path, format!("the id `{}` occurs twice, or is empty", shortened(id))));
            }
        }
        Ok(Self { matrix: Matrix { rows, cols, data }, numbers: "text".into(), ids })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<Table, ImportError> {
        Table::csv(Path::new("u.csv"), text.as_bytes())
    }

    #[test]
    fn csv_with_and_without_header_and_ids() {
        for text in ["1,2\n3,4\n", "a,b\n1,2\n3,4\n", "id,a,b\nx,1,2\ny,3,4\n", "\u{feff}1,2\n3,4"] {
            let table = csv(text).unwrap();
            assert_eq!((table.matrix.rows, table.matrix.cols), (2, 2), "{text}");
            assert_eq!(table.matrix.data, [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(table.ids, text.starts_with("id").then(|| vec!["x".to_owned(), "y".to_owned()]));
        }
    }

    #[test]
    fn csv_mistakes_are_named() {
        let message = |text: &str| csv(text).err().unwrap().to_string();
        assert!(message("").contains("no numbers"));
        assert!(message("a,b\n").contains("no numbers"));
        assert!(message("1,2\n3\n").contains("no table"));
        assert!(message("1,2\n3,four\n").contains("line 2: `four` is not a number"));
        assert!(message("id,a\nx,1\nx,2\n").contains("`x` occurs twice"));
    }
}
