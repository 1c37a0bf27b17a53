//! The product: answers what comes over the UART, and keeps its owner's ratings and two models in flash.
//!
//! It has no semihosting and nothing to print to, and links only if no panic path is left in it. What can't go on starts anew: ratings and models
//! are in flash.

#![no_std]
#![no_main]

use embedded_io::{Read, Write};
use matchstick::Model;
use matchstick_device::service::{Board, Context, Next};
use matchstick_firmware::metal::flash::{Flash, mapped};
use matchstick_firmware::metal::uart::Uart;
use matchstick_firmware::metal::{self, Metal, entry, reboot};
use matchstick_firmware::product::{Server, Service};
use panic_never as _;

#[entry]
fn start() -> ! {
    metal::paint();
    _ = run();
    reboot()
}

/// Serves until the device is to start anew, or can't begin.
fn run() -> Option<()> {
    let (service, server) = memory()?;
    let (mut flash, mut line, mut board) = (Flash::take()?, Uart::start()?, Metal::start());
    service.open(&mut flash, Flash::places(), board.name()).ok()?;
    loop {
        // A model's bytes are those of the memory map: they stay as they are while it runs, and the driver writes elsewhere.
        let model = service.running().and_then(|region| Model::from_bytes(mapped(region)).ok());
        let mut context = Context { flash: &mut flash, board: &mut board, model: model.as_ref() };
        if serve(service, server, &mut context, &mut line)? == Next::Reboot {
            return Some(());
        }
    }
}

/// Serves until something else than receiving is to be done.
fn serve(
    service: &mut Service,
    server: &mut Server,
    context: &mut Context<'_, Flash, Metal>,
    line: &mut Uart,
) -> Option<Next> {
    let mut buffer = [0; 32];
    loop {
        let count = line.read(&mut buffer).ok()?;
        let mut received = buffer.get(..count)?;
        while let Some((bytes, next)) = service.serve(server, context, &mut received) {
            line.write_all(bytes).ok()?;
            if next != Next::Receive {
                // The host sends nothing before it has this reply: what else came was noise.
                return Some(next);
            }
        }
    }
}

/// What is too large for the stack. Zeros, so it takes no flash.
fn memory() -> Option<(&'static mut Service, &'static mut Server)> {
    static SERVICE: metal::Once<Service> = metal::Once::new(Service::new());
    static SERVER: metal::Once<Server> = metal::Once::new(Server::new());
    Some((SERVICE.take()?, SERVER.take()?))
}

/// All interrupts but SysTick's, which the counter has: only the UART's is enabled.
#[cfg(target_arch = "arm")]
#[metal::exception]
unsafe fn DefaultHandler(_: i16) {
    metal::uart::on_interrupt();
}

#[cfg(target_arch = "arm")]
#[metal::exception]
unsafe fn HardFault(_: &metal::ExceptionFrame) -> ! {
    reboot()
}

#[cfg(target_arch = "riscv32")]
#[unsafe(export_name = "MachineExternal")]
extern "C" fn external() {
    metal::interrupt::claimed(metal::uart::on_interrupt);
}

#[cfg(target_arch = "riscv32")]
#[unsafe(export_name = "ExceptionHandler")]
fn exception(_: &metal::TrapFrame) -> ! {
    reboot()
}
