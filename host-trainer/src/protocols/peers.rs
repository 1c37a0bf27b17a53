//! What others reach under the same protocols, as they publish it or as their libraries were measured.

use serde::Serialize;

use super::Protocol;

/// A figure that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peer {
    pub name: &'static str,
    /// Which of the protocol's measures.
    pub measure: &'static str,
    pub value: f64,
    pub source: &'static str,
}

const SURPRISE: &str = "Surprise 1.1 with its defaults, run under this protocol";
const PYTORCH: &str = "PyTorch, AdamW and one-cycle, run under this protocol";
const FASTAI: &str = "Howard and Gugger, Deep Learning for Coders, chapter 8";

const fn rmse(name: &'static str, value: f64, source: &'static str) -> Peer {
    Peer { name, measure: "rmse", value, source }
}

const fn mse(name: &'static str, value: f64) -> Peer {
    Peer { name, measure: "mse", value, source: FASTAI }
}

const U1_U5: &[Peer] = &[
    rmse("SVD", 0.9380, SURPRISE),
    rmse("KNNBaseline", 0.9323, SURPRISE),
    rmse("SVD++", 0.9218, SURPRISE),
    rmse("CollabNN on the ratings", 0.9302, PYTORCH),
];
const UA_UB: &[Peer] = &[
    rmse("SVD", 0.9586, SURPRISE),
    rmse("KNNBaseline", 0.9601, SURPRISE),
    rmse("SVD++", 0.9435, SURPRISE),
    rmse("CollabNN on the ratings", 0.9576, PYTORCH),
];
const LATEST_SMALL: &[Peer] = &[
    rmse("SVD", 0.8726, SURPRISE),
    rmse("KNNBaseline", 0.8748, SURPRISE),
    rmse("SVD++", 0.8626, SURPRISE),
    rmse("CollabNN on the ratings", 0.8650, PYTORCH),
];
const FASTAI_CH8: &[Peer] = &[mse("collab_learner, use_nn=True", 0.8675), mse("dot product with bias", 0.8217)];

const MS: &str = "Microsoft Recommenders, benchmark on MovieLens 100K; the split is theirs in kind, not in its rows";

const fn ndcg(name: &'static str, value: f64) -> Peer {
    Peer { name, measure: "ndcg10", value, source: MS }
}

const MS_RECOMMENDERS: &[Peer] = &[
    ndcg("SVD", 0.096),
    ndcg("FastAI", 0.148),
    ndcg("NCF", 0.396),
    ndcg("LightGCN", 0.420),
    ndcg("BPR", 0.442),
    ndcg("BiVAE", 0.475),
];

/// Those of a protocol.
pub fn of(protocol: Protocol) -> &'static [Peer] {
    match protocol {
        Protocol::Ml100kU1U5 => U1_U5,
        Protocol::Ml100kUaUb => UA_UB,
        Protocol::MlLatestSmall => LATEST_SMALL,
        Protocol::FastaiCh8 => FASTAI_CH8,
        Protocol::MsRecommenders => MS_RECOMMENDERS,
        Protocol::FoldIn | Protocol::FoldIn5 => &[],
    }
}
