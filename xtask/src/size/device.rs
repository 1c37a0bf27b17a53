//! The stack of the image `device`: it tells it itself, after every kind of request, for every kind of model that the board's image runs.

use std::path::Path;

use matchstick::Model;
use matchstick::blob::tiny;
use matchstick::link::{Exclude, ItemRef, ProfileEntry, Reply, Request, User};
use matchstick_emulator::{Board, Emulator, Host, Lost};

use crate::failure::{Failure, Outcome};

/// The most stack that was in use.
pub fn stack(board: &'static Board, elf: &Path) -> Outcome<u64> {
    let failed = |error: &dyn std::fmt::Display| Failure::check(format!("{}: {error}", board.name));
    let live = Emulator::new(board, elf).live().map_err(|error| failed(&error))?;
    let mut host = Host::of(&live).map_err(|error| failed(&error))?;
    host.open().map_err(|lost| failed(&lost))?;
    let mut learned = 0;
    for (name, draft) in tiny::all().into_iter().chain([("tiny_history", tiny::history_draft())]) {
        let blob = draft.write().map_err(|error| failed(&format!("{name}: {error}")))?;
        // An image that has no flash for a kind of model says so.
        if host.upload(&board.name, &blob).map_err(|lost| failed(&lost))?.is_none() {
            let model = Model::from_bytes(&blob).map_err(|error| failed(&format!("{name}: {error}")))?;
            let asked = ask_everything(&mut host, model.head().vector_width());
            learned += asked.map_err(|lost| failed(&format!("{name}: {lost}")))?;
        }
    }
    // Ratings and a history.
    if learned != 2 {
        return Err(failed(&format!("the image learned from {learned} of the two kinds of model that learn")));
    }
    Ok(host.statistics().map_err(|lost| failed(&lost))?.stack_bytes.into())
}

/// Asks all that can be asked; says 1 where the model learns its owner.
fn ask_everything(host: &mut Host, width: usize) -> Result<u32, Lost> {
    let items = [1, 0, 0, 0, 3, 0, 0, 0];
    let vector = vec![1; 2 * width];
    let mut learned = 0;
    let rate = |item, value| Request::Rate { item: ItemRef::Row(item), value };
    let must = |refused: Option<String>| refused.map_or(Ok(()), |refusal| Err(Lost::Answer(refusal)));
    for request in [Request::ForgetEverything, rate(1, 768), rate(2, 768)] {
        must(host.done(&request)?)?;
    }
    // Until the log is full, and compacted.
    let records = host.ask(&Request::Info, |reply| match reply {
        Reply::Info(info) => Ok(info.store_free / 16),
        reply => Err(Lost::Answer(format!("{reply:?}"))),
    })??;
    for value in 0..records.min(1024) {
        must(host.done(&rate(1, 300 + value as i16 % 900))?)?;
    }
    for user in [User::Owner, User::Index(1), User::Vector(&vector)] {
        for deviations in [false, true] {
            let refused = host.ask(&Request::Score { user, deviations, items: &items }, is_refused)?;
            learned |= u32::from(!refused && user == User::Owner);
            for exclude in [Exclude::Nothing, Exclude::Seen, Exclude::Items(&items), Exclude::Bitmap(&[2])] {
                host.ask(&Request::Rank { user, top: 10, deviations, exclude }, is_refused)?;
            }
        }
    }
    let entries =
        [ProfileEntry { key: 7, value: 700 }, ProfileEntry { key: 8, value: 300 }].map(|entry| entry.to_bytes());
    let entries = entries.as_flattened();
    let others = [
        Request::Similar { item: ItemRef::Row(1), top: 3 },
        Request::Ask { top: 3 },
        Request::Continue,
        Request::ProfileExport { from: 0, generation: 0 },
        Request::Forget { item: ItemRef::Row(2) },
        Request::ImportBegin { entries: 2 },
        Request::ImportEntries { from: 0, entries },
        Request::ImportCommit,
        Request::ImportBegin { entries: 2 },
        Request::ImportAbort,
        Request::UploadStatus,
        Request::UploadAbort,
        Request::Rollback,
        Request::Statistics,
        Request::Cancel,
        Request::Ping { nonce: 7 },
        Request::Info,
    ];
    for request in others {
        host.ask(&request, is_refused)?;
    }
    Ok(learned)
}

fn is_refused(reply: Reply<'_>) -> bool {
    matches!(reply, Reply::Failed(_))
}
