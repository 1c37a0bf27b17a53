//! From what a person types to a row: an id, a title, or a part of a title; near ones are suggested when there is none.
//!
//! An id wins over a title that reads the same. It never guesses: a text that fits two titles is refused, and both are named.

use std::fmt;

use miette::Diagnostic;
use thiserror::Error;

/// How many near names an error lists.
const SUGGESTIONS: usize = 3;

/// Whether users or items are looked up; for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Item,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Item => "item",
        })
    }
}

/// Nobody, or more than one, is called what was typed.
#[derive(Debug, Error, Diagnostic)]
pub enum LookupError {
    #[error("there is no {kind} `{asked}` in {place}")]
    #[diagnostic(help("{help}"))]
    Unknown { kind: Kind, asked: String, place: String, help: String },
    #[error("`{asked}` fits {count} items in {place}")]
    #[diagnostic(help("say which: {near}"))]
    Ambiguous { asked: String, place: String, count: usize, near: String },
}

/// The names of all users or of all items; position k belongs to row k + 1.
pub struct Names {
    kind: Kind,
    /// What is searched, for messages: a file's name.
    place: String,
    rows: usize,
    ids: Vec<String>,
    titles: Vec<String>,
}

impl Names {
    /// `ids` and `titles` are empty where there are none; `rows` counts row 0.
    pub fn new(kind: Kind, place: impl Into<String>, rows: usize, ids: Vec<String>, titles: Vec<String>) -> Self {
        Self { kind, place: place.into(), rows, ids, titles }
    }

    /// The row's external id; its number where no ids are known.
    pub fn id(&self, row: u32) -> String {
        self.ids.get((row as usize).wrapping_sub(1)).cloned().unwrap_or_else(|| row.to_string())
    }

    /// The row's title, or else its id.
    pub fn title(&self, row: u32) -> String {
        self.titles
            .get((row as usize).wrapping_sub(1))
            .filter(|title| !title.is_empty())
            .cloned()
            .unwrap_or_else(|| self.id(row))
    }

    /// The row with exactly this id.
    pub fn row(&self, id: &str) -> Option<u32> {
        if self.ids.is_empty() {
            return id.parse().ok().filter(|row| (1..self.rows).contains(&(*row as usize)));
        }
        self.ids.iter().position(|known| known == id).map(row_of)
    }

    /// The external ids; none where none are known.
    pub fn into_ids(self) -> Vec<String> {
        self.ids
    }

    pub fn has_titles(&self) -> bool {
        !self.titles.is_empty()
    }

    /// The row that `asked` names: an id, else a title, with or without its year, else the only title that contains it.
    pub fn find(&self, asked: &str) -> Result<u32, LookupError> {
        if let Some(row) = self.row(asked) {
            return Ok(row);
        }
        let wanted = asked.trim().to_lowercase();
        let titles: Vec<String> = self.titles.iter().map(|title| title.to_lowercase()).collect();
        let tests: [&dyn Fn(&str) -> bool; 3] =
            [&|title| title == wanted, &|title| without_year(title) == wanted, &|title| {
                !wanted.is_empty() && title.contains(&wanted)
            }];
        for fits in tests {
            let found: Vec<usize> = (0..titles.len()).filter(|&position| fits(&titles[position])).collect();
            match found[..] {
                [] => {}
                [position] => return Ok(row_of(position)),
                _ => return Err(self.ambiguous(asked, &found)),
            }
        }
        Err(self.unknown(asked, &titles))
    }

    /// The rows whose id is this text, or whose title contains it, in order; not those of a text without letters.
    pub fn search(&self, asked: &str) -> Vec<u32> {
        let wanted = asked.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let fits = |&row: &u32| self.id(row) == asked.trim() || self.title(row).to_lowercase().contains(&wanted);
        (1..u32::try_from(self.rows).unwrap_or(u32::MAX)).filter(fits).collect()
    }

    fn ambiguous(&self, asked: &str, found: &[usize]) -> LookupError {
        let mut near: Vec<String> = found.iter().take(SUGGESTIONS).map(|&position| self.described(position)).collect();
        if found.len() > SUGGESTIONS {
            near.push("...".to_owned());
        }
        LookupError::Ambiguous {
            asked: asked.to_owned(),
            place: self.place.clone(),
            count: found.len(),
            near: near.join(", "),
        }
    }

    fn unknown(&self, asked: &str, lowercase_titles: &[String]) -> LookupError {
        let wanted = asked.to_lowercase();
        let distance = |position: usize| {
            let id = self.ids.get(position).map(|id| edits(&wanted, &id.to_lowercase()));
            let title = lowercase_titles
                .get(position)
                .map(|title| edits(&wanted, title).min(edits(&wanted, without_year(title))));
            id.into_iter().chain(title).min().unwrap_or(usize::MAX)
        };
        let mut near: Vec<(usize, usize)> =
            (0..self.ids.len().max(lowercase_titles.len())).map(|position| (distance(position), position)).collect();
        near.sort_unstable();
        // A name of which more than half would have to change isn't near.
        let limit = wanted.chars().count().div_ceil(2).max(1);
        let near: Vec<String> = near
            .iter()
            .filter(|(edits, _)| *edits <= limit)
            .take(SUGGESTIONS)
            .map(|&(_, position)| self.described(position))
            .collect();
        let help = if !near.is_empty() {
            format!("did you mean {}?", near.join(" or "))
        } else if self.ids.is_empty() {
            format!(
                "{} {}s are numbered 1 to {}; their ids are not in the blob",
                self.rows.saturating_sub(1),
                self.kind,
                self.rows.saturating_sub(1)
            )
        } else {
            format!(
                "the ids begin with {}",
                self.ids.iter().take(SUGGESTIONS).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
            )
        };
        LookupError::Unknown { kind: self.kind, asked: asked.to_owned(), place: self.place.clone(), help }
    }

    fn described(&self, position: usize) -> String {
        let id = self.id(row_of(position));
        match self.titles.get(position) {
            Some(title) if !title.is_empty() => format!("`{title}` (id {id})"),
            _ => format!("`{id}`"),
        }
    }
}

/// Rows are counted in 32 bits everywhere; what is longer was refused when it was read.
fn row_of(position: usize) -> u32 {
    u32::try_from(position + 1).unwrap_or(u32::MAX)
}

/// `alien (1979)` as `alien`.
fn without_year(title: &str) -> &str {
    let Some((name, rest)) = title.rsplit_once(" (") else { return title };
    let is_year =
        rest.strip_suffix(')').is_some_and(|year| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()));
    if is_year { name } else { title }
}

/// Levenshtein's distance: how many characters must be inserted, deleted or replaced.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let titles =
            ["Alien (1979)", "Aliens (1986)", "千と千尋の神隠し (2001)", "Star Wars (1977)", "7", "Twin", "Twin"];
        let ids = ["7", "b c", "12", "13", "14", "15", "16"];
        let owned = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
        Names::new(Kind::Item, "m.blob", 8, owned(&ids), owned(&titles))
    }

    #[test]
    fn ids_come_first_then_titles_then_parts_of_titles() {
        let names = names();
        assert_eq!(names.find("7").unwrap(), 1, "the id, not the film called 7");
        assert_eq!(names.find("b c").unwrap(), 2);
        assert_eq!(names.find("ALIEN").unwrap(), 1, "without its year, although Aliens contains it");
        assert_eq!(names.find("aliens (1986)").unwrap(), 2);
        assert_eq!(names.find("千尋").unwrap(), 3);
        assert_eq!(names.find("wars").unwrap(), 4);
    }

    #[test]
    fn a_search_finds_all_that_fit() {
        let names = names();
        assert_eq!(names.search("alien"), [1, 2]);
        assert_eq!(names.search(" 7 "), [1, 4, 5], "an id, and titles with it");
        assert!(names.search("  ").is_empty());
        assert!(names.search("nothing of the kind").is_empty());
    }

    #[test]
    fn two_that_fit_are_both_named() {
        let error = names().find("twin").unwrap_err();
        assert_eq!(error.to_string(), "`twin` fits 2 items in m.blob");
        assert_eq!(error.help().unwrap().to_string(), "say which: `Twin` (id 15), `Twin` (id 16)");
    }

    #[test]
    fn near_ones_are_suggested() {
        let error = names().find("Star Warz").unwrap_err();
        assert_eq!(error.to_string(), "there is no item `Star Warz` in m.blob");
        assert_eq!(error.help().unwrap().to_string(), "did you mean `Star Wars (1977)` (id 13)?");
        let error = names().find("something else altogether").unwrap_err();
        assert_eq!(error.help().unwrap().to_string(), "the ids begin with `7`, `b c`, `12`");
    }

    #[test]
    fn without_ids_rows_are_numbers() {
        let names = Names::new(Kind::User, "m.blob", 4, Vec::new(), Vec::new());
        assert_eq!(names.find("3").unwrap(), 3);
        let error = names.find("4").unwrap_err();
        assert_eq!(error.help().unwrap().to_string(), "3 users are numbered 1 to 3; their ids are not in the blob");
        assert!(names.find("0").is_err());
    }

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, distance) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("é", "e", 1), ("same", "same", 0)]
        {
            assert_eq!(edits(a, b), distance, "{a} {b}");
            assert_eq!(edits(b, a), distance, "{b} {a}");
        }
    }
}
