//! `rate` and `forget`: the owner's ratings, one at a time, or all of them at once.

use clap::{ArgGroup, Args};
use matchstick::link::{ItemRef, Request};
use serde_json::json;

use super::Session;
use super::error::DeviceError;
use crate::cli::table::counted;
use crate::cli::terminal::Terminal;

/// Stores the owner's rating of an item, in place of one before
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  matchstick device --port /dev/ttyACM0 --blob model.blob rate 'Star Wars' 4.5")]
pub struct RateArgs {
    /// The item's id, its title, or a part of its title
    #[arg(value_name = "ITEM")]
    item: String,
    /// The rating, on the scale that the model was trained on; for a model that ranks, 1 for a play and less than 0 for a skip
    #[arg(value_name = "VALUE", allow_negative_numbers = true, value_parser = value)]
    value: f64,
}

/// Forgets the owner's rating of an item, or all of them
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("what").required(true)))]
pub struct ForgetArgs {
    /// The item's id, its title, or a part of its title
    #[arg(value_name = "ITEM", group = "what")]
    item: Option<String>,
    /// The key of an item that the model doesn't have, as `profile export` writes it
    #[arg(long, value_name = "KEY", value_parser = key, group = "what")]
    key: Option<u64>,
    /// Erases every rating from the flash
    #[arg(long, group = "what")]
    everything: bool,
}

pub fn value(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value.abs() <= 127.0 => Ok(value),
        _ => Err("a rating is a number between -127 and 127, as in 4.5".to_owned()),
    }
}

pub fn key(text: &str) -> Result<u64, String> {
    let is_key = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| is_key).ok_or_else(|| "a key has 16 hexadecimal digits".to_owned())
}

pub fn rate(args: &RateArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let item = catalogue.items.find(&args.item)?;
    let value = catalogue.value(args.value)?;
    board.rate(item, value)?;
    board.refresh()?;
    let (value, ratings) = (f64::from(value) / 256.0, board.about().facts.ratings);
    let text = format!("{}: {value}. {}\n", catalogue.named(item), stored(ratings));
    let names = (catalogue.items.id(item), catalogue.items.title(item));
    Ok(terminal.result(&text, &json!({ "item": names.0, "title": names.1, "rating": value, "ratings": ratings }))?)
}

fn stored(ratings: u32) -> String {
    format!("{} {} stored.", counted(ratings.into(), "rating"), if ratings == 1 { "is" } else { "are" })
}

pub fn forget(args: &ForgetArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let Session { board, catalogue } = session;
    let before = board.about().facts.ratings;
    let what = match (&args.item, args.key) {
        (Some(item), _) => {
            let item = catalogue.items.find(item)?;
            board.forget(ItemRef::Row(item))?;
            catalogue.named(item)
        }
        (None, Some(key)) => {
            board.forget(ItemRef::Key(key))?;
            format!("the item of key {key:016x}")
        }
        (None, None) => {
            board.done("forget everything", &Request::ForgetEverything)?;
            "everything".to_owned()
        }
    };
    board.refresh()?;
    let ratings = board.about().facts.ratings;
    let did = if ratings == before && !args.everything { "there was no rating of" } else { "forgot" };
    let text = format!("{did} {what}. {}\n", stored(ratings));
    Ok(terminal.result(&text, &json!({ "forgot": what, "ratings": ratings }))?)
}
