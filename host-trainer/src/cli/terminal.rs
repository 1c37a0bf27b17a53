//! What is written where: results to stdout, progress and notes to stderr, colour and bars only for a person's terminal.
//!
//! A result is a value with two forms, text and JSON; `--json` chooses. Nothing here knows what a result means.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;
#[cfg(feature = "train")]
use std::time::Instant;

use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::failure::OutputError;

/// The two ends of the command: stdout and stderr.
pub struct Terminal {
    json: bool,
    stdout_is_terminal: bool,
    stdout_width: usize,
    stderr_width: Option<usize>,
    stdout_color: bool,
    stderr_color: bool,
}

/// Wide enough for every table, narrow enough to read in a file.
const WIDTH_OF_A_FILE: usize = 100;
/// Longer lines are hard to read even where they fit.
const WIDEST: usize = 120;

impl Terminal {
    pub fn new(json: bool) -> Self {
        let (stdout, stderr) = (Term::stdout(), Term::stderr());
        let width = |term: &Term| usize::from(term.size().1).min(WIDEST);
        // https://no-color.org: any value that isn't empty.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        Self {
            json,
            stdout_is_terminal,
            stdout_width: if stdout_is_terminal { width(&stdout) } else { WIDTH_OF_A_FILE },
            stderr_width: stderr_is_terminal.then(|| width(&stderr)),
            stdout_color: stdout_is_terminal && !plain && !json,
            stderr_color: stderr_is_terminal && !plain,
        }
    }

    /// Columns that a table on stdout may use.
    pub fn width(&self) -> usize {
        self.stdout_width
    }

    /// Whether results are drawn for a person who sees them change.
    pub fn is_live(&self) -> bool {
        self.stdout_is_terminal && !self.json
    }

    /// Whether a person reads stdout and types into stdin.
    pub fn is_conversation(&self) -> bool {
        self.is_live() && io::stdin().is_terminal()
    }

    /// Columns of an error message: as many as it wants where nobody's terminal would break it, so that it can be searched.
    pub fn message_width(&self) -> usize {
        self.stderr_width.unwrap_or(usize::from(u16::MAX))
    }

    pub fn stderr_is_fancy(&self) -> bool {
        self.stderr_color
    }

    /// Bold, on a terminal.
    pub fn bold(&self, text: &str) -> String {
        Style::new().bold().force_styling(self.stdout_color).apply_to(text).to_string()
    }

    /// Writes a command's result: the text for a person, or the JSON on one line.
    pub fn result(&self, text: &str, json: &Value) -> Result<(), OutputError> {
        if self.json { write_stdout(&line_of(json)) } else { write_stdout(&visible(text, &LAYOUT)) }
    }

    /// Writes one event line with `--json`; nothing else.
    #[cfg(feature = "train")]
    pub fn event(&self, json: &Value) -> Result<(), OutputError> {
        if self.json { write_stdout(&line_of(json)) } else { Ok(()) }
    }

    /// A line on stderr. That stderr is gone is no reason to stop.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", visible(text, &LAYOUT));
    }

    /// A spinner for a step of unknown length; when stderr isn't a terminal, one line.
    pub fn spinner(&self, doing: &str) -> ProgressBar {
        if self.stderr_width.is_none() {
            self.note(doing);
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_message(visible(doing, &[]).into_owned());
        bar.set_style(self.style("{spinner} {msg} [{elapsed}]"));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// One of several steps: a spinner while it lasts, then a line that says how long it took; when stderr isn't a terminal, a line before.
    #[cfg(feature = "train")]
    pub fn step<R>(&self, doing: &str, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let spinner = self.spinner(doing);
        let result = work();
        if !spinner.is_hidden() {
            spinner.finish_and_clear();
            self.note(&format!("{doing} ({:.1} s)", start.elapsed().as_secs_f64()));
        }
        result
    }

    /// A bar of `length` steps; hidden when stderr isn't a terminal.
    pub fn progress(&self, doing: &str, length: u64) -> ProgressBar {
        if self.stderr_width.is_none() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr())
            .with_prefix(visible(doing, &[]).into_owned());
        bar.set_style(self.style("{prefix} [{bar:24}] {pos}/{len} {wide_msg} eta {eta}").progress_chars("=> "));
        bar
    }

    fn style(&self, template: &str) -> ProgressStyle {
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    }
}

/// JSON on one line. Its strings may hold control characters from U+007F on as they are, and a terminal obeys those too.
fn line_of(json: &Value) -> String {
    let mut line = String::new();
    for c in json.to_string().chars() {
        // Those before U+0020 are escaped already; outside strings there are none.
        if c.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

/// Control characters of a text that is laid out already.
const LAYOUT: [char; 2] = ['\n', '\t'];

/// Control characters as escapes, but for those to keep and for styles. Ids and titles come from files: what is written in them must not
/// move the cursor, clear the screen or rename the window.
pub fn visible<'a>(text: &'a str, keep: &[char]) -> Cow<'a, str> {
    let escaped = |c: char| c.is_control() && !keep.contains(&c);
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let bytes = style(rest).unwrap_or(c.len_utf8());
        let (part, after) = rest.split_at(bytes);
        if bytes == c.len_utf8() && escaped(c) {
            out.extend(c.escape_default());
        } else {
            out.push_str(part);
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// The bytes of a style (`ESC [ 1 ; 31 m`) that the text begins with.
fn style(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

/// A path for JSON, whose strings are UTF-8, which the names of files need not be.
pub fn named(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn write_stdout(text: &str) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(OutputError)
}

#[cfg(test)]
mod tests {
    use super::{LAYOUT, line_of, visible};
    use serde_json::{Value, json};

    #[test]
    fn titles_do_not_steer_the_terminal() {
        let title = "A\u{1b}[2J\u{1b}]0;owned\u{7}\rB\u{9b}5m\u{7f}";
        assert_eq!(visible(title, &LAYOUT), "A\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\rB\\u{9b}5m\\u{7f}");
        assert_eq!(visible("a\n\tb", &LAYOUT), "a\n\tb");
        assert_eq!(visible("a\n\tb", &[]), "a\\n\\tb");
        assert_eq!(visible("\u{1b}[", &LAYOUT), "\\u{1b}[");
    }

    #[test]
    fn json_holds_no_control_character_and_loses_none() {
        let value = json!({ "title": "A\u{1b}[2J\u{7}\nB\u{9b}5m\u{7f}é" });
        let line = line_of(&value);
        assert!(!line.trim_end_matches('\n').contains(char::is_control), "{line:?}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn styles_and_letters_stay() {
        for text in ["\u{1b}[1mTop\u{1b}[0m 千尋", "\u{1b}[1;31mé\u{1b}[m\n", ""] {
            assert_eq!(visible(text, &LAYOUT), text);
        }
    }
}
