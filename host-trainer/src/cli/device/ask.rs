//! `ask`: the items whose rating would teach the device most about its owner; at a terminal, with the answers.

use std::io::{self, BufRead, Write};

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::error::DeviceError;
use super::rank::top;
use super::rate::value;
use crate::cli::table::Table;
use crate::cli::terminal::Terminal;

/// Lists the items whose rating would teach most; at a terminal, takes the ratings
#[derive(Args, Debug)]
pub struct AskArgs {
    /// How many items
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = top())]
    top: u8,
}

pub fn run(args: &AskArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let questions = session.board.questions(args.top)?;
    let items = &session.catalogue.items;
    let mut table = Table::new().number("").text(if items.has_titles() { "title" } else { "item" }).text("id");
    for (position, &(item, _)) in questions.iter().enumerate() {
        table.row([(position + 1).to_string(), items.title(item), items.id(item)]);
    }
    let title = terminal.bold("Rating these would teach most");
    let text = format!("{title}\n\n{}", table.render(terminal.width()));
    let list: Vec<Value> = questions
        .iter()
        .map(|&(item, gain)| json!({ "item": items.id(item), "title": items.title(item), "gain": gain }))
        .collect();
    terminal.result(&text, &json!({ "questions": list }))?;
    if terminal.is_conversation() && !questions.is_empty() { answers(&questions, session, terminal) } else { Ok(()) }
}

/// Takes a rating for each; Enter passes one over.
fn answers(questions: &[(u32, i32)], session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    println!("\nA rating each; Enter passes one over, q ends.");
    let mut rated = 0;
    for &(item, _) in questions {
        loop {
            let Some(answer) = prompt(&format!("{}: ", session.catalogue.named(item)))? else {
                println!();
                return done(rated);
            };
            match answer.trim() {
                "" => break,
                "q" => return done(rated),
                text => match value(text).map(|value| session.catalogue.value(value)) {
                    Ok(Ok(value)) => {
                        session.board.rate(item, value)?;
                        rated += 1;
                        break;
                    }
                    Ok(Err(error)) => terminal.note(&error.to_string()),
                    Err(problem) => terminal.note(&problem),
                },
            }
        }
    }
    done(rated)
}

fn done(rated: u32) -> Result<(), DeviceError> {
    println!("{rated} rated.");
    Ok(())
}

/// A line from a person; none at the end of input.
pub fn prompt(text: &str) -> Result<Option<String>, DeviceError> {
    let mut stdout = io::stdout().lock();
    let shown = crate::cli::terminal::visible(text, &[]);
    stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()).map_err(crate::cli::failure::OutputError)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).map_err(DeviceError::Input)?;
    Ok((read > 0).then_some(line))
}
