//! Files of weights: what is saved is loaded, and what is wrong is named.

use super::super::tests::by_hand;
use super::writer::Tensor;
use super::*;
use crate::weights::{DotFactors, OutputForm};
use safetensors::SafeTensors;

fn load(bytes: &[u8]) -> Result<Weights, WeightsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, bytes).unwrap();
    Weights::load(&path)
}

fn message(bytes: &[u8]) -> String {
    load(bytes).unwrap_err().to_string()
}

/// The bytes of `by_hand` with one tensor changed.
fn with(name: &str, change: impl Fn(&mut Dtype, &mut Vec<usize>, &mut Vec<u8>)) -> Vec<u8> {
    let bytes = by_hand().to_bytes().unwrap();
    let mut writer = Writer::default();
    for (tensor, view) in SafeTensors::deserialize(&bytes).unwrap().iter() {
        let (mut dtype, mut shape, mut data) = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        if tensor == name {
            change(&mut dtype, &mut shape, &mut data);
        }
        if !shape.is_empty() {
            writer.tensors.push((tensor.into(), Tensor { dtype, shape, bytes: data.into() }));
        }
    }
    writer.finish(json!({ "info": {}, "y_range": [0, 4] })).unwrap()
}

#[test]
fn what_is_saved_is_loaded() {
    let weights = by_hand();
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
}

#[test]
fn a_dot_term_is_saved_beside_a_net_and_alone() {
    let mut weights = by_hand();
    let factors = |rows: usize| Matrix { rows, cols: 2, data: (0..2 * rows).map(|x| x as f32).collect() };
    weights.dot = Some(DotFactors { users: factors(2), items: factors(3) });
    let beside = weights.to_bytes().unwrap();
    assert_eq!(load(&beside).unwrap(), weights);
    weights.item_bias = vec![0.5, -1.0, 2.0];
    weights.output = OutputForm::Linear;
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
    weights.item_bias.pop();
    assert!(message(&weights.to_bytes().unwrap()).contains("tensor item_bias has shape [2], expected [3]"));
    weights.item_bias.clear();
    weights.layers.clear();
    (weights.user_factors, weights.item_factors) = (Matrix::zeros(2, 0), Matrix::zeros(3, 0));
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
    weights.dot = Some(DotFactors { users: factors(3), items: factors(3) });
    let wrong = message(&weights.to_bytes().unwrap());
    assert!(wrong.contains("user_ids is damaged"), "{wrong}");
}

#[test]
fn the_rows_of_a_history_are_as_wide_as_a_user_of_the_dot_term_or_else_of_the_net() {
    let mut weights = by_hand();
    let factors = |rows: usize| Matrix { rows, cols: 2, data: (0..2 * rows).map(|x| x as f32).collect() };
    weights.history = Some(factors(3));
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
    weights.dot = Some(DotFactors { users: Matrix::zeros(2, 1), items: Matrix::zeros(3, 1) });
    assert!(message(&weights.to_bytes().unwrap()).contains("expected [3, 1]"));
    weights.dot = Some(DotFactors { users: factors(2), items: factors(3) });
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
    weights.layers.clear();
    (weights.user_factors, weights.item_factors) = (Matrix::zeros(2, 0), Matrix::zeros(3, 0));
    assert_eq!(load(&weights.to_bytes().unwrap()).unwrap(), weights);
    weights.history = Some(factors(4));
    let wrong = message(&weights.to_bytes().unwrap());
    assert!(wrong.contains("tensor history_factors has shape [4, 2], expected [3, 2]"), "{wrong}");
}

#[test]
fn the_metadata_is_sorted_and_under_one_key() {
    let bytes = by_hand().to_bytes().unwrap();
    let expected =
        r#"{\"info\":{\"a\":{\"b\":[1],\"y\":2.5},\"z\":1},\"output\":\"sigmoid-range\",\"y_range\":[0.0,4.0]}"#;
    let expected = format!(r#"{{"__metadata__":{{"matchstick":"{expected}"}},"#);
    assert!(bytes[8..].starts_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&bytes[8..400]));
}

#[test]
fn a_missing_tensor_is_named() {
    for name in ["user_factors.weight", "layers.0.bias", "layers.4.bias", "layers.2.bias"] {
        let message = message(&with(name, |_, shape, _| shape.clear()));
        assert!(message.contains(&format!("tensor {name} is missing")), "{message}");
    }
}

#[test]
fn a_wrong_shape_is_named() {
    let message = message(&with("layers.2.weight", |_, shape, _| shape.reverse()));
    assert!(message.contains("tensor layers.2.weight has shape [2, 1], expected [any, 2]"), "{message}");
}

#[test]
fn a_tensor_of_another_net_is_named() {
    let bytes = by_hand().to_bytes().unwrap();
    let mut writer = Writer::default();
    for (tensor, view) in SafeTensors::deserialize(&bytes).unwrap().iter() {
        let (dtype, shape, bytes) = (view.dtype(), view.shape().to_vec(), view.data().to_vec().into());
        writer.tensors.push((tensor.into(), Tensor { dtype, shape, bytes }));
    }
    writer.floats("layers.1.running_mean", vec![1], &[0.0]);
    let message = message(&writer.finish(json!({ "info": {}, "y_range": [0, 4] })).unwrap());
    assert!(message.contains("layers.1.running_mean is no part of a CollabNN"), "{message}");
}

#[test]
fn half_precision_and_nan_are_refused() {
    let bytes = with("layers.2.bias", |dtype, shape, _| {
        *dtype = Dtype::F16;
        shape[0] *= 2;
    });
    assert!(message(&bytes).contains("layers.2.bias has numbers of type F16, expected F32"));
    let bytes = with("item_factors.weight", |_, _, data| data[4..8].copy_from_slice(&f32::NAN.to_le_bytes()));
    assert!(message(&bytes).contains("item_factors.weight holds a number that is not finite, at position 1"));
}

#[test]
fn ids_that_do_not_match_the_rows_are_refused() {
    let bytes = with("user_ids", |_, shape, data| {
        *data = b"[]".to_vec();
        shape[0] = 2;
    });
    assert!(message(&bytes).contains("user_ids is damaged: 0 entries for 1 rows"));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = by_hand().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(load(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn a_missing_file_and_an_unwritable_target_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/model.safetensors");
    assert!(Weights::load(&path).unwrap_err().to_string().contains("no/model.safetensors"));
    assert!(by_hand().save(&path).unwrap_err().to_string().starts_with("cannot write"));
}
