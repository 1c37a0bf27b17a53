//! What is bad for the questions to a device, and for `device` itself.

use super::Case;

/// Of `device` itself: every question takes these too.
pub const DEVICE: [Case; 15] = [
    ("--port", "info", 2, &["no device is named", "--port /dev/ttyACM0"]),
    ("--port", "--port udp://host:1 info", 2, &["'udp://host:1' for '--port <PORT>'", "tcp://"]),
    ("--port", "--port tcp://host info", 2, &["'tcp://host' for '--port <PORT>'", "the number of a port"]),
    ("--port", "--port {missing} info", 2, &["cannot open {missing}", "/dev/ttyACM0"]),
    ("--emulate", "--emulate stm32 info", 2, &["no board \"stm32\"", "microbit"]),
    ("--emulate", "--emulate microbit --port x info", 2, &["--port and --emulate", "leave one of them out"]),
    ("--firmware", "--emulate microbit --firmware {missing} info", 2, &["no firmware image", "{missing}"]),
    ("--firmware", "--emulate microbit --firmware {text} info", 1, &["notes.txt is not a firmware image"]),
    ("--firmware", "--port x --firmware {text} info", 2, &["--firmware is about a board in QEMU", "--emulate BOARD"]),
    ("--flash", "--port x --flash {text} info", 2, &["--flash is about a board in QEMU", "leave --flash out"]),
    ("--baud", "--port {missing} --baud 1 info", 2, &["'1' for '--baud <N>'"]),
    ("--blob", "--port {missing} --blob {no_blob} rank", 1, &["{no_blob}", "does not exist"]),
    ("--blob", "--port {missing} --blob {text} rank", 1, &["notes.txt", "is refused"]),
    ("--titles", "--port {missing} --titles {no_blob} rank", 1, &["{no_blob}", "does not exist"]),
    ("--patience", "--port {missing} --patience 0 info", 2, &["'0' for '--patience <SECONDS>'", "0.01"]),
];

pub const DEVICE_PING: [Case; 1] = [("--count", "--count 0", 2, &["'0' for '--count <N>'"])];

pub const DEVICE_SCORE: [Case; 2] = [
    ("--user", "--user me", 2, &["'me' for '--user <USER>'", "`owner`"]),
    ("--plus-minus", "--plus-minus --plus-minus", 2, &["'--plus-minus' cannot be used multiple times"]),
];

pub const DEVICE_RANK: [Case; 4] = [
    ("--user", "--user=-1", 2, &["'-1' for '--user <USER>'", "`owner`"]),
    ("--top", "--top 33", 2, &["'33' for '--top <N>'", "1..=32"]),
    ("--plus-minus", "--plus-minus --plus-minus", 2, &["'--plus-minus' cannot be used multiple times"]),
    ("--include-rated", "--include-rated=yes", 2, &["'yes' for '--include-rated'"]),
];

pub const DEVICE_SIMILAR: [Case; 1] = [("--top", "--top 0", 2, &["'0' for '--top <N>'", "1..=32"])];

pub const DEVICE_FORGET: [Case; 4] = [
    ("--key", "--key 12", 2, &["'12' for '--key <KEY>'", "16 hexadecimal digits"]),
    ("--key", "--key 0123456789abcdef 13", 2, &["--key <KEY>", "cannot be used with"]),
    ("--everything", "--everything 13", 2, &["--everything", "cannot be used with"]),
    ("--everything", "", 2, &["--everything", "--key <KEY>", "ITEM"]),
];

pub const DEVICE_ASK: [Case; 1] = [("--top", "--top some", 2, &["'some' for '--top <N>'"])];

pub const DEVICE_UPLOAD: [Case; 4] = [
    ("--force", "--force --force", 2, &["'--force' cannot be used multiple times"]),
    ("--for", "--for", 2, &["--for <BOARD>"]),
    ("--signature", "--signature {missing}", 1, &["{missing}", "is no signature", "64 bytes"]),
    ("--signature", "--signature {text}", 1, &["notes.txt", "is no signature", "64 bytes"]),
];

pub const DEVICE_WATCH: [Case; 3] = [
    ("--count", "--count 0", 2, &["'0' for '--count <N>'"]),
    ("--interval", "--interval 0", 2, &["'0' for '--interval <SECONDS>'"]),
    ("--load", "--load heavy", 2, &["'heavy' for '--load <LOAD>'", "rank, ping, idle"]),
];

pub const DEVICE_BENCH: [Case; 2] = [
    ("--count", "--count 0", 2, &["'0' for '--count <N>'"]),
    ("--writes", "--writes --writes", 2, &["'--writes' cannot be used multiple times"]),
];
