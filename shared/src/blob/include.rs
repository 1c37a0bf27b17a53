//! `include_blob!`: a blob linked into a program, aligned as the engine demands.

/// Includes a blob file in the program at an address divisible by 16, as `&'static [u8]`. `include_bytes!` doesn't align.
///
/// ```
/// static MODEL: &[u8] = matchstick::include_blob!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/tiny_folded.blob"));
///
/// assert!(matchstick::Model::from_bytes(MODEL).is_ok());
/// ```
#[macro_export]
macro_rules! include_blob {
    ($path:expr $(,)?) => {{
        #[repr(C, align(16))]
        struct Aligned<Bytes: ?Sized>(Bytes);
        static BLOB: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &BLOB.0
    }};
}
