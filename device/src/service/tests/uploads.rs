//! Models arrive, are refused, run, and give way.

use std::vec::Vec;

use matchstick::blob::writer::Draft;
use matchstick::blob::{AlignedBytes, crc32, tiny};
use matchstick::link::{Exclude, Failure, Info, ItemRef, Reply, Request, Upload, UploadBegin, User};

use super::{Bench, PAGE, SlicedBench, models, says};

/// The maker's signature, where devices demand one.
pub fn sign(blob: &[u8]) -> Vec<u8> {
    #[cfg(feature = "signed")]
    return crate::slots::tests::maker().sk.sign(blob, None).to_vec();
    #[cfg(not(feature = "signed"))]
    {
        let _ = blob;
        Vec::new()
    }
}

pub fn offer(blob: &[u8]) -> UploadBegin<'static> {
    let crc32 = crc32(&blob[..blob.len() - 4]);
    UploadBegin { length: blob.len() as u32, crc32, revision: 9, board: "a board", force: false }
}

/// Begins an upload, and says where it goes on.
fn begin<const SLICE: u32>(bench: &mut SlicedBench<SLICE>, begin: UploadBegin<'_>) -> Upload {
    bench.ask(&Request::UploadBegin(begin), |reply| match reply {
        Reply::Upload(upload) => upload,
        other => panic!("{other:?}"),
    })
}

fn chunk<const SLICE: u32>(bench: &mut SlicedBench<SLICE>, offset: usize, bytes: &[u8]) -> u32 {
    bench.ask(&Request::UploadChunk { offset: offset as u32, bytes }, |reply| match reply {
        Reply::Accepted { next } => next,
        other => panic!("{other:?}"),
    })
}

/// Sends a model in chunks of this size, from where the device wants to go on.
pub fn send<const SLICE: u32>(bench: &mut SlicedBench<SLICE>, blob: &[u8], size: usize) {
    let mut at = begin(bench, offer(blob)).offset as usize;
    while at < blob.len() {
        at = chunk(bench, at, &blob[at..blob.len().min(at + size)]) as usize;
    }
}

fn commit<const SLICE: u32>(bench: &mut SlicedBench<SLICE>, blob: &[u8]) {
    let signature = sign(blob);
    bench.done(&Request::UploadCommit { signature: &signature });
}

fn refused<const SLICE: u32>(bench: &mut SlicedBench<SLICE>, signature: &[u8]) -> std::string::String {
    bench.failure(&Request::UploadCommit { signature })
}

fn revised(revision: u32) -> AlignedBytes {
    models::write(&Draft { revision, ..models::draft() })
}

#[test]
fn a_model_that_was_uploaded_runs_and_one_can_go_back() {
    let mut bench = Bench::new();
    assert_eq!(bench.device.revision(), None);
    for revision in [1, 2] {
        let blob = revised(revision);
        send(&mut bench, &blob, 64);
        assert_ne!(bench.device.revision(), Some(revision));
        commit(&mut bench, &blob);
        assert_eq!(bench.device.revision(), Some(revision));
        assert_eq!(bench.failure(&Request::UploadStatus), says(Failure::NoUpload));
        assert_eq!(refused(&mut bench, &sign(&blob)), says(Failure::NoUpload));
    }
    for revision in [1, 2] {
        bench.done(&Request::Rollback);
        assert_eq!(bench.device.revision(), Some(revision));
        bench.device.reboot();
        assert_eq!(bench.device.revision(), Some(revision));
    }
}

#[test]
fn an_upload_states_what_it_needs_and_goes_on_after_a_reset() {
    let mut bench = Bench::running(&revised(1));
    let blob = revised(2);
    let stated = begin(&mut bench, offer(&blob));
    let expected = Upload { offset: 0, chunk_bytes: 480, write_bytes: 16, ..stated };
    assert_eq!((stated, stated.length, stated.crc32), (expected, blob.len() as u32, offer(&blob).crc32));
    assert_eq!(chunk(&mut bench, 0, &blob[..480]), 480);
    // Again, ahead, and the right one: only that changes anything.
    assert_eq!(chunk(&mut bench, 0, &blob[..480]), 480);
    assert_eq!(chunk(&mut bench, 960, &blob[960..1440]), 480);
    assert_eq!(chunk(&mut bench, 480, &blob[480..960]), 960);
    for bytes in [&blob[960..970], &[]] {
        assert_eq!(bench.failure(&Request::UploadChunk { offset: 960, bytes }), says(Failure::BadChunk));
    }
    assert_eq!(refused(&mut bench, &sign(&blob)), says(Failure::UploadIncomplete));
    // In the middle of it the old model ranks, and a new session goes on.
    let rank = Request::Rank { user: User::Index(1), top: 5, deviations: false, exclude: Exclude::Nothing };
    assert_eq!(bench.rank(&rank).len(), 5);
    bench.open();
    bench.ask(&Request::UploadStatus, |reply| assert!(matches!(reply, Reply::Upload(Upload { offset: 960, .. }))));
    // After a reset it goes on at the last page that is whole.
    bench.device.reboot();
    assert_eq!(begin(&mut bench, offer(&blob)).offset as usize, 960 / PAGE * PAGE);
    send(&mut bench, &blob, 480);
    commit(&mut bench, &blob);
    assert_eq!(bench.device.revision(), Some(2));
}

#[test]
fn ranking_goes_on_with_the_old_model_at_every_chunk() {
    let mut bench = SlicedBench::<16>::running(&revised(1));
    let rank = Request::Rank { user: User::Owner, top: 10, deviations: false, exclude: Exclude::Seen };
    bench.rate(3, 1100);
    let expected = bench.rank(&rank);
    let blob = models::next_revision();
    begin(&mut bench, offer(&blob));
    for (k, bytes) in blob.chunks(96).enumerate() {
        assert_eq!(bench.rank(&rank), expected);
        chunk(&mut bench, k * 96, bytes);
    }
    commit(&mut bench, &blob);
    assert_ne!(bench.rank(&rank), expected);
}

#[test]
fn each_bad_model_has_its_own_failure_and_the_running_one_stays() {
    let running = revised(5);
    let mut bench = Bench::running(&running);
    let good = revised(6);
    let begin_fails = |bench: &mut Bench, begin| bench.failure(&Request::UploadBegin(begin));
    assert_eq!(begin_fails(&mut bench, UploadBegin { board: "another", ..offer(&good) }), says(Failure::WrongBoard));
    for length in [0, 11 * PAGE as u32 + 1, u32::MAX] {
        assert_eq!(begin_fails(&mut bench, UploadBegin { length, ..offer(&good) }), says(Failure::ModelTooLarge));
    }
    assert_eq!(begin_fails(&mut bench, UploadBegin { revision: 4, ..offer(&good) }), says(Failure::OlderRevision));
    assert_eq!(bench.failure(&Request::UploadStatus), says(Failure::NoUpload));

    let mut refuse = |blob: &[u8], stated: UploadBegin<'_>, signature: &[u8], failure: Failure<'_>| {
        let mut at = begin(&mut bench, stated).offset as usize;
        while at < blob.len() {
            at = chunk(&mut bench, at, &blob[at..blob.len().min(at + 480)]) as usize;
        }
        assert_eq!(refused(&mut bench, signature), says(failure));
        bench.device.reboot();
        assert_eq!(bench.device.revision(), Some(5), "{failure:?}");
        assert_eq!(bench.device.model().bytes(), running.as_slice());
    };
    // Whoever offers an old model as a new one finds out at the end.
    let old = revised(4);
    refuse(&old, offer(&old), &sign(&old), Failure::OlderRevision);
    let mut damaged = good.to_vec();
    damaged[200] ^= 1;
    refuse(&damaged, offer(&good), &sign(&damaged), Failure::WrongChecksum);
    refuse(&damaged, offer(&damaged), &sign(&damaged), Failure::Blob(matchstick::BlobError::Damaged.message()));
    // Its last sixteen bytes are missing.
    let truncated = &good[..good.len() - 16];
    refuse(truncated, offer(truncated), &sign(truncated), Failure::Blob(matchstick::BlobError::WrongLength.message()));
    let noise = [7; 480];
    refuse(&noise, offer(&noise), &sign(&noise), Failure::Blob(matchstick::BlobError::NotABlob.message()));
    let wide = models::write(&Draft { revision: 6, ..wide_draft() });
    refuse(&wide, offer(&wide), &sign(&wide), Failure::TooWide);
    #[cfg(feature = "signed")]
    {
        refuse(&good, offer(&good), &[], Failure::Unsigned);
        refuse(&good, offer(&good), &sign(&running), Failure::WrongSignature);
        refuse(&good, offer(&good), &[0; 63], Failure::WrongSignature);
    }

    send(&mut bench, &good, 480);
    commit(&mut bench, &good);
    assert_eq!(bench.device.revision(), Some(6));
    // By force one goes back, and any board's is taken that doesn't say which.
    let old = revised(1);
    begin(&mut bench, UploadBegin { force: true, board: "", revision: 1, ..offer(&old) });
    send_rest(&mut bench, &old);
    commit(&mut bench, &old);
    assert_eq!(bench.device.revision(), Some(1));
}

/// As [`send`], without beginning.
fn send_rest(bench: &mut Bench, blob: &[u8]) {
    blob.chunks(480).enumerate().for_each(|(k, bytes)| {
        chunk(bench, k * 480, bytes);
    });
}

/// Wider than the memory of the tests' device.
fn wide_draft() -> Draft {
    Draft {
        user_width: 28,
        item_width: 28,
        first_width: 28,
        first: matchstick::blob::writer::FirstDraft::Folded { user_table: std::vec![1; 3 * 28] },
        output_weights: std::vec![1; 28],
        items: matchstick::blob::writer::ItemsDraft::Int8(std::vec![1; 4 * 28]),
        user_scales: std::vec![1.0; 28],
        ..tiny::folded_draft()
    }
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let mut bench = Bench::running(&revised(1));
    bench.done(&Request::UploadAbort);
    begin(&mut bench, UploadBegin { length: 100, ..offer(&revised(2)) });
    let beyond = Request::UploadChunk { offset: 0, bytes: &[0; 112] };
    assert_eq!(bench.failure(&beyond), says(Failure::BadChunk));
    bench.done(&Request::UploadAbort);
    let request = Request::UploadChunk { offset: 0, bytes: &[0; 16] };
    assert_eq!(bench.failure(&request), says(Failure::NoUpload));
    assert_eq!(bench.failure(&Request::Rollback), says(Failure::NothingToRollBack));
    bench.device.reboot();
    assert_eq!(bench.failure(&request), says(Failure::NoUpload));
}

#[test]
fn too_many_rollbacks_are_refused_until_an_upload() {
    let mut bench = Bench::running(&revised(1));
    bench.install(&revised(2));
    let mut last = bench.device.revision();
    let failure = loop {
        let failure = bench.ask(&Request::Rollback, |reply| match reply {
            Reply::Done => None,
            other => Some(std::format!("{other:?}")),
        });
        if let Some(failure) = failure {
            break failure;
        }
        last = bench.device.revision();
    };
    assert_eq!(failure, std::format!("{:?}", Reply::Failed(Failure::TooManyRollbacks)));
    assert_eq!(bench.device.revision(), last);
    bench.install(&revised(3));
    assert_eq!(bench.device.revision(), Some(3));
}

#[test]
fn the_profile_outlives_a_model_and_items_it_lacks_come_back() {
    let mut bench = Bench::running(&models::ratings());
    let rated = [(1, 300), (2, 1280), (3, 700), (9, 256), (10, 1000)];
    rated.iter().for_each(|&(row, value)| bench.rate(row, value));
    let profile = bench.device.profile();
    let rank = Request::Rank { user: User::Owner, top: 10, deviations: false, exclude: Exclude::Seen };
    let before = bench.rank(&rank);

    bench.install(&models::next_revision());
    assert_eq!(bench.device.profile(), profile);
    // Row k of the new one is the k-th of those that were kept, from behind; 3 and 9 are gone.
    let kept: Vec<u32> = (1..models::ROWS).rev().filter(|row| row % 3 != 0).collect();
    let row = |old: u32| kept.iter().position(|&row| row == old).map(|at| at as u32 + 1);
    bench.rank(&rank);
    let mut rows: Vec<_> = bench.device.service.store.ratings().iter().map(|r| (r.row, r.value_q8)).collect();
    rows.sort_unstable();
    let mut expected: Vec<_> = rated.iter().map(|&(old, value)| (row(old).unwrap_or(0), value)).collect();
    expected.sort_unstable();
    assert_eq!(rows, expected);
    // What this model lacks can still be changed and forgotten, by key.
    let key = matchstick::link::item_key(models::id(3).as_bytes());
    bench.done(&Request::Rate { item: ItemRef::Key(key), value: 701 });
    bench.done(&Request::Rate { item: ItemRef::Key(key), value: 700 });
    bench.done(&Request::Rollback);
    assert_eq!(bench.rank(&rank), before);
}

#[test]
fn info_says_which_model_runs() {
    let mut bench = Bench::new();
    let read = |bench: &mut Bench| {
        bench.ask(&Request::Info, |reply| match reply {
            Reply::Info(Info { model, revision, item_rows, slots, slot_bytes, .. }) => {
                assert_eq!((slots, slot_bytes), (2, 11 * PAGE as u32));
                (model.len(), revision, item_rows)
            }
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(read(&mut bench), (0, 0, 0));
    bench.install(&models::ratings());
    assert_eq!(read(&mut bench), (5, 1, models::ROWS));
}
