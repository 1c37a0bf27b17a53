//! Feeds a board's end of the line: bytes as they are, and frames with a right checksum around anything.
//!
//! The input is a list of steps: a byte that says which, a byte of length, and that many bytes. Nothing may panic, what is sent must be whole
//! frames that a host takes, messages must be read as postcard reads them, and at the end a host must be able to open a session and to be answered.
//!
//! `cargo +nightly fuzz run link fuzz/corpus/link fuzz/seeds/link`

#![no_main]

use libfuzzer_sys::fuzz_target;
use matchstick::link::frame::{self, Header, Kind, Receiver};
use matchstick::link::{Client, Event, Failure, Incoming, Reply, Request, SCHEMA_KEY, Server, wire_bytes};

const FRAME_BYTES: usize = 160;
type Board = Server<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;
type Host = Client<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;

fuzz_target!(|input: &[u8]| {
    let mut server = Board::new();
    let mut rest = input;
    while let [step, length, behind @ ..] = rest {
        let (bytes, behind) = behind.split_at(behind.len().min((*length).into()));
        rest = behind;
        match step % 4 {
            0 => drop(serve(&mut server, bytes)),
            kind => frame_step(&mut server, kind, *step, bytes),
        }
    }

    let mut client = Host::new(1);
    let line = serve(&mut server, client.open(0xF022_5E55));
    assert!(matches!(client.receive(&mut &line[..]), Some(Event::Opened { .. })));
    let request = client.request(&Request::Ping { nonce: 9 }).expect("a session is open").to_vec();
    let line = serve(&mut server, &request);
    assert_eq!(client.receive(&mut &line[..]), Some(Event::Reply(Reply::Pong { nonce: 9 })));
});

/// Sends a whole frame of this session or of another, and looks at what comes of it.
fn frame_step(server: &mut Board, kind: u8, step: u8, bytes: &[u8]) {
    let Some((sequence, message)) = bytes.split_first_chunk::<2>() else { return };
    let header = Header {
        key: SCHEMA_KEY ^ u32::from(step >> 7),
        session: u32::from(step >> 2 & 3),
        sequence: if kind == 1 { 0 } else { u16::from_le_bytes(*sequence) },
        kind: match (kind, step >> 4 & 7) {
            (1, _) => Kind::Open,
            (2, _) => Kind::Request,
            (_, 0 | 1) => Kind::Opened,
            (_, 2 | 3) => Kind::Reply,
            (_, 4 | 5) => Kind::WrongKey,
            _ => Kind::NoSession,
        },
    };
    let mut buffer = [0; wire_bytes(2 * FRAME_BYTES)];
    let length = frame::encode(&mut buffer, 2 * FRAME_BYTES, header, |slot| {
        slot.get_mut(..message.len())?.copy_from_slice(message);
        Some(message.len())
    });
    let line = serve(server, &buffer[..length.expect("the longest step fits")]);

    let mut receiver = Receiver::<FRAME_BYTES>::new();
    let mut line = &line[..];
    while let Some(reply) = receiver.receive(&mut line) {
        assert!((reply.key, reply.session, reply.sequence) == (SCHEMA_KEY, header.session, header.sequence));
        assert!(matches!(header.kind, Kind::Open | Kind::Request), "an answer to {header:?}");
        if reply.kind == Kind::Reply && reply.key == header.key {
            // A repeated reply may be that to another message: the sequence number is what counts.
            let message = receiver.message();
            assert!(postcard::take_from_bytes::<Reply<'_>>(message).is_ok_and(|(_, rest)| rest.is_empty()));
        }
    }
}

/// What a board sends when these bytes arrive; requests are compared with postcard's reading of them.
fn serve(server: &mut Board, bytes: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    let mut input = bytes;
    while let Some(incoming) = server.receive(&mut input) {
        match incoming {
            Incoming::Request(request, answer) => {
                let encoded = postcard::to_stdvec(&request).expect("a Vec takes everything");
                assert_eq!(postcard::from_bytes(&encoded), Ok(request));
                line.extend(answer.send(&match request {
                    Request::Ping { nonce } => Reply::Pong { nonce },
                    // One that is sometimes too long.
                    Request::UploadChunk { bytes, .. } => Reply::Scores(bytes),
                    _ => Reply::Failed(Failure::Unsupported),
                }));
            }
            Incoming::Opened(bytes) | Incoming::Send(bytes) => line.extend(bytes),
        }
    }
    assert!(line.is_empty() || (line.first(), line.last()) == (Some(&0), Some(&0)));
    line
}
