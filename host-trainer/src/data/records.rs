//! Splits a text file into lines and fields: CSV, TSV, `::` and `|`.
//!
//! One buffer serves the whole file: no field is allocated. Line numbers are the file's own, blank lines, CRLF and quoted line
//! breaks included, because messages name them; the raw text of the line stays at hand for the same reason. (That is why
//! this is not the `csv` crate, which counts a record that follows blank lines from the first of them, and forgets the text.)
//! It knows nothing about what the fields mean.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::error::{DataError, shortened};

/// A longer line is no line of ratings: memory is bounded whatever the file is.
const LONGEST_LINE_BYTES: u64 = 1 << 20;
/// A quoted field longer than this is a quote that was never closed.
const LONGEST_RECORD_BYTES: usize = 1 << 16;

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub delimiter: &'static str,
    /// `"a, ""b"""` is one field (RFC 4180). Only for comma and semicolon: other formats use quotes as letters.
    pub quotes: bool,
}

impl Format {
    pub const TAB: Self = Self::plain("\t");
    pub const DOUBLE_COLON: Self = Self::plain("::");
    pub const BAR: Self = Self::plain("|");
    pub const COMMA: Self = Self::quoted(",");
    pub const SEMICOLON: Self = Self::quoted(";");

    const fn plain(delimiter: &'static str) -> Self {
        Self { delimiter, quotes: false }
    }

    const fn quoted(delimiter: &'static str) -> Self {
        Self { delimiter, quotes: true }
    }

    /// By the file's name where that is clear (`.tsv`, `.tab`), else by what its first line holds most of outside quotes.
    pub fn sniff(path: &Path, first_line: &str) -> Self {
        let extension = path.extension().unwrap_or_default();
        if extension.eq_ignore_ascii_case("tsv") || extension.eq_ignore_ascii_case("tab") {
            return Self::TAB;
        }
        let mut bare = String::new();
        let mut inside = false;
        for c in first_line.chars() {
            inside ^= c == '"';
            if !inside {
                bare.push(c);
            }
        }
        // Before the single characters: a title may hold those too.
        if bare.contains(Self::DOUBLE_COLON.delimiter) {
            return Self::DOUBLE_COLON;
        }
        let count = |format: &Self| bare.matches(format.delimiter).count();
        // `max_by_key` takes the last of equals, so the likeliest stands last.
        [Self::BAR, Self::SEMICOLON, Self::COMMA, Self::TAB]
            .into_iter()
            .max_by_key(count)
            .filter(|format| count(format) > 0)
            .unwrap_or(Self::COMMA)
    }
}

/// Reads one record at a time.
pub struct Records<R> {
    reader: R,
    path: PathBuf,
    format: Option<Format>,
    /// Lines read so far, and the first line of the current record.
    lines: u32,
    first_line: u32,
    /// The record as it stands in the file, without its line end; `text` is the same, known to be UTF-8.
    raw: Vec<u8>,
    text: String,
    /// The same without quotes, when it has any.
    unquoted: String,
    has_quotes: bool,
    /// Where each field begins and ends in `unquoted`, or in `text` when nothing is quoted.
    fields: Vec<(usize, usize)>,
}

impl<R: BufRead> Records<R> {
    /// `path` is for messages, and for sniffing when `format` is `None`.
    pub fn new(reader: R, path: &Path, format: Option<Format>) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            format,
            lines: 0,
            first_line: 0,
            raw: Vec::new(),
            text: String::new(),
            unquoted: String::new(),
            has_quotes: false,
            fields: Vec::new(),
        }
    }

    /// Moves to the next record that isn't blank; false at the end of the file.
    pub fn advance(&mut self) -> Result<bool, DataError> {
        loop {
            self.raw.clear();
            if !self.append_line()? {
                return Ok(false);
            }
            self.first_line = self.lines;
            if !self.raw.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        while !self.split()? {
            self.raw.push(b'\n');
            let more = self.raw.len() <= LONGEST_RECORD_BYTES && self.append_line()?;
            if !more {
                return Err(self.malformed("a quote is opened and never closed"));
            }
        }
        Ok(true)
    }

    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// Field `index` (from 0) without white space around it; empty where there is no such field.
    pub fn field(&self, index: usize) -> &str {
        let text = if self.has_quotes { &self.unquoted } else { &self.text };
        self.fields.get(index).and_then(|&(start, end)| text.get(start..end)).unwrap_or_default().trim()
    }

    pub fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.field_count()).map(|index| self.field(index))
    }

    /// The line on which the record begins, from 1.
    pub fn line(&self) -> u32 {
        self.first_line
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record's text, shortened for a message.
    pub fn excerpt(&self) -> String {
        shortened(&self.text)
    }

    /// An error at this record.
    pub fn malformed(&self, problem: impl Into<String>) -> DataError {
        DataError::Malformed {
            path: self.path.clone(),
            line: self.first_line,
            problem: problem.into(),
            text: self.excerpt(),
        }
    }

    /// Appends the next line to `raw`, without its line end and, at the top of the file, without a byte order mark.
    fn append_line(&mut self) -> Result<bool, DataError> {
        let start = self.raw.len();
        let mut line = self.reader.by_ref().take(LONGEST_LINE_BYTES);
        let read = line.read_until(b'\n', &mut self.raw).map_err(|source| DataError::io(&self.path, source))?;
        if read == 0 {
            return Ok(false);
        }
        self.lines = self.lines.saturating_add(1);
        if read as u64 == LONGEST_LINE_BYTES && !self.raw.ends_with(b"\n") {
            self.first_line = self.lines;
            self.text = String::from_utf8_lossy(&self.raw[start..]).into_owned();
            return Err(self.malformed("the line is longer than 1 MiB; is this a text file?"));
        }
        if self.raw.ends_with(b"\n") {
            self.raw.pop();
        }
        if self.raw.len() > start && self.raw.ends_with(b"\r") {
            self.raw.pop();
        }
        if self.lines == 1 && self.raw.starts_with(b"\xEF\xBB\xBF") {
            self.raw.drain(..3);
        }
        Ok(true)
    }

    /// Finds the fields of `raw`; false when a quoted field goes on in the next line.
    fn split(&mut self) -> Result<bool, DataError> {
        let Ok(text) = std::str::from_utf8(&self.raw) else {
            return Err(DataError::NotUtf8 { path: self.path.clone(), line: self.lines });
        };
        self.text.clear();
        self.text.push_str(text);
        let format = *self.format.get_or_insert_with(|| Format::sniff(&self.path, text));
        self.fields.clear();
        self.has_quotes = format.quotes && text.contains('"');
        if self.has_quotes {
            return Ok(split_quoted(text, format.delimiter, &mut self.unquoted, &mut self.fields));
        }
        let width = format.delimiter.len();
        let mut start = 0;
        let mut cut = |end: usize| {
            self.fields.push((start, end));
            start = end + width;
        };
        // Lines are short, so a plain loop beats a searcher that has to be set up.
        match *format.delimiter.as_bytes() {
            [delimiter] => (0..).zip(text.bytes()).filter(|&(_, byte)| byte == delimiter).for_each(|(end, _)| cut(end)),
            _ => text.match_indices(format.delimiter).for_each(|(end, _)| cut(end)),
        }
        self.fields.push((start, text.len()));
        Ok(true)
    }
}

/// RFC 4180, leniently: a quote counts when only white space stands before it in its field; in the middle it is a letter.
/// False when the text ends inside quotes.
fn split_quoted(text: &str, delimiter: &str, unquoted: &mut String, fields: &mut Vec<(usize, usize)>) -> bool {
    unquoted.clear();
    let mut rest = text;
    loop {
        let start = unquoted.len();
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if let Some(mut quoted) = trimmed.strip_prefix('"') {
            loop {
                let Some((before, after)) = quoted.split_once('"') else {
                    return false;
                };
                unquoted.push_str(before);
                quoted = after;
                let Some(after) = quoted.strip_prefix('"') else {
                    break;
                };
                unquoted.push('"');
                quoted = after;
            }
            rest = quoted;
        }
        let (field, after) = match rest.split_once(delimiter) {
            Some((field, after)) => (field, Some(after)),
            None => (rest, None),
        };
        unquoted.push_str(field);
        fields.push((start, unquoted.len()));
        match after {
            Some(after) => rest = after,
            None => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record of `text` as (line, fields).
    fn read(name: &str, text: &[u8]) -> Result<Vec<(u32, Vec<String>)>, DataError> {
        let mut records = Records::new(text, Path::new(name), None);
        let mut all = Vec::new();
        while records.advance()? {
            all.push((records.line(), records.fields().map(str::to_owned).collect()));
        }
        Ok(all)
    }

    fn row(line: u32, fields: &[&str]) -> (u32, Vec<String>) {
        (line, fields.iter().map(|&field| field.to_owned()).collect())
    }

    #[test]
    fn byte_order_mark_crlf_blank_lines_and_a_missing_last_line_end() {
        let text = b"\xEF\xBB\xBFu,i,r\r\n\r\n  \r\n1,2,3\r\n4, \xC3\xA9 x ,5";
        let expected = [row(1, &["u", "i", "r"]), row(4, &["1", "2", "3"]), row(5, &["4", "é x", "5"])];
        assert_eq!(read("a.csv", text).unwrap(), expected);
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_line_breaks() {
        let text = b"u,\"a, \"\"b\"\"\",3\n\"x\ny\" ,\"\",5\"6\nlast,i,1\n";
        let expected = [row(1, &["u", "a, \"b\"", "3"]), row(2, &["x\ny", "", "5\"6"]), row(4, &["last", "i", "1"])];
        assert_eq!(read("a.csv", text).unwrap(), expected);
    }

    #[test]
    fn an_unclosed_quote_names_the_line_where_it_opens() {
        for tail in [String::new(), "1,2,3\n".repeat(20_000)] {
            let error = read("a.csv", format!("u,i,r\n1,\"two,3\n{tail}").as_bytes()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("line 2: a quote is opened and never closed"), "{message}");
        }
    }

    #[test]
    fn a_line_without_end_is_shown_itself() {
        let long = "x".repeat(1 << 20);
        for before in ["1,2,3\n", "1,\"two\n"] {
            let message = read("a.csv", format!("{before}{long}").as_bytes()).unwrap_err().to_string();
            assert!(message.contains("`a.csv`, line 2: the line is longer than 1 MiB"), "{message}");
            assert!(message.contains("xxxx") && !message.contains("1,"), "{message}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_names_its_line() {
        let message = read("a.csv", b"1,2,3\n1,caf\xE9,3\n").unwrap_err().to_string();
        assert!(message.contains("`a.csv`, line 2: not UTF-8"), "{message}");
    }

    #[test]
    fn formats_are_sniffed() {
        let sniff = |name: &str, line: &str| Format::sniff(Path::new(name), line);
        assert_eq!(sniff("a.tsv", "a,b c,d"), Format::TAB);
        assert_eq!(sniff("u.data", "196\t242\t3\t881250949"), Format::TAB);
        assert_eq!(sniff("r.dat", "1::1193::5::978300760"), Format::DOUBLE_COLON);
        assert_eq!(sniff("a.csv", "\"a;b;c;d\",2,3"), Format::COMMA);
        assert_eq!(sniff("a.csv", "User-ID;ISBN;Book-Rating"), Format::SEMICOLON);
        assert_eq!(sniff("a.txt", "1|2|3"), Format::BAR);
        assert_eq!(sniff("a.txt", "nothing"), Format::COMMA);
    }

    #[test]
    fn quotes_are_letters_where_the_format_has_none() {
        assert_eq!(read("a.tsv", b"1\t\"Who\t3\n").unwrap(), [row(1, &["1", "\"Who", "3"])]);
        assert_eq!(read("m.dat", b"1::A: \"B\"::3\n").unwrap(), [row(1, &["1", "A: \"B\"", "3"])]);
    }
}
