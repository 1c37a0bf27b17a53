//! Plain tables and bars for a terminal: columns as wide as their widest cell, measured as a terminal shows it.
//!
//! It knows nothing about what the cells mean and prints nothing itself.

use std::borrow::Cow;

use console::{Alignment, measure_text_width, pad_str, truncate_str};

use super::terminal::visible;

/// Rows of text under headings. A column is right-aligned when it was made with [`Table::number`].
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    heading: String,
    alignment: Alignment,
}

impl Table {
    pub fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a left-aligned column.
    pub fn text(mut self, heading: &str) -> Self {
        self.columns.push(Column { heading: heading.to_owned(), alignment: Alignment::Left });
        self
    }

    /// Adds a right-aligned column.
    pub fn number(mut self, heading: &str) -> Self {
        self.columns.push(Column { heading: heading.to_owned(), alignment: Alignment::Right });
        self
    }

    /// Adds a row; missing cells are empty. A line break in a cell is shown as one of its characters, not as a break of the table.
    pub fn row<I: IntoIterator<Item: Into<String>>>(&mut self, cells: I) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell.into(), &[]).into_owned()).collect());
    }

    /// The table, each line ending in a line break, two columns apart. No line is wider than `width`: the widest text column gives way.
    pub fn render(&self, width: usize) -> String {
        let widths = self.widths(width);
        let mut out = String::new();
        if self.columns.iter().any(|column| !column.heading.is_empty()) {
            let headings: Vec<&str> = self.columns.iter().map(|column| column.heading.as_str()).collect();
            self.push_line(&mut out, &headings, &widths);
        }
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.push_line(&mut out, &cells, &widths);
        }
        out
    }

    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| measure_text_width(&column.heading)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let excess = total.saturating_sub(width);
        let is_text = |(column, _): &(&Column, &mut usize)| matches!(column.alignment, Alignment::Left);
        if let Some((_, widest)) = self.columns.iter().zip(&mut widths).filter(is_text).max_by_key(|(_, width)| **width)
        {
            *widest = widest.saturating_sub(excess).max(8);
        }
        widths
    }

    fn push_line(&self, out: &mut String, cells: &[&str], widths: &[usize]) {
        let mut line = String::new();
        for (index, (column, &width)) in self.columns.iter().zip(widths).enumerate() {
            let cell = cells.get(index).copied().unwrap_or_default();
            if index > 0 {
                line.push_str("  ");
            }
            let cell = shorten(cell, width);
            line.push_str(&pad_str(&cell, width, column.alignment, None));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// At most `width` columns of a text. What stands in parentheses at its end (a year, genres) is kept, and the cut comes before it.
fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    if measure_text_width(text) <= width {
        return Cow::Borrowed(text);
    }
    let end =
        text.rfind(" (").filter(|_| text.ends_with(')')).and_then(|position| text.get(position..)).unwrap_or_default();
    match width.checked_sub(measure_text_width(end)) {
        Some(rest) if !end.is_empty() && rest >= 8 => {
            Cow::Owned(format!("{}{end}", truncate_str(text.trim_end_matches(end), rest, "...")))
        }
        _ => truncate_str(text, width, "..."),
    }
}

/// Two blocks of lines side by side, `gap` columns apart.
#[cfg(any(feature = "train", test))]
pub fn beside(left: &str, right: &str, gap: usize) -> String {
    let width = left.lines().map(measure_text_width).max().unwrap_or(0) + gap;
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut out = String::new();
    loop {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            return out;
        }
        let line = format!("{}{}", pad_str(l.unwrap_or_default(), width, Alignment::Left, None), r.unwrap_or_default());
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// A bar of `part / whole`, `width` characters when full; anything above zero shows.
pub fn bar(part: f64, whole: f64, width: usize) -> String {
    if part <= 0.0 || whole <= 0.0 {
        return String::new();
    }
    let cells = (part / whole * width as f64).round().clamp(1.0, width as f64);
    "#".repeat(cells as usize)
}

/// "1 rating", "1,234 ratings".
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// 1234567 as 1,234,567.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new().text("title").number("stars");
        table.row(["千と千尋の神隠し", "4.5"]);
        table.row(["Amélie", "12.25"]);
        table
    }

    #[test]
    fn wide_characters_count_two_columns() {
        assert_eq!(sample().render(80), "title             stars\n千と千尋の神隠し    4.5\nAmélie            12.25\n");
    }

    #[test]
    fn a_row_is_a_line_whatever_its_cells_hold() {
        let mut table = Table::new().text("title").number("stars");
        table.row(["two\nlines\r\u{1b}[2J", "4.5"]);
        assert_eq!(table.render(80), "title                  stars\ntwo\\nlines\\r\\u{1b}[2J    4.5\n");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let narrow = sample().render(18);
        assert!(narrow.lines().all(|line| measure_text_width(line) <= 18), "{narrow}");
        assert!(narrow.contains("..."), "{narrow}");
        assert!(narrow.contains("12.25"), "numbers are never cut: {narrow}");
    }

    #[test]
    fn what_ends_a_title_in_parentheses_outlives_the_cut() {
        assert_eq!(shorten("The Midnight Detective (noir, heist)", 30), "The Midnight ... (noir, heist)");
        assert_eq!(shorten("Short (1999)", 30), "Short (1999)");
        assert_eq!(shorten("No parentheses at all", 10), "No pare...");
        assert_eq!(shorten("A (very long remark indeed)", 12), "A (very l...");
    }

    #[test]
    fn blocks_beside_each_other_keep_all_lines() {
        assert_eq!(beside("a\nbbb\n", "1\n2\n3\n", 2), "a    1\nbbb  2\n     3\n");
        assert_eq!(beside("a\nb\n", "", 2), "a\nb\n");
    }

    #[test]
    fn bars_show_every_part_above_zero() {
        assert_eq!(bar(1.0, 2.0, 10), "#####");
        assert_eq!(bar(0.001, 2.0, 10), "#");
        assert_eq!(bar(0.0, 2.0, 10), "");
        assert_eq!(bar(3.0, 2.0, 10), "##########");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234), "1,234");
        assert_eq!(thousands(123_456), "123,456");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
