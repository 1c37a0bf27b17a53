//! CollabNN as PyTorch saves it: `user_factors.weight`, `item_factors.weight`, and `layers.N.weight` and `.bias`, where N counts the ReLUs
//! between the layers too. BatchNorm among the layers is folded; a dot term and biases may stand beside the net, as `export` writes them.

use super::error::ImportError;
use super::fastai;
use super::layers;
use super::parts::Parts;
use super::report::Fate;
use super::state_dict::StateDict;

/// The tensor by which it is recognised.
pub(super) const MARKER: &str = "user_factors.weight";

pub(super) fn read(dict: &mut StateDict) -> Result<Parts, ImportError> {
    let users = dict.matrix(MARKER, Fate::Mapped, "user factors")?;
    let items = dict.matrix("item_factors.weight", Fate::Mapped, "item factors")?;
    let layers = layers::read(dict, users.cols + items.cols)?;
    let dot = if dict.has(fastai::DOT_MARKER) { fastai::read_dot(dict)?.dot } else { None };
    Ok(Parts { net: Some((users, items, layers)), dot })
}
