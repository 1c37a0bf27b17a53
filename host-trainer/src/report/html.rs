//! Pieces of HTML. Whatever comes from a file (ids, titles, names) passes through [`text`] before it reaches the page.

use std::fmt::Write as _;

/// Escapes text for an element's content or a quoted attribute. Control characters, which HTML forbids, show as U+FFFD.
pub fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// Escapes a sentence of ours; what stands between backticks is a command.
pub fn with_code(sentence: &str) -> String {
    let part = |(position, part): (usize, &str)| {
        if position % 2 == 1 { format!("<code>{}</code>", text(part)) } else { text(part) }
    };
    sentence.split('`').enumerate().map(part).collect()
}

/// 1234567 as 1,234,567.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with so many decimals; a dash where there is none.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// A table: the first column names the row, the others are numbers unless they were added as text.
pub struct Table {
    columns: Vec<(String, bool)>,
    rows: String,
}

impl Table {
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let columns = columns.into_iter().enumerate().map(|(index, name)| (name.to_owned(), index > 0));
        Self { columns: columns.collect(), rows: String::new() }
    }

    /// Adds a row of plain text.
    pub fn row<I: IntoIterator<Item: AsRef<str>>>(&mut self, cells: I) {
        self.row_with("", cells);
    }

    /// Adds a row whose first cell begins with this HTML.
    pub fn row_with<I: IntoIterator<Item: AsRef<str>>>(&mut self, first: &str, cells: I) {
        self.rows.push_str("<tr>");
        for (index, (cell, (_, numeric))) in cells.into_iter().zip(&self.columns).enumerate() {
            let cell = text(cell.as_ref());
            let _ = match (index, numeric) {
                (0, _) => write!(self.rows, "<th scope=\"row\">{first}{cell}</th>"),
                (_, true) => write!(self.rows, "<td class=\"num\">{cell}</td>"),
                (_, false) => write!(self.rows, "<td>{cell}</td>"),
            };
        }
        self.rows.push_str("</tr>\n");
    }

    pub fn html(&self) -> String {
        let mut head = String::new();
        for (name, numeric) in &self.columns {
            let class = if *numeric { " class=\"num\"" } else { "" };
            let _ = write!(head, "<th scope=\"col\"{class}>{}</th>", text(name));
        }
        // Keyboards scroll what has the focus.
        format!(
            "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
            self.rows
        )
    }

    /// Folded away under a chart: the same numbers for whoever wants them exactly, or cannot see the chart.
    pub fn details(&self) -> String {
        format!("<details><summary>The numbers</summary>{}</details>\n", self.html())
    }
}

/// A chapter of the page; `lead` is HTML.
pub fn section(id: &str, heading: &str, lead: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-heading\">\n<h2 id=\"{id}-heading\">{}</h2>\n<p>{lead}</p>\n{body}</section>\n",
        text(heading)
    )
}

/// Figures side by side, where there is room.
pub fn grid(figures: &[String]) -> String {
    format!("<div class=\"grid\">\n{}</div>\n", figures.concat())
}
