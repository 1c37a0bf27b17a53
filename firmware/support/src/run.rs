//! The main loop of the image `device`, the same on every board.

use embedded_io::{Read, ReadReady, Write};
use matchstick::Model;
use matchstick::link::Server;
use matchstick_device::service::{Board, Context, Next, Places, Service};
use matchstick_device::{MappedFlash, Region};

use crate::line::sleep_once;

/// Where ratings and models are kept.
#[derive(Debug)]
pub struct Storage<'f, F> {
    /// The flash.
    pub flash: &'f mut F,
    /// Where in it everything is.
    pub places: Places,
    /// The bytes of a model, counted as the flash counts. They are borrowed from the memory map and not from the driver, because they stay as they are while
    /// the model runs, and the driver writes elsewhere.
    pub mapped: fn(Region) -> &'static [u8],
}

/// What else the main loop looks at between what comes over the line: buttons and a light.
pub trait Panel {
    /// Whether there is anything to look at. Without it the main loop sleeps until something comes over the line.
    const IS_THERE: bool;

    /// Looks at the buttons, and does what they ask for. Called whenever an interrupt has come, once a millisecond at least where the clock interrupts.
    fn look<
        F: MappedFlash,
        B: Board,
        const RATINGS: usize,
        const CAPACITY: usize,
        const TABLE_WORDS: usize,
        const COORDINATES: usize,
        const HELD: usize,
    >(
        &mut self,
        service: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
        context: &mut Context<'_, F, B>,
    );
}

/// A board without buttons.
#[derive(Clone, Copy, Debug)]
pub struct NoPanel;

impl Panel for NoPanel {
    const IS_THERE: bool = false;

    fn look<
        F: MappedFlash,
        B: Board,
        const RATINGS: usize,
        const CAPACITY: usize,
        const TABLE_WORDS: usize,
        const COORDINATES: usize,
        const HELD: usize,
    >(
        &mut self,
        _: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
        _: &mut Context<'_, F, B>,
    ) {
    }
}

/// Serves what comes over `line` until the device is to start anew, or can't begin, or the line fails: the caller reboots then.
pub fn run<
    F: MappedFlash,
    B: Board,
    L: Read + ReadReady + Write,
    P: Panel,
    const RATINGS: usize,
    const CAPACITY: usize,
    const TABLE_WORDS: usize,
    const COORDINATES: usize,
    const HELD: usize,
    const RECEIVE: usize,
    const SEND: usize,
>(
    service: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
    server: &mut Server<RECEIVE, SEND>,
    storage: Storage<'_, F>,
    board: &mut B,
    line: &mut L,
    panel: &mut P,
) -> Option<()> {
    let Storage { flash, places, mapped } = storage;
    // What can't be read now is said to whoever asks for it: starting anew would meet the same.
    _ = service.open(flash, places, board.name());
    loop {
        let model = service.running().and_then(|region| Model::from_bytes(mapped(region)).ok());
        let mut context = Context { flash: &mut *flash, board: &mut *board, model: model.as_ref() };
        if serve(service, server, &mut context, line, panel)? == Next::Reboot {
            return Some(());
        }
    }
}

/// Serves until something else than receiving is to be done.
fn serve<
    F: MappedFlash,
    B: Board,
    L: Read + ReadReady + Write,
    P: Panel,
    const RATINGS: usize,
    const CAPACITY: usize,
    const TABLE_WORDS: usize,
    const COORDINATES: usize,
    const HELD: usize,
    const RECEIVE: usize,
    const SEND: usize,
>(
    service: &mut Service<RATINGS, CAPACITY, TABLE_WORDS, COORDINATES, HELD>,
    server: &mut Server<RECEIVE, SEND>,
    context: &mut Context<'_, F, B>,
    line: &mut L,
    panel: &mut P,
) -> Option<Next> {
    let mut buffer = [0; 32];
    loop {
        while P::IS_THERE && !line.read_ready().ok()? {
            panel.look(service, context);
            sleep_once();
        }
        let count = line.read(&mut buffer).ok()?;
        let mut received = buffer.get(..count)?;
        while let Some((bytes, next)) = service.serve(server, context, &mut received) {
            line.write_all(bytes).ok()?;
            if next != Next::Receive {
                // The host sends nothing before it has this reply: what else came was noise.
                line.flush().ok()?;
                return Some(next);
            }
        }
    }
}
