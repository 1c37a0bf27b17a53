//! Reads ratings from one delimited file into the vocabularies and a list of [`Rating`]s.
//!
//! It allocates per distinct id, not per line. It doesn't compare lines with each other: duplicates and lonely users are
//! found by `mod.rs`, when every file has been read.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::columns::Columns;
use super::error::{DataError, shortened};
use super::records::Records;
use super::vocabulary::Vocabulary;
use super::{LoadOptions, Rating};

/// What one file holds. Indices are those of the vocabularies at the time of reading.
pub struct FileRatings {
    pub ratings: Vec<Rating>,
    pub has_times: bool,
    /// Whether the values are counts, or 1 everywhere.
    pub implicit: bool,
}

/// Reads `path`, adding the ids that are new to `users` and `items`.
pub fn read_file(
    path: &Path,
    options: &LoadOptions,
    users: &mut Vocabulary,
    items: &mut Vocabulary,
) -> Result<FileRatings, DataError> {
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let reader = BufReader::with_capacity(1 << 18, file);
    read(reader, path, options, users, items)
}

/// As [`read_file`], from any reader; `path` is for messages and for sniffing the format.
pub fn read(
    reader: impl BufRead,
    path: &Path,
    options: &LoadOptions,
    users: &mut Vocabulary,
    items: &mut Vocabulary,
) -> Result<FileRatings, DataError> {
    let mut records = Records::new(reader, path, None);
    let mut more = records.advance()?;
    if !more {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    let mut columns = Columns::find(&records, options)?;
    if columns.has_header {
        more = records.advance()?;
    }
    if let Some(time) = columns.time
        && more
        && options.time_col.is_none()
        && parse_time(records.field(time)).is_none()
    {
        columns = columns.without_time();
    }

    let mut ratings = Vec::new();
    while more {
        ratings.push(rating(&records, &columns, users, items)?);
        more = records.advance()?;
    }
    if ratings.is_empty() {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    Ok(FileRatings { ratings, has_times: columns.time.is_some(), implicit: columns.implicit })
}

/// The rating at which `records` stands.
fn rating<R: BufRead>(
    records: &Records<R>,
    columns: &Columns,
    users: &mut Vocabulary,
    items: &mut Vocabulary,
) -> Result<Rating, DataError> {
    let count = records.field_count();
    if count != columns.count {
        let plural = if count == 1 { "" } else { "s" };
        let expected = columns.count;
        return Err(records.malformed(format!("{count} field{plural} where the first line has {expected}")));
    }
    let (user, item) = (records.field(columns.user), records.field(columns.item));
    if user.is_empty() {
        return Err(records.malformed("the user is empty"));
    }
    if item.is_empty() {
        return Err(records.malformed("the item is empty"));
    }
    let time = match columns.time {
        None => 0,
        Some(column) => {
            let text = records.field(column);
            let problem = || format!("the time `{}` is not a number of seconds", shortened(text));
            parse_time(text).ok_or_else(|| records.malformed(problem()))?
        }
    };
    Ok(Rating {
        user: users.index(user),
        item: items.index(item),
        value: columns.rating.map_or(Ok(1.0), |column| value(records, records.field(column)))?,
        line: records.line(),
        time,
    })
}

fn value<R: BufRead>(records: &Records<R>, text: &str) -> Result<f32, DataError> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(DataError::NotFinite {
            path: records.path().to_owned(),
            line: records.line(),
            value: shortened(text),
            text: records.excerpt(),
        }),
        Err(_) => Err(records.malformed(format!("the rating `{}` is not a number", shortened(text)))),
    }
}

/// Seconds (or any other unit that grows); a fraction is cut off.
fn parse_time(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let time: f64 = text.parse().ok()?;
        // The cast saturates; a time beyond 2^63 would only lose its order.
        time.is_finite().then_some(time as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(FileRatings, Vocabulary, Vocabulary), DataError> {
        let (mut users, mut items) = (Vocabulary::default(), Vocabulary::default());
        let path = Path::new("r.csv");
        let options = LoadOptions::default();
        let ratings = read(text.as_bytes(), path, &options, &mut users, &mut items)?;
        Ok((ratings, users, items))
    }

    fn message(text: &str) -> String {
        match read_text(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn ids_are_kept_as_they_are_but_for_white_space_around_them() {
        let (file, users, items) =
            read_text("user,item,rating\nJosé María,\"Good, Bad, Ugly\", 4.5\n 007 ,\"Good, Bad, Ugly\",1\n").unwrap();
        assert_eq!(users.into_ids(), ["José María", "007"]);
        assert_eq!(items.into_ids(), ["Good, Bad, Ugly"]);
        assert_eq!(file.ratings.len(), 2);
        let last = file.ratings[1];
        assert_eq!((last.user, last.item, last.value, last.line), (1, 0, 1.0, 3));
        assert!(!file.has_times);
    }

    #[test]
    fn times_are_seconds_with_or_without_a_fraction() {
        let (file, ..) = read_text("1,1,3,881250949\n1,2,3,881250950.75\n").unwrap();
        let times: Vec<i64> = file.ratings.iter().map(|rating| rating.time).collect();
        assert_eq!(times, [881_250_949, 881_250_950]);
        assert!(file.has_times);
        // A guessed time column that holds no time is no time column.
        let (file, ..) = read_text("user,item,rating,date\n1,1,3,2001-01-02\n").unwrap();
        assert!(!file.has_times);
    }

    #[test]
    fn malformed_lines_are_named() {
        assert_eq!(
            message("1,1,3\n1,2,four\n"),
            "`r.csv`, line 2: the rating `four` is not a number, in `1,2,four`; correct the line or remove it"
        );
        assert!(message("1,1,3\n\n1,2\n").contains("line 3: 2 fields where the first line has 3, in `1,2`"));
        assert!(message("1,1,3\n1,2,3,4\n").contains("line 2: 4 fields"));
        assert!(message("1,1,3\n,2,3\n").contains("line 2: the user is empty"));
        assert!(message("1,1,3\n1, ,3\n").contains("line 2: the item is empty"));
        assert!(message("1,1,3,5\n1,2,3,noon\n").contains("line 2: the time `noon`"));
        for bad in ["NaN", "inf", "-Infinity", "1e39"] {
            let text = message(&format!("u,i,rating\n1,1,3\n1,2,{bad}\n").replace("u,i", "user,item"));
            assert!(text.contains(&format!("line 3: the rating `{bad}` is not a finite number")), "{text}");
        }
    }

    #[test]
    fn a_file_without_ratings_is_empty() {
        for text in ["", "\n\n", "user,item,rating\n", "\u{feff}"] {
            assert!(message(text).contains("`r.csv` holds no rating"), "{text:?}");
        }
    }
}
