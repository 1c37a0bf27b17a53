//! `bench`: how long requests take, from here and back, and how many instructions the device spends on them.

use std::time::Duration;

use clap::Args;
use matchstick::link::{Exclude, ItemRef, Reply, Request, User};
use serde_json::{Value, json};

use super::Session;
use super::board::Board;
use super::control::{Times, milliseconds};
use super::error::{DeviceError, Kind};
use crate::cli::table::{Table, thousands};
use crate::cli::terminal::Terminal;

/// Measures round trips and, where the board counts them, instructions
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// How often each request is made
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Also rate an item: each time a write to flash. The rating that was there is lost, and the new one is forgotten
    #[arg(long)]
    writes: bool,
}

/// What was measured of one kind of request.
struct Measured {
    name: &'static str,
    times: Times,
    /// Frames sent again.
    repeats: u32,
    /// Replies that it took, the last included.
    slices: u32,
    instructions: u64,
    sent_bytes: u64,
    received_bytes: u64,
}

pub fn run(args: &BenchArgs, session: &mut Session, terminal: &Terminal) -> Result<(), DeviceError> {
    let board = &mut session.board;
    let some: Vec<u8> = (1_u32..=8).flat_map(u32::to_le_bytes).collect();
    let rank = |user, top| Request::Rank { user, top, deviations: false, exclude: Exclude::Nothing };
    let (owner, unknown) = (User::Owner, User::Index(0));
    let mut requests = vec![("ping", Request::Ping { nonce: 7 }), ("info", Request::Info)];
    if board.about().has_model() {
        requests.extend([
            ("score 1 item", Request::Score { user: unknown, deviations: false, items: &some[..4] }),
            ("score 8 items", Request::Score { user: unknown, deviations: false, items: &some }),
            ("top 10, unknown user", rank(unknown, 10)),
            ("top 10, owner", rank(owner, 10)),
            ("similar 10", Request::Similar { item: ItemRef::Row(1), top: 10 }),
            ("ask 1", Request::Ask { top: 1 }),
        ]);
        if args.writes {
            requests.push(("rate", Request::Rate { item: ItemRef::Row(1), value: 0 }));
        }
    }
    let bar = terminal.progress("measuring", requests.len() as u64);
    let (mut measured, mut passed_over) = (Vec::new(), Vec::new());
    for (name, request) in &requests {
        bar.set_message(*name);
        match measure(board, name, request, args.count) {
            Ok(found) => measured.push(found),
            // What this firmware or model can't do isn't measured.
            Err(DeviceError::Refused { refusal, .. }) if refusal.kind != Kind::Lost => passed_over.push(*name),
            Err(error) => return Err(error),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.writes && board.about().has_model() {
        board.forget(ItemRef::Row(1))?;
    }
    show(&measured, &passed_over, args.count, board, terminal)
}

fn measure(board: &mut Board, name: &'static str, request: &Request<'_>, count: u32) -> Result<Measured, DeviceError> {
    let (slices, instructions) = counted(board, request)?;
    let before = board.connection().traffic();
    let (mut times, mut repeats) = (Times::default(), 0);
    for number in 0..count {
        let request = changed(request, number);
        let mut took = Duration::ZERO;
        let mut next = request;
        loop {
            let is_done = board.ask(name, &next, |reply| Some(!matches!(reply, Reply::Progress { .. })))?;
            let last = board.connection().last();
            took += last.took;
            repeats += last.sent.saturating_sub(1);
            if is_done {
                break;
            }
            next = Request::Continue;
        }
        times.add(took);
    }
    let after = board.connection().traffic();
    let bytes = |after: u64, before: u64| (after - before) / u64::from(count);
    Ok(Measured {
        name,
        times,
        repeats,
        slices,
        instructions,
        sent_bytes: bytes(after.sent_bytes, before.sent_bytes),
        received_bytes: bytes(after.received_bytes, before.received_bytes),
    })
}

/// A rating that is there already would not be written.
fn changed<'a>(request: &Request<'a>, number: u32) -> Request<'a> {
    match *request {
        Request::Rate { item, .. } => Request::Rate { item, value: if number.is_multiple_of(2) { 512 } else { 768 } },
        other => other,
    }
}

/// How many slices a request takes, and the instructions of all of them: asking for those doesn't end a ranking.
fn counted(board: &mut Board, request: &Request<'_>) -> Result<(u32, u64), DeviceError> {
    let (mut slices, mut instructions) = (0, 0);
    let mut next = *request;
    loop {
        let is_done = board.ask("be measured", &next, |reply| Some(!matches!(reply, Reply::Progress { .. })))?;
        slices += 1;
        instructions += board.statistics()?.last_instructions;
        if is_done {
            return Ok((slices, instructions));
        }
        next = Request::Continue;
    }
}

fn show(
    measured: &[Measured],
    passed_over: &[&str],
    count: u32,
    board: &Board,
    terminal: &Terminal,
) -> Result<(), DeviceError> {
    let mut table =
        Table::new().text("request").number("median").number("90 %").number("longest").number("instructions");
    table = table.number("slices").number("bytes out").number("in").number("repeats");
    for found in measured {
        let time = |part| milliseconds(found.times.at(part));
        table.row([
            found.name.to_owned(),
            time(0.5),
            time(0.9),
            time(1.0),
            thousands(found.instructions),
            found.slices.to_string(),
            thousands(found.sent_bytes),
            thousands(found.received_bytes),
            found.repeats.to_string(),
        ]);
    }
    let title = terminal.bold(&format!("{}, each request {count} times", board.name()));
    let mut text = format!("{title}\n\n{}", table.render(terminal.width()));
    if !passed_over.is_empty() {
        text.push_str(&format!("\nNot served by this firmware or model: {}\n", passed_over.join(", ")));
    }
    let list: Vec<Value> = measured
        .iter()
        .map(|found| {
            let ms = |part| found.times.at(part).as_secs_f64() * 1e3;
            json!({
                "request": found.name,
                "count": found.times.count(),
                "median_ms": ms(0.5),
                "p90_ms": ms(0.9),
                "longest_ms": ms(1.0),
                "instructions": found.instructions,
                "slices": found.slices,
                "sent_bytes": found.sent_bytes,
                "received_bytes": found.received_bytes,
                "repeats": found.repeats,
            })
        })
        .collect();
    Ok(terminal.result(&text, &json!({ "board": board.about().board, "requests": list, "not_served": passed_over }))?)
}
