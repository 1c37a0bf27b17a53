//! The product: answers what comes over the UART, and keeps its owner's ratings and two models in flash.
//!
//! It has no semihosting and nothing to print to, and links only if no panic path is left in it: but for those of the signature's check, which is another crate's. What can't go on
//! starts anew: ratings and models are in flash.

#![no_std]
#![no_main]

use matchstick_board::{NoPanel, Storage};
use matchstick_firmware::metal::flash::{Flash, mapped};
use matchstick_firmware::metal::uart::Uart;
use matchstick_firmware::metal::{self, Metal, entry, reboot};
use matchstick_firmware::product::{Server, Service};
#[cfg(not(feature = "signed"))]
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
    let storage = Storage { flash: &mut flash, places: Flash::places(), mapped };
    matchstick_board::run(service, server, storage, &mut board, &mut line, &mut NoPanel)
}

/// What is too large for the stack. Zeros, so it takes no flash.
fn memory() -> Option<(&'static mut Service, &'static mut Server)> {
    static SERVICE: metal::Once<Service> = metal::Once::new(Service::new());
    static SERVER: metal::Once<Server> = metal::Once::new(Server::new());
    Some((SERVICE.take()?, SERVER.take()?))
}

/// Reached from nowhere but the crate that checks signatures: an upload is then lost, and nothing else.
#[cfg(feature = "signed")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    reboot()
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
