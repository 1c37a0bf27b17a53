//! What this build of the engine can run: the features as constants, so that the rest of a model's code is compiled, checked and then dropped.

/// Nets whose units are computed one by one.
pub(crate) const LAYERS: bool = cfg!(feature = "layers");
/// Item rows of int4.
pub(crate) const INT4: bool = cfg!(feature = "int4");
/// Item rows of product quantisation.
pub(crate) const PQ: bool = cfg!(feature = "pq");
/// Dot terms.
pub(crate) const DOT: bool = cfg!(feature = "dot");
/// Output forms other than sigmoid-range.
pub(crate) const OUTPUT_FORMS: bool = cfg!(feature = "output-forms");
/// Ids and titles.
pub(crate) const NAMES: bool = cfg!(feature = "names");
/// The owner's vector from what they rated or touched.
pub(crate) const LEARN: bool = cfg!(feature = "learn");
/// Whether the sections of learning are remembered, as a number.
pub(crate) const LEARNING_SECTIONS: usize = if LEARN { 1 } else { 0 };
/// Sections of ids and titles that are remembered.
pub(crate) const STRING_SECTIONS: usize = if NAMES { 3 } else { 0 };
