//! What is bad for the commands that fill a board's flash. No drive is mounted and no program is called: what is asked for is refused before.

use super::Case;

pub const FLASH: [Case; 8] = [
    ("--volume", "--volume {missing}", 2, &["--volume: {missing} is no folder", "hold BOOTSEL"]),
    ("--volume", "--volume {data}", 2, &["is no drive of a board", "INFO_UF2.TXT"]),
    ("--port", "--port /dev/ttyACM0", 2, &["--port", "espflash", "pico", "leave --port out"]),
    ("--port", "--port x --volume y", 2, &["--port <PORT>", "--volume <FOLDER>", "cannot be used with"]),
    ("--firmware", "--dry-run --firmware {missing}", 2, &["no firmware image at {missing}", "cargo xtask dist"]),
    ("--firmware", "--dry-run --firmware {data}", 1, &["manifest.json", "cargo xtask dist"]),
    ("--firmware", "--dry-run --firmware {text}", 1, &["notes.txt is not for pico", "no firmware image"]),
    (
        "--model-only",
        "--model-only --firmware {text}",
        2,
        &["--model-only", "--firmware <PATH>", "cannot be used with"],
    ),
];

pub const FLASH_WHOLE: [Case; 5] = [
    ("--board", "--board stm32 --blob {users}", 2, &["no board \"stm32\"", "pico", "matchstick boards"]),
    ("--board", "--board mps2-an386 --blob {users}", 2, &["mps2-an386", "matchstick emulate"]),
    ("--blob", "--board pico --blob {missing}", 1, &["{missing}", "does not exist"]),
    ("--blob", "--board pico --blob {text}", 1, &["notes.txt", "is refused"]),
    ("--dry-run", "--board pico --blob {users} --dry-run --dry-run", 2, &["'--dry-run' cannot be used multiple times"]),
];

pub const BUNDLE: [Case; 3] = [
    ("--firmware", "--firmware {missing}", 2, &["no firmware image at {missing}"]),
    ("--firmware", "--firmware {data}", 1, &["manifest.json", "cargo xtask dist"]),
    ("--firmware", "--firmware {text}", 1, &["notes.txt is not for microbit"]),
];

pub const BUNDLE_WHOLE: [Case; 7] = [
    ("--board", "--board stm32 --blob {users} --out {out}.hex", 2, &["no board \"stm32\"", "matchstick boards"]),
    ("--blob", "--board microbit --blob {missing} --out {out}.hex", 1, &["{missing}", "does not exist"]),
    ("--out", "--board microbit --blob {users} --out {out}.exe", 2, &["does not end in .uf2, .hex or .bin"]),
    ("--out", "--board microbit --blob {users} --out {out}", 2, &["does not end in .uf2, .hex or .bin"]),
    ("--out", "--board microbit --blob {users} --out {out}.uf2", 2, &["microbit takes no UF2", "pico"]),
    ("--out", "--board microbit --blob {users} --out {missing}/a.hex", 1, &["cannot write `{missing}/a.hex`", "--out"]),
    ("--out", "--board microbit --blob {users}", 2, &["--out <FILE>"]),
];

pub const BOARDS: [Case; 3] = [
    ("--model", "--model {missing}", 1, &["cannot read {missing}"]),
    ("--model", "--model {blob}", 1, &["model.blob is a blob", "give the model"]),
    ("--model", "--model", 2, &["--model <FILE>"]),
];
