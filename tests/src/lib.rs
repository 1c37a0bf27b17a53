//! What the end-to-end tests are made of: a second reader of blobs and a naive twin of the engine, both written from the documents and not from
//! the code; random and golden blobs; and ways to reach the command-line tool. The tests themselves are in `tests/end_to_end/`.
//!
//! This crate knows nothing about training: it drives the tool from outside.

pub mod bless;
pub mod blob_reader;
pub mod boards;
pub mod command;
pub mod device;
pub mod drafts;
pub mod engine;
pub mod flash_files;
pub mod golden_demo;
pub mod hex_dump;
pub mod learning_twin;
pub mod models;
pub mod nor_chip;
pub mod random;
pub mod redraft;
pub mod scripted_device;
pub mod simulated_device;
pub mod twin;
