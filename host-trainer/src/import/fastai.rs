//! What fastai's `learn.save` writes of a `collab_learner`: EmbeddingNN (`use_nn=True`) and EmbeddingDotBias.
//!
//! EmbeddingNN is `embeds.0` for users and `embeds.1` for items, then blocks `layers.N` of a linear layer (without a bias where a BatchNorm
//! makes up for it), ReLU, BatchNorm and dropout, or with `lin_first=False` of BatchNorm, dropout, linear layer and ReLU. Which of the two it
//! is, the shapes say: a BatchNorm has one dimension and a running mean. `bn_cont` would norm further columns, of which there are none.

use super::error::ImportError;
use super::layers;
use super::parts::{Dot, Parts};
use super::report::Fate;
use super::state_dict::StateDict;

/// The tensor by which EmbeddingNN is recognised.
pub(super) const NET_MARKER: &str = "embeds.0.weight";
/// The tensor by which EmbeddingDotBias is recognised.
pub(super) const DOT_MARKER: &str = "u_weight.weight";

pub(super) fn read_net(dict: &mut StateDict) -> Result<Parts, ImportError> {
    let users = dict.matrix(NET_MARKER, Fate::Mapped, "user factors")?;
    let items = dict.matrix("embeds.1.weight", Fate::Mapped, "item factors")?;
    for part in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"] {
        let name = format!("bn_cont.{part}");
        let is_empty = |shape: &[usize]| shape.is_empty() || shape.contains(&0);
        // One that isn't empty norms columns beside user and item: nobody takes it, and so it is refused.
        if dict.info(&name).is_some_and(|info| is_empty(&info.shape)) {
            dict.ignore(&name, "norms no column");
        }
    }
    let layers = layers::read(dict, users.cols + items.cols)?;
    Ok(Parts { net: Some((users, items, layers)), dot: None })
}

pub(super) fn read_dot(dict: &mut StateDict) -> Result<Parts, ImportError> {
    let users = dict.matrix(DOT_MARKER, Fate::Mapped, "user factors of the dot product")?;
    let items = dict.matrix("i_weight.weight", Fate::Mapped, "item factors of the dot product")?;
    if users.cols != items.cols {
        return Err(dict.shape("i_weight.weight", vec![items.rows, items.cols], &format!("[any, {}]", users.cols)));
    }
    let what = "user bias, as a column of the dot product whose item side is 1";
    let user_bias = match dict.has("u_bias.weight") {
        true => dict.vector("u_bias.weight", users.rows, Fate::Mapped, what)?,
        false => Vec::new(),
    };
    let item_bias = match dict.has("i_bias.weight") {
        true => dict.vector("i_bias.weight", items.rows, Fate::Mapped, "item bias")?,
        false => Vec::new(),
    };
    Ok(Parts { net: None, dot: Some(Dot { users, items, user_bias, item_bias, mean: 0.0 }) })
}
