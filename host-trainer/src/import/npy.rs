//! Tables in NumPy's `.npy` format, versions 1 to 3: a header that is a Python dictionary, then the numbers.
//!
//! The header is read as text and never evaluated; that the numbers fill the rest of the file exactly is checked before they are read.
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Read;
use std::path::Path;

use half::f16;

use super::error::ImportError;
use crate::weights::Matrix;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy pads its headers to 64 bytes; a table of floats never needs more than two of those.
const LONGEST_HEADER: u64 = 1 << 16;

/// What the header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    column_major: bool,
    rows: usize,
    cols: usize,
}

/// A table of one or two dimensions; one of one dimension is a column. The type of its numbers comes with it.
pub(super) fn read(path: &Path, mut file: impl Read, length: u64) -> Result<(Matrix, String), ImportError> {
    let io = |source| ImportError::read(path, source);
    let table = |problem: String| ImportError::table(path, problem);
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(io)?;
    let mut size = [0; 4];
    let (digits, major) = (if start[6] == 1 { 2 } else { 4 }, start[6]);
    if !start.starts_with(MAGIC) || !(1..=3).contains(&major) {
        return Err(table(format!("it is a .npy file of version {major}, which is not known")));
    }
    file.read_exact(&mut size[..digits]).map_err(io)?;
    let header_bytes = u64::from(u32::from_le_bytes(size));
    if header_bytes > LONGEST_HEADER {
        return Err(table("its header is too long".into()));
    }
    let mut text = Vec::new();
    (&mut file).take(header_bytes).read_to_end(&mut text).map_err(io)?;
    let header = parse(&String::from_utf8_lossy(&text)).map_err(table)?;
    let (width, decode) = decoder(&header.descr).ok_or_else(|| {
        table(format!(
            "its numbers are of type {}; save it with `numpy.save(file, array.astype('float32'))`",
            header.descr
        ))
    })?;
    let behind = length.saturating_sub(8 + digits as u64 + header_bytes);
    let count = header.rows.checked_mul(header.cols).and_then(|count| count.checked_mul(width));
    let Some(bytes) = count.filter(|bytes| *bytes as u64 == behind) else {
        return Err(table(format!(
            "a table of {} x {} {} needs {width} bytes for each number, and the file has {behind} bytes for all; was the copy cut short?",
            header.rows, header.cols, header.descr
        )));
    };
    let mut data = vec![0; bytes];
    file.read_exact(&mut data).map_err(io)?;
    let values: Vec<f32> = data.chunks_exact(width).map(decode).collect();
    let Header { rows, cols, .. } = header;
    let data = match header.column_major {
        false => values,
        true => (0..rows * cols).map(|at| values[(at % cols) * rows + at / cols]).collect(),
    };
    Ok((Matrix { rows, cols, data }, header.descr))
}

/// Reads a number.
type Decode = fn(&[u8]) -> f32;

/// The bytes of a number of this type, and how to read it.
fn decoder(descr: &str) -> Option<(usize, Decode)> {
    fn number<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    Some(match descr {
        "<f4" => (4, |bytes| f32::from_le_bytes(number(bytes))),
        ">f4" => (4, |bytes| f32::from_be_bytes(number(bytes))),
        "<f8" => (8, |bytes| f64::from_le_bytes(number(bytes)) as f32),
        ">f8" => (8, |bytes| f64::from_be_bytes(number(bytes)) as f32),
        "<f2" => (2, |bytes| f16::from_le_bytes(number(bytes)).to_f32()),
        ">f2" => (2, |bytes| f16::from_be_bytes(number(bytes)).to_f32()),
        _ => return None,
    })
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`
fn parse(text: &str) -> Result<Header, String> {
    let value = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let damaged = |key: &str| format!("its header has no {key} that can be read");
    let quoted = value("descr").ok_or_else(|| damaged("descr"))?;
    let descr = match quoted.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        Some((descr, _)) => descr.to_owned(),
        None => return Err("it holds records or objects and not a table of numbers".into()),
    };
    let order = value("fortran_order").ok_or_else(|| damaged("fortran_order"))?;
    let column_major = match (order.starts_with("True"), order.starts_with("False")) {
        (true, _) => true,
        (_, true) => false,
        _ => return Err(damaged("fortran_order")),
    };
    let shape = value("shape").and_then(|rest| rest.strip_prefix('(')).and_then(|rest| rest.split_once(')'));
    let sizes: Option<Vec<usize>> = shape.and_then(|(sizes, _)| {
        sizes.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
    });
    match sizes.as_deref() {
        Some(&[rows]) if rows > 0 => Ok(Header { descr, column_major, rows, cols: 1 }),
        Some(&[rows, cols]) if rows > 0 && cols > 0 => Ok(Header { descr, column_major, rows, cols }),
        Some(sizes) => Err(format!("it has shape {sizes:?}; a table has two sizes, neither of them 0")),
        None => Err(damaged("shape")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What NumPy writes.
    fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        let padded = format!("{header:<117}\n");
        bytes.extend((padded.len() as u16).to_le_bytes());
        bytes.extend(padded.bytes());
        bytes.extend(numbers);
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> Result<Matrix, ImportError> {
        read(Path::new("u.npy"), bytes, bytes.len() as u64).map(|(matrix, _)| matrix)
    }

    #[test]
    fn both_orders_and_all_floats_are_read() {
        let f32s: Vec<u8> = (1..=6).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let rows = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &f32s);
        assert_eq!(read_bytes(&rows).unwrap().data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let columns = npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", &f32s);
        assert_eq!(read_bytes(&columns).unwrap().data, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        let f64s: Vec<u8> = (1..=2).flat_map(|n| f64::from(n).to_be_bytes()).collect();
        let vector = read_bytes(&npy("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", &f64s)).unwrap();
        assert_eq!((vector.rows, vector.cols, &vector.data[..]), (2, 1, &[1.0, 2.0][..]));
        let halves: Vec<u8> = f16::from_f32(1.5).to_le_bytes().into();
        let half = read_bytes(&npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }", &halves)).unwrap();
        assert_eq!(half.data, [1.5]);
    }

    #[test]
    fn a_claim_that_the_file_does_not_keep_is_refused_before_reading() {
        let huge = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 4000000000), }", &[0; 64]);
        assert!(read_bytes(&huge).unwrap_err().to_string().contains("the file has 64 bytes for all"));
        let tall = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 1), }", &[0; 64]);
        assert!(read_bytes(&tall).unwrap_err().to_string().contains("no shape"));
        let objects = npy("{'descr': '|O', 'fortran_order': False, 'shape': (8, 1), }", &[0; 64]);
        assert!(read_bytes(&objects).unwrap_err().to_string().contains("type |O"));
        let records = npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (16,), }", &[0; 64]);
        assert!(read_bytes(&records).unwrap_err().to_string().contains("records or objects"));
    }

    #[test]
    fn no_truncation_and_no_flip_panics() {
        let numbers: Vec<u8> = (1..=6).flat_map(|n| (n as f32).to_le_bytes()).collect();
        let good = npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", &numbers);
        for end in 0..good.len() {
            assert!(read_bytes(&good[..end]).is_err(), "cut at {end}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                if let Ok(matrix) = read_bytes(&bytes) {
                    assert_eq!(matrix.data.len(), matrix.rows * matrix.cols);
                    assert!(matrix.data.len() <= bytes.len());
                }
            }
        }
    }
}
