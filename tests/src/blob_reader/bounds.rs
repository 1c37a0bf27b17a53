//! Section 7 of `numerics.md`, by adding up: no accumulator can overflow, and stored users keep to their limits.

use super::ensure;
use super::head::LayoutKind;
use super::unpack::UnpackedBlob;

pub(super) fn check(blob: &UnpackedBlob) -> Result<(), String> {
    let head = &blob.head;
    if let Some(first) = &blob.first {
        for ((user, item), bias) in first.user_weights.iter().zip(&first.item_weights).zip(&first.bias) {
            within(128 * (magnitude(user) + magnitude(item)) + bias.abs(), "the first layer")?;
        }
    }
    let mut largest_hidden = match head.layout {
        LayoutKind::Folded => head.user_limit + 127,
        LayoutKind::Concat | LayoutKind::Dot => head.hidden_limit,
    };
    for layer in &blob.layers {
        for (row, bias) in layer.weights.iter().zip(&layer.bias) {
            within(largest_hidden * magnitude(row) + bias.abs(), "a dense layer")?;
        }
        largest_hidden = head.hidden_limit;
    }
    within(net(blob, largest_hidden)? + dot_term(blob) + head.output_bias.abs(), "the output")?;
    check_users(blob)
}

fn magnitude(values: &[i64]) -> i64 {
    values.iter().map(|value| value.abs()).sum()
}

fn within(sum: i64, what: &str) -> Result<(), String> {
    ensure(sum < 1 << 31, format_args!("the accumulator of {what} can reach {sum}"))
}

/// What the net and the item bias can add to a logit.
fn net(blob: &UnpackedBlob, largest_hidden: i64) -> Result<i64, String> {
    let head = &blob.head;
    let unit = 1 << head.item_bias_shift;
    if !head.has_partials() {
        return Ok(magnitude(&blob.output_weights) * largest_hidden + 32_768 * unit);
    }
    let mut entries = 32_768;
    for (group, units) in head.groups().into_iter().enumerate() {
        let entry = (largest_hidden * magnitude(&blob.output_weights[units]) + unit / 2) / unit;
        ensure(entry <= 32_767, format_args!("an entry of score table {group} can reach {entry}"))?;
        entries += entry;
    }
    Ok(entries * unit)
}

/// What the dot term can add to a logit.
fn dot_term(blob: &UnpackedBlob) -> i64 {
    let head = &blob.head;
    let padded = blob.user_dot_table.first().map_or(0, Vec::len) as i64;
    (padded * 128 * (head.dot_limit + 1)) << head.dot_shift
}

fn check_users(blob: &UnpackedBlob) -> Result<(), String> {
    for (rows, limit) in [(&blob.user_table, blob.head.user_limit), (&blob.user_dot_table, blob.head.dot_limit)] {
        for value in rows.iter().flatten() {
            ensure((-limit - 1..=limit).contains(value), format_args!("a stored user has the value {value}"))?;
        }
    }
    Ok(())
}
