//! The frames and messages shown in `docs/protocol.md` are those that both sides of the link send.

use std::fmt::Write as _;

use matchstick::link::{
    Client, Event, Incoming, ItemRef, Reply, Request, SCHEMA_KEY, Server, frame::Kind, samples, wire_bytes,
};
use matchstick_tests::bless::{check_file, workspace_root};
use matchstick_tests::blob_reader::crc32;

const HEADING: &str = "## Worked frames and messages\n";
const FRAME_BYTES: usize = 512;
const OVERHEAD_BYTES: usize = 15;

type Host = Client<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;
type Device = Server<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

/// The frame between the zero bytes of a line, taken apart as the page says.
fn frame(line: &[u8]) -> Vec<u8> {
    let [0, stuffed @ .., 0] = line else { panic!("no zero bytes around {line:?}") };
    let mut frame = Vec::new();
    let mut rest = stuffed;
    while let Some((code, behind)) = rest.split_first() {
        let (run, behind) = behind.split_at(usize::from(*code) - 1);
        frame.extend(run);
        if *code < 255 && !behind.is_empty() {
            frame.push(0);
        }
        rest = behind;
    }
    let (body, checksum) = frame.split_at(frame.len() - 4);
    assert_eq!(crc32(body).to_le_bytes(), checksum);
    assert_eq!(body[..4], SCHEMA_KEY.to_le_bytes());
    frame
}

/// A frame on the line, then field by field.
fn show(text: &mut String, what: &str, line: &[u8], message: &str) {
    let frame = frame(line);
    let (body, checksum) = frame.split_at(frame.len() - 4);
    let sequence = u16::from_le_bytes([body[8], body[9]]);
    let mut row = |bytes: &[u8], meaning: &str| {
        if !bytes.is_empty() {
            writeln!(text, "    {:53}  {meaning}", hex(bytes)).expect("a String takes everything");
        }
    };
    row(line, what);
    row(&body[..4], "    key");
    row(&body[4..8], "    session: 42");
    row(&body[8..10], &format!("    sequence: {sequence}"));
    row(&body[10..11], &format!("    kind: {}", ["Open", "Opened", "Request", "Reply"][usize::from(body[10])]));
    row(&body[11..], &format!("    message: {message}"));
    row(checksum, "    CRC-32");
    text.push('\n');
}

/// The device's answer, and the reply to a request if it was one.
fn answer(device: &mut Device, line: &[u8], reply: &Reply<'_>) -> Vec<u8> {
    match device.receive(&mut &line[..]).expect("the line is whole") {
        Incoming::Request(_, answer) => answer.send(reply).to_vec(),
        Incoming::Opened(bytes) | Incoming::Send(bytes) => bytes.to_vec(),
    }
}

fn opened() -> (Host, Device, Vec<u8>, Vec<u8>) {
    let (mut host, mut device) = (Host::new(1), Device::new());
    let open = host.open(42).to_vec();
    let line = answer(&mut device, &open, &Reply::Done);
    assert!(matches!(host.receive(&mut &line[..]), Some(Event::Opened { .. })));
    (host, device, open, line)
}

fn message(line: &[u8], kind: Kind) -> Vec<u8> {
    let frame = frame(line);
    assert_eq!(frame[10], kind as u8);
    frame[11..11 + frame.len() - OVERHEAD_BYTES].to_vec()
}

fn section() -> String {
    let (mut host, mut device, open, line) = opened();
    let mut text = format!(
        "{HEADING}\nA test compares this section with what the code sends; `MATCHSTICK_BLESS=1 cargo test -p matchstick-tests protocol_page` rewrites it.\n\
         The key is {SCHEMA_KEY:08X}. A session of a host and a device that both take frames of {FRAME_BYTES} bytes: it is opened, and item 50 is rated 4.5 stars.\n\n"
    );
    show(&mut text, "host: 0 Open", &open, "512");
    show(&mut text, "device: 1 Opened", &line, "512");
    let rate = Request::Rate { item: ItemRef::Row(50), value: 1152 };
    let line = host.request(&rate).expect("the session is open").to_vec();
    show(&mut text, "host: 2 Request", &line, "Rate (9), by row (0) 50, 1152 as zig-zag varint");
    let line = answer(&mut device, &line, &Reply::Done);
    show(&mut text, "device: 3 Reply", &line, "Done");

    text.push_str("One of every message, without the frame. The key is the CRC-32 of all of them, requests first.\n\n");
    let mut all = Vec::new();
    let mut add = |text: &mut String, name: &str, bytes: Vec<u8>| {
        let mut name = name;
        for line in bytes.chunks(16) {
            writeln!(text, "    {:40}  {}", name, hex(line)).expect("a String takes everything");
            name = "";
        }
        all.extend(bytes);
    };
    for (name, request) in samples::requests() {
        let (mut host, ..) = opened();
        let line = host.request(&request).expect("the session is open");
        add(&mut text, name, message(line, Kind::Request));
    }
    text.push('\n');
    for (name, reply) in samples::replies() {
        let (mut host, mut device, ..) = opened();
        let line = host.request(&Request::Info).expect("the session is open").to_vec();
        let line = answer(&mut device, &line, &reply);
        assert_eq!(host.receive(&mut &line[..]), Some(Event::Reply(reply)));
        add(&mut text, name, message(&line, Kind::Reply));
    }
    assert_eq!(crc32(&all), SCHEMA_KEY);
    text
}

#[test]
fn the_page_shows_what_is_sent() {
    let path = workspace_root().join("docs/protocol.md");
    let page = std::fs::read_to_string(&path).expect("the page is in the repository");
    let before = page.split_once(HEADING).map_or(page.as_str(), |(before, _)| before);
    check_file(&path, format!("{}\n\n{}", before.trim_end(), section()).as_bytes());
}
