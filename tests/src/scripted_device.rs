//! A device that answers as a test tells it to: for refusals and firmware that no simulated device has.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use matchstick::link::{Incoming, Info, Reply, Request, SCHEMA_KEY, Server, frame, wire_bytes};

const FRAME_BYTES: usize = 512;

/// A board with a model, for tests to change.
#[must_use]
pub fn info() -> Info<'static> {
    Info {
        board: "scripted",
        firmware: "0.1.0",
        engine: "0.1.0",
        features: 0b10111,
        model: "shop",
        revision: 1,
        item_rows: 41,
        user_rows: 1,
        slots: 2,
        slot_bytes: 100_000,
        ..Info::default()
    }
}

/// Serves one connection after the other in a thread that lasts as long as the tests; returns what `--port` takes.
///
/// # Panics
/// When there is no port.
pub fn serve(answer: impl FnMut(&Request<'_>) -> Reply<'static> + Send + 'static) -> String {
    let mut answer = answer;
    listen(move |stream| converse(stream, &mut answer))
}

/// The same for a device of another version: it answers every frame with its own key.
///
/// # Panics
/// When there is no port.
pub fn serve_other_version() -> String {
    listen(|mut stream| {
        let mut buffer = [0; 1024];
        let mut receiver = frame::Receiver::<FRAME_BYTES>::new();
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let mut input = &buffer[..read];
            while let Some(header) = receiver.receive(&mut input) {
                let mut reply = [0; 64];
                let header = frame::Header { key: SCHEMA_KEY ^ 1, kind: frame::Kind::WrongKey, ..header };
                let length = frame::encode(&mut reply, FRAME_BYTES, header, |_| Some(0)).unwrap_or(0);
                let _ = stream.write_all(&reply[..length]);
            }
        }
    })
}

/// The same for something that talks and is no device.
///
/// # Panics
/// When there is no port.
pub fn serve_noise() -> String {
    listen(|mut stream| {
        let mut buffer = [0; 1024];
        while let Ok(1..) = stream.read(&mut buffer) {
            let _ = stream.write_all(b"login: \r\n");
        }
    })
}

fn listen(mut serve: impl FnMut(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    format!("tcp://{address}")
}

fn converse(mut stream: TcpStream, answer: &mut impl FnMut(&Request<'_>) -> Reply<'static>) {
    let mut server = Server::<FRAME_BYTES, { wire_bytes(FRAME_BYTES) }>::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let mut input = &buffer[..read];
        while let Some(incoming) = server.receive(&mut input) {
            let bytes = match incoming {
                Incoming::Request(request, way) => {
                    let reply = answer(&request);
                    way.send(&reply).to_vec()
                }
                Incoming::Opened(bytes) | Incoming::Send(bytes) => bytes.to_vec(),
            };
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    }
}
