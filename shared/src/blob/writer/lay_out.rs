//! Which sections a draft has, and what is in them.

use std::vec::Vec;

use super::assemble::encoded;
use super::bytes::{self, blocked, nibbles, rows_of, strings};
use super::{Draft, FirstDraft, ItemsDraft, LearningDraft, WriteError, check_length, row_count};
use crate::blob::List;
use crate::blob::head::{Head, ItemEncoding, Layer, Layout, MAX_LAYERS, SectionKind};

/// A section on its way into the blob.
pub(super) type Part = (SectionKind, Vec<u8>);

impl Draft {
    fn layout(&self) -> Layout {
        match self.first {
            FirstDraft::Folded { .. } => Layout::Folded,
            FirstDraft::Concat { .. } => Layout::Concat,
            FirstDraft::Dot => Layout::Dot,
        }
    }

    /// The content of each section, in order, and the head, whose section offsets are still to be filled in.
    pub(super) fn lay_out<'h>(&'h self, layers: &'h [u8]) -> Result<(Vec<Part>, Head<'h>), WriteError> {
        use SectionKind as Kind;
        let (first, user, item) =
            (usize::from(self.first_width), usize::from(self.user_width), usize::from(self.item_width));
        let item_rows = row_count(self.item_bias.len(), "item_bias")?;
        let user_rows = self.user_rows()?;
        let users = user_rows as usize;
        let mut parts: Vec<Part> = Vec::new();
        if let FirstDraft::Concat { user_weights, item_weights, bias, .. } = &self.first {
            parts.push((Kind::FirstUserWeights, blocked(user_weights, first, user, "user_weights")?));
            parts.push((Kind::FirstItemWeights, blocked(item_weights, first, item, "item_weights")?));
            parts.push((Kind::FirstBias, rows_of(bias, 1, first, i32::to_le_bytes, "bias")?));
        }
        self.dense_parts(first, &mut parts)?;
        let head = self.head(user_rows, item_rows, layers)?;
        self.output_parts(&head, &mut parts)?;
        match &self.first {
            FirstDraft::Folded { user_table } => {
                parts.push((Kind::UserTable, rows_of(user_table, users, user, i16::to_le_bytes, "user_table")?));
            }
            FirstDraft::Concat { user_table, .. } => {
                parts.push((Kind::UserTable, rows_of(user_table, users, user, i8::to_le_bytes, "user_table")?));
            }
            FirstDraft::Dot => {}
        }
        if let Some(dot) = &self.dot {
            let rows = rows_of(&dot.user_table, users, dot.width.into(), i16::to_le_bytes, "dot.user_table")?;
            parts.push((Kind::UserDotTable, rows));
        }
        for (kind, list, rows, name) in [
            (Kind::UserIds, &self.user_ids, user_rows, "user_ids"),
            (Kind::ItemIds, &self.item_ids, item_rows, "item_ids"),
            (Kind::ItemTitles, &self.item_titles, item_rows, "item_titles"),
        ] {
            if !list.is_empty() {
                check_length(list.len() == (rows as usize).saturating_sub(1), name)?;
                parts.push((kind, strings(list)?));
            }
        }
        parts.push((Kind::ItemBias, self.item_bias.iter().flat_map(|bias| bias.to_le_bytes()).collect()));
        let items = item_rows as usize;
        if let Some(dot) = &self.dot {
            let rows = rows_of(&dot.item_table, items, dot.width.into(), i8::to_le_bytes, "dot.item_table")?;
            parts.push((Kind::ItemDotTable, rows));
        }
        match &self.items {
            _ if self.layout() == Layout::Dot => {}
            ItemsDraft::Int8(table) => {
                parts.push((Kind::ItemTable, rows_of(table, items, item, i8::to_le_bytes, "items")?));
            }
            ItemsDraft::Int4(table) => parts.push((Kind::ItemTable, nibbles(table, items, item, "items")?)),
            ItemsDraft::Pq { codes, .. } => {
                let width = self.codes()?.into();
                parts.push((Kind::ItemTable, rows_of(codes, items, width, u8::to_le_bytes, "items.codes")?));
            }
        }
        if let Some(learning) = &self.learning {
            self.learning_parts(learning, items, &mut parts)?;
        }
        Ok((parts, head))
    }

    /// Appends the sections of learning.
    fn learning_parts(&self, learning: &LearningDraft, items: usize, parts: &mut Vec<Part>) -> Result<(), WriteError> {
        let width = usize::from(learning.width);
        let triangle = width.saturating_mul(width.saturating_add(1)) / 2;
        let method = u16::from(learning.posterior.is_none());
        let mut words: Vec<u8> = [method, learning.width].into_iter().flat_map(u16::to_le_bytes).collect();
        let mut numbers = |values: &[f32], count: usize, name| {
            words.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            check_length(values.len() == count, name)
        };
        if let Some(posterior) = &learning.posterior {
            numbers(&[posterior.noise_variance], 1, "learning.noise_variance")?;
            numbers(&posterior.ridge, triangle, "learning.ridge")?;
            numbers(&posterior.right, width, "learning.right")?;
            numbers(&posterior.demand, triangle, "learning.demand")?;
        }
        let map = usize::from(self.user_width).saturating_mul(width.saturating_add(1));
        numbers(&learning.map, map, "learning.map")?;
        numbers(&learning.dot_map, self.dot.as_ref().map_or(0, |dot| dot.width.into()), "learning.dot_map")?;
        parts.push((SectionKind::Learning, words));
        if let Some(posterior) = &learning.posterior {
            check_length(posterior.bias.len() == items, "learning.bias")?;
            parts
                .push((SectionKind::LearningBias, posterior.bias.iter().flat_map(|bias| bias.to_le_bytes()).collect()));
        }
        if let Some(rows) = &learning.rows {
            parts.push((SectionKind::LearningRows, rows_of(rows, items, width, i8::to_le_bytes, "learning.rows")?));
        }
        Ok(())
    }

    /// How many users the tables have: the net's and the dot term's must agree.
    fn user_rows(&self) -> Result<u32, WriteError> {
        let rows = |values: usize, width: u16| values.checked_div(width.into());
        let net = match &self.first {
            FirstDraft::Folded { user_table } => rows(user_table.len(), self.user_width),
            FirstDraft::Concat { user_table, .. } => rows(user_table.len(), self.user_width),
            FirstDraft::Dot => None,
        };
        let dot = self.dot.as_ref().and_then(|dot| rows(dot.user_table.len(), dot.width));
        row_count(net.or(dot).unwrap_or(0), "user_table")
    }

    /// Codes of an item row; 0 in encodings without.
    fn codes(&self) -> Result<u8, WriteError> {
        let ItemsDraft::Pq { codes, .. } = &self.items else { return Ok(0) };
        let width = codes.len().checked_div(self.item_bias.len()).unwrap_or(0);
        u8::try_from(width).map_err(|_| WriteError::WrongLength("items.codes"))
    }

    /// What belongs to the output: its weights, the codebooks of score tables, and the host's scales.
    fn output_parts(&self, head: &Head<'_>, parts: &mut Vec<Part>) -> Result<(), WriteError> {
        if self.layout() != Layout::Dot {
            let last = self.layers.last().map_or(usize::from(self.first_width), |layer| layer.bias.len());
            let weights = rows_of(&self.output_weights, 1, last, i16::to_le_bytes, "output_weights")?;
            parts.push((SectionKind::OutputWeights, weights));
        }
        if let (ItemsDraft::Pq { codebooks, .. }, ItemEncoding::Pq { codes }) = (&self.items, head.item_encoding) {
            let widths = (0..usize::from(codes)).map(|group| head.group_units(group).len());
            let rows = bytes::codebooks(codebooks, widths, head.group_width(), "items.codebooks")?;
            parts.push((SectionKind::Codebooks, rows));
        }
        let scales = match self.layout() {
            Layout::Folded => usize::from(self.user_width),
            Layout::Concat => 1,
            Layout::Dot => 0,
        };
        check_length(self.user_scales.len() == scales, "user_scales")?;
        let dot_scales = self.dot.as_ref().map_or(&[][..], |dot| &dot.scales);
        check_length(dot_scales.len() == usize::from(head.dot_width), "dot.scales")?;
        let scales = self.user_scales.iter().chain(dot_scales);
        parts.push((SectionKind::UserScales, scales.flat_map(|scale| scale.to_le_bytes()).collect()));
        Ok(())
    }

    /// Appends the two dense sections.
    fn dense_parts(&self, first: usize, parts: &mut Vec<Part>) -> Result<(), WriteError> {
        let (mut weights, mut biases, mut inputs) = (Vec::new(), Vec::new(), first);
        for layer in &self.layers {
            let outputs = layer.bias.len();
            weights.extend(blocked(&layer.weights, outputs, inputs, "layers.weights")?);
            biases.extend(rows_of(&layer.bias, 1, outputs, i32::to_le_bytes, "layers.bias")?);
            inputs = outputs;
        }
        if !self.layers.is_empty() {
            parts.push((SectionKind::DenseWeights, weights));
            parts.push((SectionKind::DenseBias, biases));
        }
        Ok(())
    }

    /// The layers' entries in the head.
    pub(super) fn encoded_layers(&self) -> Result<Vec<u8>, WriteError> {
        check_length(self.layers.len() <= MAX_LAYERS, "layers")?;
        let mut bytes = Vec::new();
        for layer in &self.layers {
            let outputs = u16::try_from(layer.bias.len()).map_err(|_| WriteError::WrongLength("layers.bias"))?;
            bytes.extend(encoded(&Layer { outputs, shift: layer.shift })?);
        }
        Ok(bytes)
    }

    fn head<'h>(&'h self, user_rows: u32, item_rows: u32, layers: &'h [u8]) -> Result<Head<'h>, WriteError> {
        let dot = self.dot.as_ref();
        Ok(Head {
            name: &self.name,
            revision: self.revision,
            layout: self.layout(),
            item_encoding: match self.items {
                ItemsDraft::Int8(_) => ItemEncoding::Int8,
                ItemsDraft::Int4(_) => ItemEncoding::Int4,
                ItemsDraft::Pq { .. } => ItemEncoding::Pq { codes: self.codes()? },
            },
            output_form: self.output_form,
            user_rows,
            item_rows,
            user_width: self.user_width,
            item_width: self.item_width,
            first_width: self.first_width,
            first_shift: if let FirstDraft::Concat { shift, .. } = self.first { shift } else { 0 },
            // At most seven.
            layers: List::new(self.layers.len() as u32, layers),
            hidden_limit: self.hidden_limit,
            user_limit: self.user_limit,
            dot_width: dot.map_or(0, |dot| dot.width),
            dot_limit: dot.map_or(0, |dot| dot.limit),
            dot_shift: dot.map_or(0, |dot| dot.shift),
            logit_fraction_bits: self.logit_fraction_bits,
            item_bias_shift: self.item_bias_shift,
            output_bias: self.output_bias,
            range_low_q16: self.range_low_q16,
            range_span_q16: self.range_span_q16,
            quality: self.quality,
            sections: List::default(),
        })
    }
}
