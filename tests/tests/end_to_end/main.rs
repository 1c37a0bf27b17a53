//! The end-to-end suite: one binary, so that everything is linked once. Each module is about one promise.

mod blob_errors;
mod blob_integrity;
mod boards;
mod cli;
mod cli_at_once;
mod cli_blob;
mod cli_budget;
mod cli_data;
mod cli_flags;
mod cli_forms;
mod cli_import;
#[cfg(unix)]
mod cli_kill;
mod cli_names;
mod cli_output;
mod cli_path;
mod cli_ranking;
mod cli_train;
mod demo_blob;
mod device_link;
mod external_memory;
mod fuzz_seeds;
mod golden_vectors;
mod kernels_on_boards;
mod large_catalogues;
mod learning;
mod limits;
mod nor_chip;
mod protocol_page;
mod quality;
mod spi_nor;
mod split_model;
mod test_pairs;
mod twin;
mod worked_example;
