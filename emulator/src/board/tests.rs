//! The board table against the linker's maps, the firmware's features, and itself.

use std::path::Path;

use super::*;

/// Reads `NAME : ORIGIN = X, LENGTH = Y` of a memory.x.
fn region(map: &str, name: &str) -> (u64, u64) {
    let line = map.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    let value = |key: &str| {
        let text = line.split(key).nth(1).unwrap().trim_start_matches([' ', '=']);
        let text = text.split([',', ' ']).next().unwrap().trim();
        let (digits, unit) = match text.strip_suffix(['K', 'M']) {
            Some(digits) => (digits, if text.ends_with('K') { 1 << 10 } else { 1 << 20 }),
            None => (text, 1),
        };
        let digits = digits.strip_prefix("0x").map_or_else(|| digits.parse(), |hex| u64::from_str_radix(hex, 16));
        digits.unwrap() * unit
    };
    (value("ORIGIN"), value("LENGTH"))
}

#[test]
fn every_board_file_is_read_and_every_folder_is_listed() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards");
    let folders = folders.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let boards = folders.filter(|folder| folder.join("board.toml").is_file());
    let mut boards: Vec<_> = boards.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let mut names = [Board::names(), names(Board::owned())].concat();
    boards.sort();
    names.sort_unstable();
    assert_eq!(names, boards);
    assert!(Board::all().iter().all(|board| board.qemu.is_some() && board.hardware.is_none()));
    assert!(Board::owned().iter().all(|board| board.hardware.is_some()));
}

#[test]
fn regions_agree_with_the_linkers_memory_map() {
    for board in Board::all() {
        let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards").join(&board.name).join("memory.x");
        let map = std::fs::read_to_string(map).unwrap();
        for (name, ours) in [
            ("FLASH", board.flash),
            ("BLOB", board.blob),
            ("RAM", board.ram),
            ("STORE", board.store),
            ("SLOTS", board.slots),
        ] {
            let linkers = region(&map, name);
            assert_eq!(linkers, (u64::from(ours.start), u64::from(ours.length)), "{name} of {}", board.name);
        }
    }
}

#[test]
fn regions_of_owned_boards_agree_with_the_linkers_memory_map() {
    for board in Board::owned() {
        let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/boards").join(&board.name);
        let Ok(map) = std::fs::read_to_string(map.join("memory.x")) else {
            // The HAL has its own memory map: the program itself says where in flash store and slots are.
            let source = std::fs::read_to_string(map.join("src/main.rs")).unwrap();
            let number = |name: &str| {
                let text = source.split(&format!("const {name}: u32 = 0x")).nth(1).unwrap().split(';').next();
                u32::from_str_radix(&text.unwrap().replace('_', ""), 16).unwrap()
            };
            let found = ["STORE", "SLOTS", "SLOT_BYTES"].map(number);
            assert_eq!(found, [board.store.start, board.slots.start, board.slots.length / 2], "{}", board.name);
            continue;
        };
        for (name, ours) in [("RAM", board.ram), ("STORE", board.store), ("SLOTS", board.slots)] {
            let linkers = region(&map, name);
            assert_eq!(linkers, (u64::from(ours.start), u64::from(ours.length)), "{name} of {}", board.name);
        }
        // What a boot loader takes stands before the code.
        let (start, length) = region(&map, "FLASH");
        assert!(start >= board.flash.start.into() && start + length == board.flash.end(), "{}", board.name);
    }
}

#[test]
fn profiles_of_owned_boards_are_those_of_the_others() {
    let read = |text: &str| text.parse::<toml::Table>().unwrap();
    let root = read(include_str!("../../../Cargo.toml"));
    let all = [
        include_str!("../../../firmware/boards/Cargo.toml"),
        include_str!("../../../firmware/boards/esp32-c3/Cargo.toml"),
    ];
    for owned in all.map(read) {
        for profile in ["firmware", "firmware-small"] {
            assert_eq!(root["profile"][profile], owned["profile"][profile], "{profile}");
        }
        assert_eq!(root["workspace"]["lints"], owned["workspace"]["lints"]);
        assert_eq!(root["workspace"]["package"], owned["workspace"]["package"]);
    }
}

/// The order matters where boards share a target: both sides call the same one the first.
#[test]
fn build_script_has_the_same_targets_in_the_same_order() {
    let script = include_str!("../../../firmware/build.rs");
    let mut positions = Board::all().iter().map(|board| {
        let line = format!("(\"{}\", \"{}\")", board.name, board.target);
        script.find(&line).unwrap_or_else(|| panic!("firmware/build.rs lacks {line}"))
    });
    assert!(positions.by_ref().is_sorted());
}

#[test]
fn each_target_has_one_first_board() {
    for board in Board::all() {
        let first = |other: &&Board| other.target == board.target && other.is_first_of_target();
        assert_eq!(Board::all().iter().filter(first).count(), 1, "{}", board.target);
    }
    assert!(!Board::by_name("mps3-an547").unwrap().is_first_of_target());
}

#[test]
fn a_board_has_only_features_that_the_firmware_has() {
    let manifest: toml::Table = include_str!("../../../firmware/Cargo.toml").parse().unwrap();
    let features = manifest["features"].as_table().unwrap();
    for board in Board::all() {
        let named = board.features.iter().chain(board.device_features.iter().flatten());
        assert!(named.clone().all(|feature| features.contains_key(feature)), "{}", board.name);
    }
}

/// The memory of an image, and which models it is built for, are code; here they are data.
#[test]
fn what_is_said_of_models_is_what_the_images_have() {
    let read = |path: String| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let large = read("firmware/support/src/large.rs".into());
    let number = |text: &str, name: &str| -> usize {
        let behind = text.split(&format!("const {name}: usize = ")).nth(1).unwrap();
        behind.split(';').next().unwrap().replace('_', "").parse().unwrap()
    };
    for board in Board::all().iter().chain(Board::owned()) {
        let Board { name, models, .. } = board;
        // Two boards may have one image, built for two cores.
        let crate_of = |hardware: &Hardware| hardware.package.trim_start_matches("matchstick-").to_owned();
        let source = match &board.hardware {
            Some(hardware) => read(format!("firmware/boards/{}/src/main.rs", crate_of(hardware))),
            None => read(format!("firmware/boards/{name}/board.rs")),
        };
        let own = source.split("service::Service<").nth(1).map(|own| own.split('>').next().unwrap());
        let parameters: Vec<&str> = own.unwrap_or("1024, WIDTH, TABLE_WORDS, 16, 2048").split(", ").collect();
        assert!(own.is_some() || large.contains("Service<1024, WIDTH, TABLE_WORDS, 16, 2048>"), "{name}");
        let capacity = parameters[1].parse().unwrap_or_else(|_| number(&large, "WIDTH"));
        assert_eq!((models.capacity, models.coordinates), (capacity, parameters[3].parse().unwrap()), "{name}");
        let features = match &board.hardware {
            None => board.device_features.clone(),
            Some(hardware) => {
                let manifest = read(format!("firmware/boards/{}/Cargo.toml", crate_of(hardware)));
                let of_engine = manifest.lines().filter(|line| line.starts_with("matchstick = {"));
                let features = |line: &str| -> Option<Vec<String>> {
                    let list = line.split("features = [").nth(1)?.split(']').next()?;
                    Some(list.split(", ").map(|name| name.trim_matches('"').to_owned()).collect())
                };
                let mut lists = of_engine
                    .map(features)
                    .filter(|list| list.as_ref().is_some_and(|list| !list.iter().any(|name| name == "default")));
                lists.next().flatten()
            }
        };
        assert_eq!(models.features, features, "{name}");
    }
}

#[test]
fn instruction_budgets_are_positive_and_every_board_has_the_common_ones() {
    for board in Board::all() {
        let budgets = board.instruction_budgets();
        assert!(budgets.values().all(|most| *most > 0.0), "{}", board.name);
        for name in ["score_concat", "score_folded", "rank_item_folded_int8", "rank_item_folded_pq8", "load_per_byte"] {
            assert!(budgets.contains_key(name), "{} has no budget {name}", board.name);
        }
    }
    assert_eq!(Board::by_name("mps2-an386").unwrap().instruction_budgets()["score_concat"], 12_500.0);
}

#[test]
fn regions_are_apart_and_a_blob_is_aligned() {
    for board in Board::all() {
        let mut regions = [board.flash, board.blob, board.ram];
        regions.sort_by_key(|region| region.start);
        for pair in regions.windows(2) {
            assert!(pair[0].end() <= u64::from(pair[1].start), "{}: {pair:x?} overlap", board.name);
        }
        // The models of the image `device` may lie where the others have one.
        let mut regions = [board.flash, board.store, board.slots, board.ram];
        regions.sort_by_key(|region| region.start);
        for pair in regions.windows(2) {
            assert!(pair[0].end() <= u64::from(pair[1].start), "{}: {pair:x?} overlap", board.name);
        }
        assert_eq!(board.store.end(), u64::from(board.slots.start), "{}: one window", board.name);
        assert_eq!(board.slots.start % 16, 0, "{}", board.name);
        assert_eq!(board.slots.length / 2 % 1024, 0, "{}: whole pages", board.name);
        assert_eq!(board.blob.start % 16, 0, "{}", board.name);
        assert_eq!(board.blob.loader_start() % 16, 0, "{}", board.name);
    }
}

#[test]
fn budgets_are_set_and_leave_room() {
    let owned = Board::owned().iter().map(|board| (board, Image::Device));
    let emulated = Board::all().iter().flat_map(|board| Image::RUNNABLE.map(|image| (board, image)));
    for (board, image) in emulated.chain(owned) {
        let (name, budget) = (&board.name, board.budget(image).unwrap());
        assert!(budget.flash_bytes > 0 && budget.flash_bytes <= u64::from(board.flash.length), "{name}");
        assert!(budget.stack_bytes > 0, "{name}");
        assert!(budget.ram_bytes + budget.stack_bytes <= u64::from(board.ram.length), "{name}");
    }
    assert!(Board::all().iter().all(|board| board.engine_budget().code_bytes > 0));
}

#[test]
fn an_unknown_board_is_told_the_known_ones() {
    let message = Board::by_name("stm32").unwrap_err().to_string();
    assert!(message.contains("\"stm32\"") && message.contains("microbit"), "{message}");
    assert_eq!(Board::by_name("microbit").unwrap().core, "Cortex-M0");
}
