//! `info` and `stats`: who a device is, and how it has fared.

use matchstick::link::{Info, Statistics};
use matchstick_trainer::quantize::report::layout_name;
use serde_json::{Value, json};

use super::board::{Board, FEATURES};
use super::error::DeviceError;
use crate::cli::table::{Table, thousands};
use crate::cli::terminal::Terminal;

pub fn info(board: &Board, terminal: &Terminal) -> Result<(), DeviceError> {
    let about = board.about();
    let Info { features, revision, layout, user_rows, item_rows, user_width, .. } = about.facts;
    let Info { ratings, store_used, store_free, slots, slot_bytes, stack_bytes, .. } = about.facts;
    let can: Vec<&str> =
        (0..).zip(FEATURES).filter(|(bit, _)| features >> bit & 1 == 1).map(|(_, name)| name).collect();
    let number = |number: u32| thousands(number.into());
    let mut table = Table::new().text("").text("");
    table.row(["firmware".to_owned(), format!("{}, engine {}", about.firmware, about.engine)]);
    table.row(["it".to_owned(), if can.is_empty() { "scores and ranks".to_owned() } else { can.join(", ") }]);
    if about.has_model() {
        let users = if user_rows > 1 { format!("{} users", number(user_rows - 1)) } else { "no users".to_owned() };
        table.row(["model".to_owned(), about.described()]);
        table.row(["".to_owned(), format!("{}, {users}, vectors of {user_width}", layout_name(layout))]);
    } else {
        table.row(["model", "none: upload one"]);
    }
    let store = format!("{}; {} bytes used, {} free", number(ratings), number(store_used), number(store_free));
    table.row(["ratings".to_owned(), store]);
    table.row(["slots".to_owned(), format!("{slots} of {} bytes", number(slot_bytes))]);
    table.row(["stack".to_owned(), format!("{} bytes at most", number(stack_bytes))]);
    table.row(["line".to_owned(), format!("frames of {} bytes at most", thousands(board.frame_bytes().into()))]);
    let text = format!("{}\n\n{}", terminal.bold(&board.name()), table.render(terminal.width()));
    let json = json!({
        "board": about.board,
        "firmware": about.firmware,
        "engine": about.engine,
        "features": can,
        "model": about.has_model().then(|| json!({
            "name": about.model,
            "revision": revision,
            "layout": layout_name(layout),
            "users": user_rows.saturating_sub(1),
            "items": item_rows - 1,
            "user_width": user_width,
        })),
        "ratings": ratings,
        "store_used_bytes": store_used,
        "store_free_bytes": store_free,
        "slots": slots,
        "slot_bytes": slot_bytes,
        "stack_bytes": stack_bytes,
        "frame_bytes": board.frame_bytes(),
    });
    Ok(terminal.result(&text, &json)?)
}

pub fn statistics(board: &mut Board, terminal: &Terminal) -> Result<(), DeviceError> {
    let statistics = board.statistics()?;
    let mut table = Table::new().text("").text("");
    table.row(["up".to_owned(), uptime(statistics.uptime_ms)]);
    table.row(["instructions".to_owned(), thousands(statistics.instructions)]);
    table.row(["of the last request".to_owned(), thousands(statistics.last_instructions)]);
    table.row(["stack".to_owned(), format!("{} bytes at most", thousands(statistics.stack_bytes.into()))]);
    for (name, count) in counts(&statistics) {
        table.row([name.to_owned(), thousands(count.into())]);
    }
    let text = format!("{}\n\n{}", terminal.bold(&board.name()), table.render(terminal.width()));
    Ok(terminal.result(&text, &json_of(&statistics))?)
}

/// What came over the line, by what became of it.
fn counts(statistics: &Statistics) -> [(&'static str, u32); 9] {
    let link = statistics.link;
    [
        ("requests", link.requests),
        ("sent again", link.repeats),
        ("too late", link.stale),
        ("of another version", link.wrong_key),
        ("of no session", link.no_session),
        ("not understood", link.undecodable),
        ("wrong checksum", link.checksum),
        ("no frame", link.malformed),
        ("too long", link.too_long),
    ]
}

pub fn json_of(statistics: &Statistics) -> Value {
    let link = statistics.link;
    json!({
        "uptime_ms": statistics.uptime_ms,
        "instructions": statistics.instructions,
        "last_instructions": statistics.last_instructions,
        "stack_bytes": statistics.stack_bytes,
        "link": {
            "requests": link.requests,
            "repeats": link.repeats,
            "stale": link.stale,
            "wrong_key": link.wrong_key,
            "no_session": link.no_session,
            "undecodable": link.undecodable,
            "checksum": link.checksum,
            "malformed": link.malformed,
            "too_long": link.too_long,
        },
    })
}

/// `4:05`, `12:04:05`, `3 days 12:04:05`.
pub fn uptime(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days} days {hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::uptime;

    #[test]
    fn times_read_as_on_a_clock() {
        assert_eq!(uptime(5_999), "0:05");
        assert_eq!(uptime(3_725_000), "1:02:05");
        assert_eq!(uptime(2 * 86_400_000 + 3_725_000), "2 days 1:02:05");
    }
}
