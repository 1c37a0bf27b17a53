//! From sections to plain numbers: matrices become rows, item rows are decoded, strings become strings.

use super::head::{Encoding, HeadFields, LayoutKind};
use super::learning::Learning;
use super::sections::{SECTION_NAMES, codebook_width, item_row_bytes};
use super::{ensure, pad4, u32_at};

/// A dense layer after the first; rows are outputs, padding included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayer {
    pub weights: Vec<Vec<i64>>,
    pub bias: Vec<i64>,
    pub shift: u32,
}

/// The numbers that only layout `concat` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLayer {
    pub user_weights: Vec<Vec<i64>>,
    pub item_weights: Vec<Vec<i64>>,
    pub bias: Vec<i64>,
    pub shift: u32,
}

/// A blob, unpacked. All widths are the padded ones; what a blob doesn't have are rows without values.
#[derive(Clone, Debug, PartialEq)]
pub struct UnpackedBlob {
    pub head: HeadFields,
    /// `None` in layouts other than `concat`.
    pub first: Option<FirstLayer>,
    pub layers: Vec<DenseLayer>,
    pub output_weights: Vec<i64>,
    /// One for each code: 256 rows, padding included.
    pub codebooks: Vec<Vec<Vec<i64>>>,
    pub user_scales: Vec<f32>,
    pub user_table: Vec<Vec<i64>>,
    pub user_dot_table: Vec<Vec<i64>>,
    pub user_ids: Option<Vec<String>>,
    pub item_ids: Option<Vec<String>>,
    pub item_titles: Option<Vec<String>>,
    pub item_bias: Vec<i64>,
    pub item_dot_table: Vec<Vec<i64>>,
    /// The decoded rows.
    pub item_table: Vec<Vec<i64>>,
    /// What the owner's vector is learned from.
    pub learning: Option<Learning>,
    /// The codes of product-quantised rows, without padding; rows without codes in other encodings.
    pub item_codes: Vec<Vec<u8>>,
}

impl UnpackedBlob {
    /// `body` is the blob without its CRC; the sections lie where the head says.
    pub(super) fn unpack(body: &[u8], head: HeadFields) -> Result<Self, String> {
        let bytes_of = |name: &str| -> Option<&[u8]> {
            let entry = head.sections.iter().find(|entry| SECTION_NAMES[entry.kind] == name)?;
            body.get(entry.offset..entry.offset + entry.length)
        };
        let i8s = |name| i8s(bytes_of(name).unwrap_or_default());
        let i16s = |name| {
            let pairs = bytes_of(name).unwrap_or_default().chunks_exact(2);
            pairs.map(|pair| i64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect::<Vec<_>>()
        };
        let words = |name| {
            let quads = bytes_of(name).unwrap_or_default().chunks_exact(4);
            quads.map(|quad| u32_at(quad, 0)).collect::<Vec<u32>>()
        };
        let i32s = |name| words(name).into_iter().map(|word| i64::from(word as i32)).collect::<Vec<_>>();
        let strings = |name: &str, count| bytes_of(name).map(|bytes| read_strings(bytes, count, name)).transpose();

        let h = pad4(head.first_width);
        let concat = head.layout == LayoutKind::Concat;
        let first = concat.then(|| FirstLayer {
            user_weights: unblock(&i8s("first_user_weights"), h, pad4(head.user_width)),
            item_weights: unblock(&i8s("first_item_weights"), h, pad4(head.item_width)),
            bias: i32s("first_bias"),
            shift: head.first_shift,
        });
        let user_values = if concat { i8s("user_table") } else { i16s("user_table") };
        let codebooks = read_codebooks(&head, &i8s("codebooks"));
        let encoded = rows(bytes_of("item_table").unwrap_or_default(), head.item_rows, item_row_bytes(&head));
        let codes = if let Encoding::Pq(codes) = head.item_encoding { codes } else { 0 };
        let item_dot_table = rows(&i8s("item_dot_table"), head.item_rows, pad4(head.dot_width));
        let sections = ["learning", "learning_bias", "learning_rows"].map(bytes_of);
        let learning = Learning::unpack(&head, sections, &item_dot_table)?;
        Ok(Self {
            first,
            learning,
            layers: unpack_layers(&head, &i8s("dense_weights"), &i32s("dense_bias")),
            output_weights: i16s("output_weights"),
            user_scales: words("user_scales").into_iter().map(f32::from_bits).collect(),
            user_table: rows(&user_values, head.user_rows, pad4(head.user_width)),
            user_dot_table: rows(&i16s("user_dot_table"), head.user_rows, pad4(head.dot_width)),
            user_ids: strings("user_ids", head.user_rows - 1)?,
            item_ids: strings("item_ids", head.item_rows - 1)?,
            item_titles: strings("item_titles", head.item_rows - 1)?,
            item_bias: i16s("item_bias"),
            item_dot_table,
            item_table: encoded.iter().map(|row| decode(&head, &codebooks, row)).collect(),
            item_codes: encoded.iter().map(|row| row[..codes].to_vec()).collect(),
            codebooks,
            head,
        })
    }
}

fn i8s(bytes: &[u8]) -> Vec<i64> {
    bytes.iter().map(|&byte| i64::from(byte as i8)).collect()
}

/// Rows of a table, one after the other; `count` rows without values where the table is absent.
fn rows<T: Clone>(values: &[T], count: usize, width: usize) -> Vec<Vec<T>> {
    if width == 0 {
        return vec![Vec::new(); count];
    }
    values.chunks(width).map(<[T]>::to_vec).collect()
}

/// Undoes the order of blocks of 4 by 4.
fn unblock(values: &[i64], rows: usize, columns: usize) -> Vec<Vec<i64>> {
    let mut matrix = vec![vec![0; columns]; rows];
    for (position, &value) in values.iter().enumerate() {
        let (block, within) = (position / 16, position % 16);
        let (block_row, block_column) = (block / (columns / 4), block % (columns / 4));
        matrix[4 * block_row + within / 4][4 * block_column + within % 4] = value;
    }
    matrix
}

fn unpack_layers(head: &HeadFields, mut weights: &[i64], mut bias: &[i64]) -> Vec<DenseLayer> {
    let mut layers = Vec::new();
    for ((outputs, inputs), &(_, shift)) in head.dense_shapes().into_iter().zip(&head.layers) {
        let (matrix, other_weights) = weights.split_at(outputs * inputs);
        let (row_bias, other_bias) = bias.split_at(outputs);
        layers.push(DenseLayer { weights: unblock(matrix, outputs, inputs), bias: row_bias.to_vec(), shift });
        (weights, bias) = (other_weights, other_bias);
    }
    layers
}

fn read_codebooks(head: &HeadFields, values: &[i64]) -> Vec<Vec<Vec<i64>>> {
    let Encoding::Pq(codes) = head.item_encoding else { return Vec::new() };
    let width = codebook_width(head, codes);
    values.chunks(256 * width).map(|codebook| rows(codebook, 256, width)).collect()
}

/// Section "Item rows": the row that the stored bytes stand for.
fn decode(head: &HeadFields, codebooks: &[Vec<Vec<i64>>], row: &[u8]) -> Vec<i64> {
    let width = pad4(head.item_width);
    match head.item_encoding {
        Encoding::Int8 => i8s(row),
        Encoding::Int4 => (0..width).map(|unit| 16 * nibble(row, unit)).collect(),
        Encoding::Pq(_) => {
            let mut decoded = vec![0; width];
            for (group, units) in head.groups().into_iter().enumerate() {
                let centroid = &codebooks[group][usize::from(row[group])];
                for (position, unit) in units.enumerate() {
                    decoded[unit] = centroid[position];
                }
            }
            decoded
        }
    }
}

/// Byte 4g + k holds unit 8g + k in its low half and unit 8g + 4 + k in its high half.
fn nibble(row: &[u8], unit: usize) -> i64 {
    let (group, within) = (unit / 8, unit % 8);
    let byte = i64::from(row[4 * group + within % 4]);
    let unsigned = if within < 4 { byte % 16 } else { byte / 16 };
    if unsigned < 8 { unsigned } else { unsigned - 16 }
}

fn read_strings(bytes: &[u8], count: usize, name: &str) -> Result<Vec<String>, String> {
    let (offsets, text) = bytes.split_at(4 * (count + 1));
    let offsets: Vec<usize> = offsets.chunks_exact(4).map(|quad| u32_at(quad, 0) as usize).collect();
    let text = std::str::from_utf8(text).map_err(|error| format!("{name}: {error}"))?;
    ensure(offsets[0] == 0, format_args!("the first offset of {name} is not 0"))?;
    ensure(offsets[count] == text.len(), format_args!("the last offset of {name} is not the length of the text"))?;
    offsets
        .windows(2)
        .map(|pair| text.get(pair[0]..pair[1]).map(str::to_owned).ok_or_else(|| format!("offsets of {name}: {pair:?}")))
        .collect()
}
