//! Ctrl-C: the first asks the command to stop where it can say how to go on, the second ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Becomes true when ctrl-C is pressed. To be called once.
pub fn stop_on_interrupt() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let pressed = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if pressed.swap(true, Ordering::Relaxed) {
            // What shells expect of a program that SIGINT has ended.
            std::process::exit(130);
        }
    })?;
    Ok(stop)
}
