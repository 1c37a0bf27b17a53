//! From a blob back to a draft, so that a test can leave parts out (titles, stored users) and write the rest anew.

use matchstick::blob::writer::{DenseDraft, DotDraft, Draft, FirstDraft, ItemsDraft, LearningDraft, PosteriorDraft};
use matchstick::blob::{OutputForm, Quality};

use crate::blob_reader::{Encoding, Form, LayoutKind, Learning, UnpackedBlob};

/// The draft that a blob was written from.
pub fn redraft(blob: &UnpackedBlob) -> Draft {
    let head = &blob.head;
    let [pairs, float_rmse, fixed_rmse, overlap] = head.quality;
    let mut inputs = head.first_width;
    let mut layers = Vec::new();
    for (layer, &(outputs, shift)) in blob.layers.iter().zip(&head.layers) {
        let weights = flat(&layer.weights[..outputs], inputs, |value| value as i8);
        let bias = narrow(&layer.bias[..outputs], |value| value as i32);
        layers.push(DenseDraft { weights, bias, shift: shift as u8 });
        inputs = outputs;
    }
    Draft {
        name: head.name.clone(),
        revision: head.revision,
        user_width: head.user_width as u16,
        item_width: head.item_width as u16,
        first_width: head.first_width as u16,
        first: first(blob),
        layers,
        output_weights: narrow(&blob.output_weights[..inputs], |value| value as i16),
        output_bias: head.output_bias as i32,
        item_bias: narrow(&blob.item_bias, |value| value as i16),
        item_bias_shift: head.item_bias_shift as u8,
        items: items(blob),
        dot: dot(blob),
        hidden_limit: head.hidden_limit as u16,
        user_limit: head.user_limit as u16,
        logit_fraction_bits: head.logit_fraction_bits as u8,
        output_form: match head.output_form {
            Form::SigmoidRange => OutputForm::SigmoidRange,
            Form::TanhRange => OutputForm::TanhRange,
            Form::Linear => OutputForm::Linear,
            Form::Score => OutputForm::Score,
        },
        range_low_q16: head.range_low_q16 as i32,
        range_span_q16: head.range_span_q16 as u32,
        quality: Quality { pairs, float_rmse, fixed_rmse, overlap },
        user_scales: blob.user_scales[..blob.user_scales.len() - head.dot_width].to_vec(),
        user_ids: blob.user_ids.clone().unwrap_or_default(),
        item_ids: blob.item_ids.clone().unwrap_or_default(),
        item_titles: blob.item_titles.clone().unwrap_or_default(),
        learning: blob.learning.as_ref().map(learning),
    }
}

/// The draft without stored users, ids and titles: the smallest blob that scores the same for vectors from outside.
pub fn bare(blob: &UnpackedBlob) -> Draft {
    let mut bare = blob.clone();
    bare.user_table.truncate(1);
    bare.user_dot_table.truncate(1);
    Draft { user_ids: Vec::new(), item_ids: Vec::new(), item_titles: Vec::new(), learning: None, ..redraft(&bare) }
}

fn learning(learning: &Learning) -> LearningDraft {
    LearningDraft {
        width: learning.width as u16,
        posterior: learning.prior.as_ref().map(|prior| PosteriorDraft {
            noise_variance: prior.noise_variance,
            ridge: prior.ridge.concat(),
            right: prior.right.clone(),
            demand: prior.demand.concat(),
            bias: narrow(&prior.bias, |value| value as i16),
        }),
        rows: (!learning.shares_rows).then(|| flat(&learning.rows, learning.width, |value| value as i8)),
        map: learning.map.concat(),
        dot_map: learning.dot_map.clone(),
    }
}

fn first(blob: &UnpackedBlob) -> FirstDraft {
    let head = &blob.head;
    match &blob.first {
        None if head.layout == LayoutKind::Dot => FirstDraft::Dot,
        None => FirstDraft::Folded { user_table: flat(&blob.user_table, head.user_width, |value| value as i16) },
        Some(first) => FirstDraft::Concat {
            user_table: flat(&blob.user_table, head.user_width, |value| value as i8),
            user_weights: flat(&first.user_weights[..head.first_width], head.user_width, |value| value as i8),
            item_weights: flat(&first.item_weights[..head.first_width], head.item_width, |value| value as i8),
            bias: narrow(&first.bias[..head.first_width], |value| value as i32),
            shift: first.shift as u8,
        },
    }
}

fn items(blob: &UnpackedBlob) -> ItemsDraft {
    let head = &blob.head;
    match head.item_encoding {
        Encoding::Int8 => ItemsDraft::Int8(flat(&blob.item_table, head.item_width, |value| value as i8)),
        Encoding::Int4 => ItemsDraft::Int4(flat(&blob.item_table, head.item_width, |value| (value / 16) as i8)),
        Encoding::Pq(_) => {
            let codebooks = blob.codebooks.iter().zip(head.groups());
            ItemsDraft::Pq {
                codes: blob.item_codes.concat(),
                codebooks: codebooks.flat_map(|(rows, units)| flat(rows, units.len(), |value| value as i8)).collect(),
            }
        }
    }
}

fn dot(blob: &UnpackedBlob) -> Option<DotDraft> {
    let head = &blob.head;
    (head.dot_width > 0).then(|| DotDraft {
        width: head.dot_width as u16,
        limit: head.dot_limit as u16,
        shift: head.dot_shift as u8,
        user_table: flat(&blob.user_dot_table, head.dot_width, |value| value as i16),
        item_table: flat(&blob.item_dot_table, head.dot_width, |value| value as i8),
        scales: blob.user_scales[blob.user_scales.len() - head.dot_width..].to_vec(),
    })
}

/// Rows without their padding, one after the other.
fn flat<T>(rows: &[Vec<i64>], width: usize, to: impl Fn(i64) -> T) -> Vec<T> {
    rows.iter().flat_map(|row| narrow(&row[..width], &to)).collect()
}

fn narrow<T>(values: &[i64], to: impl Fn(i64) -> T) -> Vec<T> {
    values.iter().map(|&value| to(value)).collect()
}
