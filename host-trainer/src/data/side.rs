//! Side columns: what a data set says about its users and items beside ratings.
//!
//! MovieLens says it in files beside the ratings:
//!
//! | set | items | users |
//! |---|---|---|
//! | 100K | `u.item`: genres as 0/1 columns, release date | `u.user`: age, sex, occupation |
//! | 1M, 10M | `movies.dat`: genres as text, year in the title | `users.dat`: sex, age, occupation |
//! | latest, 20M, 25M, 32M | `movies.csv`: as above | |
//!
//! Columns are 0/1, less their mean: one for each genre, occupation, span of ages and of years, and one for women. A file that is not there gives no
//! columns; one that is there must be well-formed. An id without a line is at the mean in every column.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::records::{Format, Records};
use super::{DataError, Dataset, movielens};
use crate::weights::Matrix;

/// The first age of each span but the first. The codes of MovieLens 1M fall into the same spans.
const AGES: [u32; 4] = [18, 25, 35, 50];
/// At most so many spans of years, of about equally many items.
const YEAR_SPANS: usize = 8;

/// Columns for every index of a data set; row 0, the unknown, is zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideColumns {
    /// (users + 1, columns)
    pub users: Option<Matrix>,
    /// (items + 1, columns)
    pub items: Option<Matrix>,
    /// Of the users' columns, then of the items'.
    pub names: Vec<String>,
}

impl SideColumns {
    /// Those of the files beside the ratings of `dataset`; nothing where there are none.
    pub fn read(dataset: &Dataset) -> Result<Self, DataError> {
        let Some(files) = movielens::side_files(&dataset.path) else { return Ok(Self::default()) };
        let (mut users, mut items) = (Labels::default(), Labels::default());
        if let Some(path) = &files.users {
            read_users(&mut users, path)?;
        }
        if let Some(path) = &files.items {
            read_items(&mut items, path)?;
        }
        let mut names = Vec::new();
        let users = users.columns(&dataset.users, &mut names);
        let items = items.columns(&dataset.items, &mut names);
        Ok(Self { users, items, names })
    }
}

/// The 0/1 columns that are 1, by id.
#[derive(Default)]
struct Labels {
    /// Sorted, so that columns don't depend on the order of lines.
    names: BTreeSet<String>,
    by_id: HashMap<String, Vec<String>>,
}

impl Labels {
    fn add(&mut self, id: &str, labels: Vec<String>) {
        self.names.extend(labels.iter().cloned());
        self.by_id.insert(id.to_owned(), labels);
    }

    /// (ids + 1, columns), centred; a column that is the same everywhere is left out.
    fn columns(&self, ids: &[String], names: &mut Vec<String>) -> Option<Matrix> {
        let known: Vec<Option<&Vec<String>>> = ids.iter().map(|id| self.by_id.get(id)).collect();
        let count = known.iter().flatten().count();
        let mut totals: BTreeMap<&str, usize> = self.names.iter().map(|name| (name.as_str(), 0)).collect();
        for label in known.iter().flatten().copied().flatten() {
            totals.entry(label).and_modify(|total| *total += 1);
        }
        let columns: Vec<(&str, usize)> =
            totals.into_iter().filter(|&(_, total)| (1..count).contains(&total)).collect();
        if columns.is_empty() {
            return None;
        }
        let mut matrix = Matrix::zeros(ids.len() + 1, columns.len());
        for (row, labels) in known.iter().enumerate() {
            let Some(labels) = labels else { continue };
            for (value, &(name, total)) in matrix.row_mut(row + 1).iter_mut().zip(&columns) {
                let is_one = labels.iter().any(|label| label == name);
                *value = f32::from(u8::from(is_one)) - total as f32 / count as f32;
            }
        }
        names.extend(columns.iter().map(|(name, _)| (*name).to_owned()));
        Some(matrix)
    }
}

/// `u.user` is id, age, sex, occupation; `users.dat` is id, sex, age, occupation.
fn read_users(labels: &mut Labels, path: &Path) -> Result<(), DataError> {
    let (format, age, sex) = match path.extension() {
        Some(extension) if extension == "dat" => (Format::DOUBLE_COLON, 2, 1),
        _ => (Format::BAR, 1, 2),
    };
    let bytes = movielens::read_text(path)?;
    let mut records = Records::new(&bytes[..], path, Some(format));
    while records.advance()? {
        if records.field_count() < 4 {
            return Err(records.malformed("fewer than four fields: id, age, sex and occupation"));
        }
        let years: u32 = records.field(age).parse().map_err(|_| records.malformed("the age is not a number"))?;
        let span = AGES.iter().filter(|&&first| years >= first).count();
        let mut of_user = vec![format!("age {}", span_name(&AGES, span)), format!("occupation {}", records.field(3))];
        if records.field(sex) == "F" {
            of_user.push("female".to_owned());
        }
        labels.add(records.field(0), of_user);
    }
    Ok(())
}

fn span_name(firsts: &[u32], span: usize) -> String {
    match (span.checked_sub(1).and_then(|at| firsts.get(at)), firsts.get(span)) {
        (Some(first), Some(next)) => format!("{first} to {}", next - 1),
        (Some(first), None) => format!("from {first}"),
        (None, Some(next)) => format!("before {next}"),
        (None, None) => "any".to_owned(),
    }
}

/// An item's genres and its year.
struct Item {
    id: String,
    labels: Vec<String>,
    year: Option<u32>,
}

fn read_items(labels: &mut Labels, path: &Path) -> Result<(), DataError> {
    let bytes = movielens::read_text(path)?;
    let extension = path.extension().unwrap_or_default();
    let (format, flags) = if extension == "item" {
        (Some(Format::BAR), true)
    } else if extension == "dat" {
        (Some(Format::DOUBLE_COLON), false)
    } else {
        (None, false)
    };
    let mut records = Records::new(&bytes[..], path, format);
    let mut more = records.advance()?;
    if format.is_none() && more {
        let header: Vec<&str> = records.fields().collect();
        // The titles were read by these columns, so a list without genres is somebody's own.
        if header.get(2).is_none_or(|name| !name.eq_ignore_ascii_case("genres")) {
            return Ok(());
        }
        more = records.advance()?;
    }
    let mut items = Vec::new();
    while more {
        items.push(if flags { item_of_flags(&records)? } else { item_of_text(&records)? });
        more = records.advance()?;
    }
    let firsts = year_spans(items.iter().filter_map(|item| item.year).collect());
    for mut item in items {
        if let Some(year) = item.year {
            let span = firsts.iter().filter(|&&first| year >= first).count();
            item.labels.push(format!("year {}", span_name(&firsts, span)));
        }
        labels.add(&item.id, item.labels);
    }
    Ok(())
}

/// `id|title|date|video date|address|0|1|...`: genres are the columns from the sixth on.
fn item_of_flags<R: std::io::BufRead>(records: &Records<R>) -> Result<Item, DataError> {
    const FIRST_GENRE: usize = 5;
    if records.field_count() <= FIRST_GENRE {
        return Err(records.malformed("no genres"));
    }
    let mut labels = Vec::new();
    for (genre, flag) in records.fields().skip(FIRST_GENRE).enumerate() {
        match flag {
            "0" => {}
            "1" => labels.push(format!("genre {genre:02}")),
            _ => return Err(records.malformed("a genre is neither 0 nor 1")),
        }
    }
    let date = records.field(2);
    let year = date.rsplit('-').next().and_then(parse_year).or_else(|| year_of_title(records.field(1)));
    Ok(Item { id: records.field(0).to_owned(), labels, year })
}

/// Id, title, and genres between bars.
fn item_of_text<R: std::io::BufRead>(records: &Records<R>) -> Result<Item, DataError> {
    if records.field_count() < 3 {
        return Err(records.malformed("no genres"));
    }
    let genres = records.field(2).split('|').filter(|genre| !genre.is_empty() && !genre.starts_with('('));
    Ok(Item {
        id: records.field(0).to_owned(),
        labels: genres.map(|genre| format!("genre {genre}")).collect(),
        year: year_of_title(records.field(1)),
    })
}

/// `Heat (1995)`.
fn year_of_title(title: &str) -> Option<u32> {
    let (_, rest) = title.rsplit_once('(')?;
    parse_year(rest.trim_end().strip_suffix(')')?.get(..4)?)
}

fn parse_year(text: &str) -> Option<u32> {
    text.parse().ok().filter(|year| (1000..3000).contains(year))
}

/// The first year of each span but the first, such that spans hold about equally many items.
fn year_spans(mut years: Vec<u32>) -> Vec<u32> {
    years.sort_unstable();
    let mut firsts: Vec<u32> =
        (1..YEAR_SPANS).filter_map(|at| years.get(at * years.len() / YEAR_SPANS)).copied().collect();
    firsts.dedup();
    // The first span must hold something.
    firsts.retain(|first| years.first() != Some(first));
    firsts
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::LoadOptions;

    fn read(files: &[(&str, &[u8])]) -> Result<(Dataset, SideColumns), DataError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let dataset = Dataset::load(folder.path().to_str().unwrap(), &LoadOptions::default())?;
        let side = SideColumns::read(&dataset)?;
        Ok((dataset, side))
    }

    const RATINGS: &[u8] = b"1\t1\t3\t5\n1\t2\t4\t5\n2\t3\t5\t5\n3\t1\t5\t5\n";

    #[test]
    fn columns_of_movielens_100k() {
        let users = b"1|17|M|other|1\n2|25|F|other|2\n3|49|F|writer|3\n4|90|M|none|4\n";
        let items = b"3|C|01-Jan-1995|||0|1|0\n1|A\xE9|01-Jan-1930|||0|1|1\n2|B (1997)|||http|0|0|1\n";
        let (_, side) = read(&[("u.data", RATINGS), ("u.user", users), ("u.item", items)]).unwrap();
        assert_eq!(
            side.names,
            [
                "age 25 to 34",
                "age 35 to 49",
                "age before 18",
                "female",
                "occupation other",
                "occupation writer",
                "genre 01",
                "genre 02",
                "year 1995 to 1996",
                "year before 1995",
                "year from 1997"
            ]
        );
        let users = side.users.unwrap();
        let third = 1.0 / 3.0;
        let close = |row: &[f32], expected: &[f32]| row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(users.row(1), &[-third, -third, 2.0 * third, -2.0 * third, third, -third]), "{users:?}");
        let items = side.items.unwrap();
        assert!(close(items.row(2), &[-2.0 * third, third, -third, -third, 2.0 * third]), "{items:?}");
        assert_eq!((users.row(0), items.row(0)), (&[0.0; 6][..], &[0.0; 5][..]));
        for matrix in [users, items] {
            for col in 0..matrix.cols {
                assert!((1..matrix.rows).map(|row| matrix.row(row)[col]).sum::<f32>().abs() < 1e-6);
            }
        }
    }

    #[test]
    fn columns_of_the_other_sets() {
        let movies = b"movieId,title,genres\n1,\"A, The (1990)\",Drama|War\n2,B,(no genres listed)\n3,C (2001),Drama\n";
        let ratings = b"userId,movieId,rating,timestamp\n1,1,3,5\n1,2,4,5\n2,3,5,5\n";
        let (_, side) = read(&[("ratings.csv", ratings), ("movies.csv", movies)]).unwrap();
        assert_eq!(side.names, ["genre Drama", "genre War", "year before 2001", "year from 2001"]);
        assert_eq!(side.users, None);

        let users = b"1::F::1::10::x\n2::M::56::16::y\n";
        let movies = "1::A (1990)::Drama|War\n2::B (1991)::War\n3::É (2001)::Drama\n".as_bytes();
        let (_, side) = read(&[
            ("ratings.dat", b"1::1::3::5\n1::2::4::5\n2::3::5::5\n"),
            ("users.dat", users),
            ("movies.dat", movies),
        ])
        .unwrap();
        assert_eq!(side.names[..5], ["age before 18", "age from 50", "female", "occupation 10", "occupation 16"]);
        assert_eq!(side.items.unwrap().cols, 5);
    }

    #[test]
    fn an_id_without_a_line_is_at_the_mean() {
        let users = b"1|17|M|other|1\n2|25|F|other|2\n";
        let (_, side) = read(&[("u.data", RATINGS), ("u.user", users)]).unwrap();
        assert_eq!(side.items, None);
        assert_eq!(side.users.unwrap().row(3), [0.0; 3]);
    }

    #[test]
    fn no_files_give_no_columns() {
        let (_, side) = read(&[("u.data", RATINGS)]).unwrap();
        assert_eq!(side, SideColumns::default());
        let (_, side) = read(&[
            ("ratings.csv", b"user,item,rating\n1,1,3\n1,2,4\n2,3,5\n"),
            ("movies.csv", b"movieId,title\n1,A\n"),
        ])
        .unwrap();
        assert_eq!(side, SideColumns::default());
        let demo = Dataset::load("demo", &LoadOptions::default()).unwrap();
        assert_eq!(SideColumns::read(&demo).unwrap(), SideColumns::default());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let message = |name: &str, content: &[u8]| {
            let titles = if name == "u.item" { content } else { b"1|A|||0|0\n" };
            read(&[("u.data", RATINGS), ("u.item", titles), (name, content)]).unwrap_err().to_string()
        };
        assert!(message("u.user", b"1|17|M|other\n2|old|F|other|2\n").contains("line 2: the age is not a number"));
        assert!(message("u.user", b"1|17\n").contains("line 1: fewer than four fields"));
        assert!(message("u.item", b"1|A|01-Jan-1995|||0|x\n").contains("line 1: a genre is neither 0 nor 1"));
        assert!(message("u.item", b"1|A|01-Jan-1995\n").contains("line 1: no genres"));
    }

    #[test]
    fn spans_of_years_hold_about_equally_many() {
        let years: Vec<u32> = (1901..2001).collect();
        let firsts = year_spans(years.clone());
        assert_eq!(firsts.len(), 7);
        let spans = |year: &u32| firsts.iter().filter(|&first| year >= first).count();
        for span in 0..8 {
            assert!((12..=13).contains(&years.iter().filter(|year| spans(year) == span).count()));
        }
        // Most in one year: it is a span of its own.
        assert_eq!(year_spans([vec![1990; 2], vec![1995; 20], vec![1996; 4]].concat()), [1995, 1996]);
        assert_eq!(year_spans(vec![1990; 3]), [] as [u32; 0]);
        assert_eq!(year_spans(Vec::new()), [] as [u32; 0]);
    }
}
