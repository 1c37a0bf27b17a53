//! `repl`: a prompt. A title is searched, `title = rating` rates it, and the top 10 is shown with what has changed in it.

use serde_json::{Value, json};

use super::Session;
use super::ask::prompt;
use super::board::{Person, Scored};
use super::error::{DeviceError, Kind};
use super::rank;
use super::rate::value;
use crate::cli::table::Table;
use crate::cli::terminal::Terminal;
use matchstick::link::ItemRef;

/// Items in the list.
const TOP: u8 = 10;
/// Items that a search lists.
const FOUND: usize = 12;

const HELP: &str = "\
  star wars           search titles
  star wars = 4.5     rate one; the list shows what moves
  forget star wars    forget the rating
  top                 the list
  ask                 what to rate next
  help                this
  quit                or the end of input
";

/// What a line asks for.
#[derive(Debug, PartialEq)]
enum Wish<'a> {
    Nothing,
    Quit,
    Help,
    Top,
    Ask,
    Forget(&'a str),
    Rate(&'a str, &'a str),
    Search(&'a str),
}

impl<'a> Wish<'a> {
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        match line {
            "" => Self::Nothing,
            "quit" | "exit" | "q" => Self::Quit,
            "help" | "?" => Self::Help,
            "top" => Self::Top,
            "ask" => Self::Ask,
            _ => match (line.strip_prefix("forget "), line.rsplit_once('=')) {
                (Some(item), _) => Self::Forget(item.trim()),
                (None, Some((item, rating))) => Self::Rate(item.trim(), rating.trim()),
                (None, None) => Self::Search(line),
            },
        }
    }
}

/// A list of items, to be compared with the next one.
struct List(Vec<u32>);

pub fn run(session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let is_conversation = terminal.is_conversation();
    if is_conversation {
        let about = session.board.about();
        terminal.note(&format!("{} runs {}. `help` lists what can be typed.", session.board.name(), about.described()));
    }
    // What a first rating moves is seen beside what was there before; a model that knows no owner has nothing there.
    let before = session.board.rank(Person::Owner, TOP, false, true).unwrap_or_default();
    let mut list = List(before.iter().map(|scored| scored.item).collect());
    let mut failed = 0;
    while let Some(line) = prompt(if is_conversation { "> " } else { "" })? {
        let wish = Wish::of(&line);
        if wish == Wish::Quit {
            break;
        }
        match obey(&wish, session, &mut list, terminal) {
            // Nothing has changed, and the next line may be better.
            Err(error) if error.is_about_what_was_typed() => {
                failed += 1;
                complain(&error, terminal);
            }
            done => done?,
        }
    }
    if is_conversation {
        println!();
        return Ok(());
    }
    // A program typed this: it has to know.
    if failed > 0 { Err(DeviceError::Lines(failed)) } else { Ok(()) }
}

/// The error and what to do about it, in one line.
fn complain(error: &DeviceError, terminal: &Terminal) {
    use miette::Diagnostic;
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    terminal.note(&format!("{error}{help}"));
}

fn obey(wish: &Wish<'_>, session: &mut Session, list: &mut List, terminal: &Terminal) -> Result<(), DeviceError> {
    match *wish {
        Wish::Nothing | Wish::Quit => Ok(()),
        Wish::Help => Ok(terminal.result(HELP, &json!({ "help": HELP }))?),
        Wish::Top => show(session, list, json!({}), terminal),
        Wish::Ask => ask(session, terminal),
        Wish::Search(text) => search(text, session, terminal),
        Wish::Forget(text) => {
            let item = session.catalogue.items.find(text)?;
            session.board.forget(ItemRef::Row(item))?;
            show(session, list, json!({ "forgot": session.catalogue.items.id(item) }), terminal)
        }
        Wish::Rate(text, rating) => {
            let item = session.catalogue.items.find(text)?;
            let rating = match value(rating) {
                Ok(rating) => rating,
                Err(problem) => return Err(DeviceError::Typed(problem)),
            };
            session.board.rate(item, session.catalogue.value(rating)?)?;
            show(session, list, json!({ "rated": session.catalogue.items.id(item), "rating": rating }), terminal)
        }
    }
}

/// The items whose title or id contains a text, with what the owner would rate them.
fn search(text: &str, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let mut found = catalogue.items.search(text);
    if found.is_empty() {
        // Says which ones are near.
        found.push(catalogue.items.find(text)?);
    }
    let more = found.len().saturating_sub(FOUND);
    found.truncate(FOUND);
    let mut scored = Vec::new();
    for some in found.chunks(8) {
        match board.score(Person::Owner, some, false) {
            Err(error) if error.refused() == Some(Kind::NoOwner) => {
                scored.extend(board.score(Person::Row(0), some, false)?)
            }
            done => scored.extend(done?),
        }
    }
    let mut table = Table::new().number(catalogue.shown.unit()).text("title").text("id");
    for Scored { item, score, .. } in &scored {
        let rating = catalogue.shown.text(score.rating.to_f64());
        table.row([rating, catalogue.items.title(*item), catalogue.items.id(*item)]);
    }
    let mut text = table.render(terminal.width());
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    Ok(terminal.result(&text, &json!({ "found": rank::list(&scored, catalogue), "more": more }))?)
}

/// The list, and what has changed in it since it was shown last.
fn show(session: &mut Session, list: &mut List, mut json: Value, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let ranked = board.rank(Person::Owner, TOP, false, true)?;
    let items: Vec<u32> = ranked.iter().map(|scored| scored.item).collect();
    let mut table = Table::new().number("").text("").number(catalogue.shown.unit()).text("title").text("id");
    for (position, scored) in ranked.iter().enumerate() {
        table.row([
            (position + 1).to_string(),
            list.change(scored.item, position),
            catalogue.shown.text(scored.score.rating.to_f64()),
            catalogue.items.title(scored.item),
            catalogue.items.id(scored.item),
        ]);
    }
    let mut text = table.render(terminal.width());
    let left: Vec<String> =
        list.0.iter().filter(|item| !items.contains(item)).map(|&item| catalogue.named(item)).collect();
    if !left.is_empty() {
        text.push_str(&format!("no longer: {}\n", left.join(", ")));
    }
    json["items"] = rank::list(&ranked, catalogue);
    json["left"] = json!(left);
    list.0 = items;
    Ok(terminal.result(&text, &json)?)
}

impl List {
    /// How an item that stands here now has moved: `+2` is up by two.
    fn change(&self, item: u32, position: usize) -> String {
        match self.0.iter().position(|&other| other == item) {
            _ if self.0.is_empty() => String::new(),
            None => "new".to_owned(),
            Some(before) if before > position => format!("+{}", before - position),
            Some(before) if before < position => format!("-{}", position - before),
            Some(_) => String::new(),
        }
    }
}

fn ask(session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let items = &session.catalogue.items;
    let questions = session.board.questions(5)?;
    let text: String =
        questions.iter().map(|&(item, _)| format!("{}  (id {})\n", items.title(item), items.id(item))).collect();
    let list: Vec<Value> =
        questions.iter().map(|&(item, _)| json!({ "item": items.id(item), "title": items.title(item) })).collect();
    Ok(terminal.result(&text, &json!({ "questions": list }))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_one_thing() {
        assert_eq!(Wish::of(" \n"), Wish::Nothing);
        assert_eq!(Wish::of("quit\n"), Wish::Quit);
        assert_eq!(Wish::of("star wars\n"), Wish::Search("star wars"));
        assert_eq!(Wish::of("star wars = 4.5\n"), Wish::Rate("star wars", "4.5"));
        assert_eq!(Wish::of("1+1=2 = 3"), Wish::Rate("1+1=2", "3"), "a title may hold an equals sign");
        assert_eq!(Wish::of("forget star wars\n"), Wish::Forget("star wars"));
        assert_eq!(Wish::of("forget"), Wish::Search("forget"));
        assert_eq!(Wish::of("topaz"), Wish::Search("topaz"));
    }

    #[test]
    fn changes_are_counted_in_places() {
        let list = List(vec![7, 8, 9]);
        let change = |item, position| list.change(item, position);
        assert_eq!([change(9, 0), change(7, 1), change(8, 1), change(5, 2)], ["+2", "-1", "", "new"]);
        assert_eq!(List(Vec::new()).change(5, 0), "", "the first list is not news");
    }
}
