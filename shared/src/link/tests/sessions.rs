//! Both halves of a session, on a line that does nothing to the bytes unless a test says so.

use std::vec;
use std::vec::Vec;

use super::frame::{Header, Kind};
use super::*;

/// What a server does with bytes: requests are answered with their nonce.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    Executed(u32),
    Opened,
    Sent,
}

fn serve(server: &mut Board, bytes: &[u8]) -> (Vec<Done>, Vec<u8>) {
    let (mut done, mut line) = (Vec::new(), Vec::new());
    let mut input = bytes;
    while let Some(incoming) = server.receive(&mut input) {
        match incoming {
            Incoming::Request(Request::Ping { nonce }, answer) => {
                done.push(Done::Executed(nonce));
                line.extend(answer.send(&Reply::Pong { nonce }));
            }
            Incoming::Request(_, answer) => {
                done.push(Done::Executed(0));
                line.extend(answer.send(&Reply::Done));
            }
            Incoming::Opened(bytes) => {
                done.push(Done::Opened);
                line.extend(bytes);
            }
            Incoming::Send(bytes) => {
                done.push(Done::Sent);
                line.extend(bytes);
            }
        }
    }
    (done, line)
}

fn request_frame(session: u32, sequence: u16, message: &[u8]) -> Vec<u8> {
    naive::encode(Header { key: SCHEMA_KEY, session, sequence, kind: Kind::Request }, message)
}

fn ping_frame(session: u32, sequence: u16) -> Vec<u8> {
    request_frame(session, sequence, &[0, 7])
}

fn open_frame(session: u32) -> Vec<u8> {
    naive::encode(Header { key: SCHEMA_KEY, session, sequence: 0, kind: Kind::Open }, &[0, 2])
}

/// The kind and the message of the only frame on a line.
fn only_frame(line: &[u8]) -> (u8, Vec<u8>) {
    let [frame] = &naive::frames(line, 9999)[..] else { panic!("{line:?}") };
    (frame[10], frame[11..frame.len() - 4].to_vec())
}

fn opened() -> (Host, Board) {
    let (mut client, mut server) = (Host::new(3), Board::new());
    let (done, line) = serve(&mut server, client.open(77));
    assert_eq!(done, [Done::Opened]);
    assert_eq!(client.receive(&mut &line[..]), Some(Event::Opened { frame_bytes: 512 }));
    (client, server)
}

#[test]
fn a_request_gets_its_reply_and_when_it_comes_again_the_same_bytes() {
    let (mut client, mut server) = opened();
    let request = client.request(&Request::Ping { nonce: 5 }).unwrap().to_vec();
    let (done, line) = serve(&mut server, &request);
    assert_eq!(done, [Done::Executed(5)]);
    assert_eq!(client.timeout(), Timeout::Resend(&request));
    assert_eq!(serve(&mut server, &request), (vec![Done::Sent], line.clone()));
    assert_eq!(client.receive(&mut &line[..]), Some(Event::Reply(Reply::Pong { nonce: 5 })));
    // The second reply answers nothing.
    assert_eq!(client.receive(&mut &line[..]), None);
    assert_eq!(client.timeout(), Timeout::Idle);
    assert_eq!((server.counts().requests, server.counts().repeats), (1, 1));
    assert_eq!((client.counts().repeats, client.counts().stale), (1, 1));
}

#[test]
fn what_is_older_is_ignored_and_what_was_skipped_is_not_missed() {
    let mut server = Board::new();
    serve(&mut server, &open_frame(1));
    let send = |server: &mut Board, sequence| serve(server, &ping_frame(1, sequence)).0;
    assert_eq!(send(&mut server, 1), [Done::Executed(7)]);
    assert_eq!(send(&mut server, 5), [Done::Executed(7)]);
    for older in [0, 1, 2, 3, 4] {
        assert_eq!(send(&mut server, older), [], "{older}");
    }
    assert_eq!(send(&mut server, 5), [Done::Sent]);
    // A late opening of the same session doesn't begin it again.
    assert_eq!(serve(&mut server, &open_frame(1)).0, []);
    assert_eq!(server.counts().stale, 6);
    // Round and round: 65,535 is followed by 1.
    for _ in 0..3 {
        for sequence in [20_000, 40_000, 60_000, 65_535, 1] {
            assert_eq!(send(&mut server, sequence), [Done::Executed(7)], "{sequence}");
        }
    }
    assert_eq!(send(&mut server, 65_535), []);
}

#[test]
fn a_client_counts_round_and_leaves_out_the_number_of_the_opening() {
    let (mut client, mut server) = opened();
    // More than there are numbers.
    let requests = if cfg!(miri) { 100 } else { 70_000 };
    for nonce in 0..requests {
        let request = client.request(&Request::Ping { nonce }).unwrap().to_vec();
        let (done, line) = serve(&mut server, &request);
        assert_eq!(done, [Done::Executed(nonce)]);
        assert_eq!(client.receive(&mut &line[..]), Some(Event::Reply(Reply::Pong { nonce })));
    }
    assert_eq!(server.counts().requests, requests);
}

#[test]
fn a_board_that_has_started_anew_executes_nothing_of_the_session_before() {
    let (mut client, _) = opened();
    let request = client.request(&Request::Reboot).unwrap().to_vec();
    let mut server = Board::new();
    let (done, line) = serve(&mut server, &request);
    assert_eq!(done, [Done::Sent]);
    assert_eq!(only_frame(&line), (5, vec![]));
    assert_eq!(client.receive(&mut &line[..]), Some(Event::SessionLost));
    assert_eq!(client.request(&Request::Info), Err(ClientError::NotOpen));
    assert_eq!(server.counts().no_session, 1);
    let (_, line) = serve(&mut server, client.open(78));
    assert!(matches!(client.receive(&mut &line[..]), Some(Event::Opened { .. })));
    assert!(client.request(&Request::Info).is_ok());
}

#[test]
fn refusing_another_session_keeps_the_reply_of_this_one() {
    let (mut client, mut server) = opened();
    let request = client.request(&Request::Ping { nonce: 5 }).unwrap().to_vec();
    let (_, line) = serve(&mut server, &request);
    assert_eq!(only_frame(&serve(&mut server, &ping_frame(1, 1)).1).0, 5);
    assert_eq!(serve(&mut server, &request), (vec![Done::Sent], line));
    // Another host takes over, and the first is told.
    assert_eq!(serve(&mut server, &open_frame(2)).0, [Done::Opened]);
    let (_, line) = serve(&mut server, &request);
    assert_eq!(client.receive(&mut &line[..]), Some(Event::SessionLost));
}

#[test]
fn an_opening_that_comes_again_is_answered_again_and_opens_nothing() {
    let mut server = Board::new();
    let (done, line) = serve(&mut server, &open_frame(1));
    assert_eq!((done, only_frame(&line)), (vec![Done::Opened], (1, vec![0, 2])));
    assert_eq!(serve(&mut server, &open_frame(1)), (vec![Done::Sent], line));
    // One whose message isn't a number, and one with a sequence number, aren't openings.
    let header = Header { key: SCHEMA_KEY, session: 9, sequence: 0, kind: Kind::Open };
    assert_eq!(serve(&mut server, &naive::encode(header, &[0, 2, 0])).0, []);
    assert_eq!(serve(&mut server, &naive::encode(Header { sequence: 1, ..header }, &[0, 2])).0, []);
    assert_eq!((server.counts().undecodable, server.counts().stale), (1, 1));
    assert_eq!(serve(&mut server, &ping_frame(1, 1)).0, [Done::Executed(7)]);
}

#[test]
fn other_messages_are_told_by_their_key_and_never_read() {
    let mut server = Board::new();
    serve(&mut server, &open_frame(1));
    for kind in [Kind::Open, Kind::Request] {
        let header = Header { key: SCHEMA_KEY ^ 1, session: 1, sequence: 1, kind };
        let (done, line) = serve(&mut server, &naive::encode(header, &[0, 7]));
        assert_eq!((done, only_frame(&line)), (vec![Done::Sent], (4, vec![])));
        assert_eq!(naive::frames(&line, 99)[0][..4], SCHEMA_KEY.to_le_bytes());
    }
    assert_eq!(server.counts().wrong_key, 2);

    for kind in [Kind::WrongKey, Kind::Reply] {
        let (mut client, _) = opened();
        client.request(&Request::Info).unwrap();
        let theirs = naive::encode(Header { key: 9, session: 77, sequence: 1, kind }, &[1]);
        assert_eq!(client.receive(&mut &theirs[..]), Some(Event::WrongKey { theirs: 9 }));
        assert_eq!(client.request(&Request::Info), Err(ClientError::NotOpen));
    }
    let mut client = Host::new(1);
    client.open(77);
    let theirs = naive::encode(Header { key: 9, session: 77, sequence: 0, kind: Kind::Opened }, &[1, 2]);
    assert_eq!(client.receive(&mut &theirs[..]), Some(Event::WrongKey { theirs: 9 }));
}

#[test]
fn a_frame_is_sent_as_often_as_said_and_a_late_reply_answers_nothing() {
    let (mut client, mut server) = opened();
    let request = client.request(&Request::Ping { nonce: 5 }).unwrap().to_vec();
    let (_, late) = serve(&mut server, &request);
    for _ in 0..2 {
        assert_eq!(client.timeout(), Timeout::Resend(&request));
        assert_eq!(client.request(&Request::Info), Err(ClientError::Busy));
    }
    assert_eq!(client.timeout(), Timeout::GaveUp);
    assert_eq!(client.timeout(), Timeout::Idle);
    assert_eq!(client.receive(&mut &late[..]), None);
    let request = client.request(&Request::Ping { nonce: 6 }).unwrap().to_vec();
    assert_eq!(client.receive(&mut &late[..]), None);
    // An echo of its own frames isn't a reply.
    assert_eq!(client.receive(&mut &request[..]), None);
    let (_, line) = serve(&mut server, &request);
    // Nor are the board's frames requests to it.
    assert_eq!(serve(&mut server, &line).0, []);
    assert_eq!(client.receive(&mut &line[..]), Some(Event::Reply(Reply::Pong { nonce: 6 })));
}

#[test]
fn a_message_that_is_none_changes_nothing_and_is_answered() {
    let (mut client, mut server) = opened();
    for (sequence, message) in [(1, &[][..]), (2, &[200]), (3, &[0]), (4, &[0, 7, 7])] {
        let frame = request_frame(77, sequence, message);
        let (done, line) = serve(&mut server, &frame);
        assert_eq!((done, only_frame(&line)), (vec![Done::Sent], (3, vec![16, 0])), "{message:?}");
        assert_eq!(serve(&mut server, &frame), (vec![Done::Sent], line));
    }
    assert_eq!((server.counts().undecodable, server.counts().repeats), (4, 4));
    client.request(&Request::Info).unwrap();
    let header = Header { key: SCHEMA_KEY, session: 77, sequence: 1, kind: Kind::Reply };
    assert_eq!(client.receive(&mut &naive::encode(header, &[99])[..]), Some(Event::Undecodable));
}

#[test]
fn frames_are_no_longer_than_either_side_takes() {
    // A host that takes 200 bytes, and one that states less than it may.
    for (states, takes) in [(200_u16, 200), (3, MIN_FRAME_BYTES), (9999, 512)] {
        let mut server = Board::new();
        let header = Header { key: SCHEMA_KEY, session: 1, sequence: 0, kind: Kind::Open };
        serve(&mut server, &naive::encode(header, &states.to_le_bytes()));
        // The reply's number, and the length of its list.
        let fits = takes - frame::OVERHEAD_BYTES - if takes < 140 { 2 } else { 3 };
        for (sequence, length, answered) in [(1, fits, true), (2, fits + 1, false)] {
            let frame = ping_frame(1, sequence);
            let mut input = &frame[..];
            let Some(Incoming::Request(_, answer)) = server.receive(&mut input) else { panic!() };
            assert_eq!(answer.message_bytes(), takes - frame::OVERHEAD_BYTES);
            let bytes = vec![1; length];
            let (kind, message) = only_frame(answer.send(&Reply::Scores(&bytes)));
            assert_eq!(kind, 3);
            let length = message.len();
            assert_eq!(length, if answered { takes - frame::OVERHEAD_BYTES } else { 2 });
            assert_eq!(message.starts_with(&[16, 7]), !answered);
        }
    }
    let (mut client, mut server) = opened();
    let fits = client.message_bytes() - 8;
    assert_eq!(client.message_bytes(), 512 - frame::OVERHEAD_BYTES);
    let bytes = vec![1; fits + 1];
    let chunk = |length| Request::UploadChunk { offset: u32::MAX, bytes: &bytes[..length] };
    assert_eq!(client.request(&chunk(fits + 1)), Err(ClientError::TooLong));
    let request = client.request(&chunk(fits)).unwrap().to_vec();
    assert_eq!(serve(&mut server, &request).0, [Done::Executed(0)]);
}

#[test]
fn a_request_that_was_not_answered_is_not_executed_again() {
    let (mut client, mut server) = opened();
    let request = client.request(&Request::Info).unwrap().to_vec();
    assert!(matches!(server.receive(&mut &request[..]), Some(Incoming::Request(Request::Info, _))));
    assert_eq!(serve(&mut server, &request), (vec![Done::Sent], vec![]));
}
