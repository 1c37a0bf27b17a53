//! The file of ids: who the rows of a model's tables are.
//!
//! CSV with a header. Columns `kind` (`user` or `item`) and `id`, and where they are known `row` (the row in the source's table, from 0) and
//! `title`. Without `row` the lines of a kind are in the order of the table. A line for row 0 of a table whose row 0 is the unknown one
//! (fastai's `#na#`) is passed over. A kind without lines has the ids 1..n.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::ImportError;

/// fastai's name for whoever is unknown.
const UNKNOWN: &str = "#na#";

/// Of which table a line speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Item,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Item => "item",
        }
    }
}

#[derive(Clone, Debug)]
struct Line {
    number: u64,
    kind: Kind,
    row: Option<usize>,
    id: String,
    title: String,
}

/// Names for the rows of one table, one for each row but that of the unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub ids: Vec<String>,
    /// One for each id, or none at all.
    pub titles: Vec<String>,
}

/// Ids and titles of the items in a file of ids, for a table of so many rows beside the unknown one.
pub fn item_names(path: &Path, known: usize) -> Result<(Vec<String>, Vec<String>), ImportError> {
    let Names { ids, titles } = Ids::load(path)?.of(Kind::Item, known, 1, None)?;
    Ok((ids, titles))
}

/// A file of ids, read; or none, and then every table has ids 1..n.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    path: PathBuf,
    lines: Vec<Line>,
}

impl Ids {
    pub(super) fn load(path: &Path) -> Result<Self, ImportError> {
        let bytes = std::fs::read(path).map_err(|source| ImportError::read(path, source))?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ImportError> {
        let error = |line, problem: String| ImportError::Ids { path: path.into(), line, problem };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let of_csv = |problem: csv::Error| error(problem.position().map(csv::Position::line), problem.to_string());
        let headers = reader.headers().map_err(of_csv)?.clone();
        let column = |name: &str| {
            headers.iter().position(|heading| heading.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
        };
        let needed = |name: &str| column(name).ok_or_else(|| error(Some(1), format!("it has no column `{name}`")));
        let (kinds, ids, rows, titles) = (needed("kind")?, needed("id")?, column("row"), column("title"));
        let mut lines = Vec::new();
        for record in reader.records() {
            let record = record.map_err(of_csv)?;
            let number = record.position().map_or(0, csv::Position::line);
            let cell = |column: usize| record.get(column).unwrap_or_default();
            let kind = match cell(kinds) {
                "user" => Kind::User,
                "item" => Kind::Item,
                other => return Err(error(Some(number), format!("`{other}` is no kind; user and item are"))),
            };
            let row = match rows.map(cell) {
                None => None,
                Some(text) => Some(
                    text.parse().map_err(|_| error(Some(number), format!("`{text}` is not the number of a row")))?,
                ),
            };
            let id = cell(ids).to_owned();
            if id.is_empty() {
                return Err(error(Some(number), "the id is empty".into()));
            }
            lines.push(Line { number, kind, row, id, title: titles.map(cell).unwrap_or_default().to_owned() });
        }
        Ok(Self { path: path.into(), lines })
    }

    /// Names for a table of `known` rows beside that of the unknown. `first` is the number of the first of them in the source: 1 where row 0
    /// is the unknown one's. `own` are ids that the table itself holds; then lines are found by their id.
    pub(super) fn of(
        &self,
        kind: Kind,
        known: usize,
        first: usize,
        own: Option<Vec<String>>,
    ) -> Result<Names, ImportError> {
        let lines: Vec<&Line> = self.lines.iter().filter(|line| line.kind == kind).collect();
        let found = match own {
            Some(ids) => {
                let mut seen = HashSet::new();
                return match lines.iter().find(|line| !seen.insert(line.id.as_str())) {
                    None => Ok(titled(ids, &lines)),
                    Some(twice) => {
                        let problem = format!("the {} `{}` occurs twice", kind.name(), twice.id);
                        Err(self.error(Some(twice.number), problem))
                    }
                };
            }
            None if lines.is_empty() => {
                return Ok(Names { ids: (1..=known).map(|id| id.to_string()).collect(), titles: Vec::new() });
            }
            None => self.by_row(kind, &lines, known, first)?,
        };
        let mut seen = HashSet::new();
        if let Some(line) = found.iter().find(|line| !seen.insert(line.id.as_str())) {
            return Err(self.error(Some(line.number), format!("the {} `{}` occurs twice", kind.name(), line.id)));
        }
        let ids = found.iter().map(|line| line.id.clone()).collect();
        Ok(titled(ids, &found))
    }

    /// The line of each row.
    fn by_row<'l>(
        &self,
        kind: Kind,
        lines: &[&'l Line],
        known: usize,
        first: usize,
    ) -> Result<Vec<&'l Line>, ImportError> {
        let mut found: Vec<Option<&Line>> = vec![None; known];
        let heads_with_unknown = first == 1 && lines.first().is_some_and(|line| line.id == UNKNOWN);
        for (position, line) in lines.iter().enumerate() {
            let row = line.row.unwrap_or(position + usize::from(first == 1 && !heads_with_unknown));
            let Some(index) = row.checked_sub(first) else { continue };
            match found.get_mut(index) {
                Some(Some(_)) => return Err(self.error(Some(line.number), format!("row {row} occurs twice"))),
                Some(place) => *place = Some(line),
                None => {
                    let rows = known + first;
                    let table = kind.name();
                    let problem = format!(
                        "row {row} is beyond the {table} table, whose {rows} rows count from 0; is this the right file, and the {table} table the one that you mean?"
                    );
                    return Err(self.error(Some(line.number), problem));
                }
            }
        }
        let missing = found.iter().position(Option::is_none);
        match missing {
            None => Ok(found.into_iter().flatten().collect()),
            Some(index) => {
                let problem = format!("no {} has row {} of {known}; each row needs an id", kind.name(), index + first);
                Err(self.error(None, problem))
            }
        }
    }

    fn error(&self, line: Option<u64>, problem: String) -> ImportError {
        ImportError::Ids { path: self.path.clone(), line, problem }
    }
}

/// Titles by id; who has none is called by the id. None at all where the file has none.
fn titled(ids: Vec<String>, lines: &[&Line]) -> Names {
    let titles: std::collections::HashMap<&str, &str> = lines
        .iter()
        .filter(|line| !line.title.is_empty())
        .map(|line| (line.id.as_str(), line.title.as_str()))
        .collect();
    let titles = match titles.is_empty() {
        true => Vec::new(),
        false => ids.iter().map(|id| titles.get(id.as_str()).copied().unwrap_or(id).to_owned()).collect(),
    };
    Names { ids, titles }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Ids, ImportError> {
        Ids::parse(Path::new("ids.csv"), text.as_bytes())
    }

    fn message(text: &str, known: usize, first: usize) -> String {
        parse(text).and_then(|ids| ids.of(Kind::Item, known, first, None)).unwrap_err().to_string()
    }

    #[test]
    fn rows_may_come_in_any_order_and_the_unknown_is_passed_over() {
        let ids =
            parse("kind,row,id,title\nitem,2,b,\"B, the second\"\nuser,1,ann,\nitem,0,#na#,\nitem,1,a,\n").unwrap();
        let items = ids.of(Kind::Item, 2, 1, None).unwrap();
        assert_eq!((items.ids, items.titles), (vec!["a".into(), "b".into()], vec!["a".into(), "B, the second".into()]));
        let users = ids.of(Kind::User, 1, 1, None).unwrap();
        assert_eq!((users.ids, users.titles.len()), (vec!["ann".to_owned()], 0));
    }

    #[test]
    fn without_rows_the_order_counts() {
        let plain = parse("kind,id\nitem,a\nitem,b\n").unwrap();
        let fastai = parse("kind,id\nitem,#na#\nitem,a\nitem,b\n").unwrap();
        for (ids, first) in [(&plain, 0), (&plain, 1), (&fastai, 1)] {
            assert_eq!(ids.of(Kind::Item, 2, first, None).unwrap().ids, ["a", "b"]);
        }
    }

    #[test]
    fn without_lines_ids_count_from_1_and_a_tables_own_ids_win() {
        assert_eq!(Ids::default().of(Kind::User, 3, 1, None).unwrap().ids, ["1", "2", "3"]);
        let ids = parse("kind,id,title\nitem,17,Seventeen\nitem,99,Elsewhere\n").unwrap();
        let names = ids.of(Kind::Item, 2, 0, Some(vec!["5".into(), "17".into()])).unwrap();
        assert_eq!((names.ids, names.titles), (vec!["5".into(), "17".into()], vec!["5".into(), "Seventeen".into()]));
    }

    #[test]
    fn an_id_of_a_table_has_one_title() {
        let ids = parse("kind,id,title\nitem,5,Five\nuser,17,\nitem,17,Seventeen\nitem,5,Fünf\n").unwrap();
        let own = || Some(vec!["5".into(), "17".into()]);
        let message = ids.of(Kind::Item, 2, 0, own()).unwrap_err().to_string();
        assert!(message.contains("line 5: the item `5` occurs twice"), "{message}");
        assert!(ids.of(Kind::User, 2, 0, own()).is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(message("id\na\n", 1, 0).contains("no column `kind`"));
        assert!(message("kind,row,id\nfilm,0,a\n", 1, 0).contains("line 2: `film` is no kind"));
        assert!(message("kind,row,id\nitem,x,a\n", 1, 0).contains("`x` is not the number of a row"));
        assert!(message("kind,row,id\nitem,0,a\nitem,0,b\n", 2, 0).contains("line 3: row 0 occurs twice"));
        assert!(message("kind,row,id\nitem,0,a\nitem,1,a\n", 2, 0).contains("the item `a` occurs twice"));
        assert!(message("kind,row,id\nitem,1,a\nitem,3,b\n", 2, 1).contains("row 3 is beyond the item table"));
        assert!(message("kind,row,id\nitem,1,a\n", 2, 1).contains("no item has row 2 of 2"));
        assert!(message("kind,row,id\nitem,1,\n", 2, 1).contains("the id is empty"));
        assert!(message("kind,row,id\nitem,1\n", 2, 1).contains("line 2"));
    }
}
