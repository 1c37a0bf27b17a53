//! The encodings of item rows, as people name them, and a row table in one of them.

use std::fmt;
use std::str::FromStr;

use matchstick::blob::writer::ItemsDraft;
use matchstick::blob::{ItemEncoding, MAX_CODES, pad4, pad8};
use serde::{Serialize, Serializer};

/// How item rows are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A byte a value.
    #[default]
    Int8,
    /// Half a byte a value.
    Int4,
    /// This many bytes a row: each names one of 256 rows of a codebook.
    Pq(u8),
}

impl Encoding {
    /// Bytes of a stored row of `width` values.
    pub fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Int8 => pad4(width),
            Self::Int4 => pad8(width) / 2,
            Self::Pq(codes) => pad4(usize::from(codes)),
        }
    }
}

impl From<ItemEncoding> for Encoding {
    fn from(encoding: ItemEncoding) -> Self {
        match encoding {
            ItemEncoding::Int8 => Self::Int8,
            ItemEncoding::Int4 => Self::Int4,
            ItemEncoding::Pq { codes } => Self::Pq(codes),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int8 => f.write_str("int8"),
            Self::Int4 => f.write_str("int4"),
            Self::Pq(codes @ (8 | 16)) => write!(f, "pq{codes}"),
            Self::Pq(codes) => write!(f, "pq:{codes}"),
        }
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A number alone: `parse` takes a plus sign, too.
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u8>().ok())?;
        let codes = |text: &str| number(text.strip_prefix(':').unwrap_or(text));
        match text {
            "int8" => Ok(Self::Int8),
            "int4" => Ok(Self::Int4),
            _ => match text.strip_prefix("pq").and_then(codes) {
                Some(codes) if (1..=MAX_CODES).contains(&codes) => Ok(Self::Pq(codes)),
                _ => Err(format!("give int8, int4, pq8, pq16, or pq:M with 1 to {MAX_CODES} codes")),
            },
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Item rows in an encoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    pub items: ItemsDraft,
    /// (width): the real value of 1 in the decoded row.
    pub scales: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let all = [Encoding::Int8, Encoding::Int4].into_iter().chain((1..=MAX_CODES).map(Encoding::Pq));
        for encoding in all {
            assert_eq!(encoding.to_string().parse(), Ok(encoding));
        }
        assert_eq!("pq12".parse(), Ok(Encoding::Pq(12)));
        for wrong in ["", "int2", "pq", "pq:", "pq0", "pq:65", "pq:-1", "pq::8", "pq+8", "pq:+8", "PQ8", "pq999"] {
            assert!(wrong.parse::<Encoding>().unwrap_err().contains("pq:M"), "{wrong}");
        }
    }

    #[test]
    fn a_row_takes_what_the_format_says() {
        assert_eq!([Encoding::Int8, Encoding::Int4, Encoding::Pq(9)].map(|e| e.row_bytes(50)), [52, 28, 12]);
    }
}
