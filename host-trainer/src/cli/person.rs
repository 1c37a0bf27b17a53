//! Whom to score or rank for: a user of the blob, or a user of the model that the blob was made from.
//!
//! Either way the engine gets a vector of its own integers, and all arithmetic that follows is the engine's.

use matchstick_trainer::evaluate::{EvaluateError, Users, stored_vector};
use matchstick_trainer::weights::Weights;
use miette::Diagnostic;
use thiserror::Error;

use super::failure::{DATA, USAGE};
use super::lookup::{Kind, LookupError, Names};
use super::open::{BlobFile, OpenError};

/// Asks for the unknown user, unless somebody's id is this.
const UNKNOWN: &str = "0";

/// There is no vector for whoever was asked for.
#[derive(Debug, Error, Diagnostic)]
pub enum PersonError {
    #[error("`{blob}` holds no table of users, so user `{asked}` can't be found in it")]
    #[diagnostic(help(
        "give the model that it was made from with --model model.safetensors, or quantise with --users all; 0 is the unknown user"
    ))]
    NoUsers { blob: String, asked: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Evaluate(#[from] EvaluateError),
}

impl PersonError {
    /// That a needed option is missing is a bad call; everything else is data.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::NoUsers { .. }) { USAGE } else { DATA }
    }
}

/// A person as the engine sees one.
pub struct Person {
    /// How messages and tables call them.
    pub name: String,
    /// Their id, when they are in the data.
    pub id: Option<String>,
    /// The vector in the blob's own units, (user_width).
    pub vector: Vec<i16>,
}

impl Person {
    /// The user called `asked`: in the model's table of users when there is a model, else in the blob's.
    pub fn find(asked: &str, blob: &BlobFile, weights: Option<&Weights>) -> Result<Self, PersonError> {
        let model = blob.model()?;
        if asked == UNKNOWN && !Self::ids(blob, weights)?.iter().any(|id| id == asked) {
            return Ok(Self { name: "the unknown user".to_owned(), id: None, vector: stored_vector(&model, 0) });
        }
        let (names, users) = match weights {
            Some(weights) => {
                let names = Names::new(
                    Kind::User,
                    "the model",
                    weights.user_factors.rows,
                    weights.user_ids.clone(),
                    Vec::new(),
                );
                (names, Users::Weights(weights))
            }
            None if model.user_rows() <= 1 => {
                return Err(PersonError::NoUsers { blob: blob.name(), asked: asked.to_owned() });
            }
            None => (blob.users()?, Users::Stored),
        };
        let row = names.find(asked)?;
        let id = names.id(row);
        Ok(Self { name: format!("user {id}"), id: Some(id), vector: users.vector(&model, row)? })
    }

    fn ids(blob: &BlobFile, weights: Option<&Weights>) -> Result<Vec<String>, OpenError> {
        match weights {
            Some(weights) => Ok(weights.user_ids.clone()),
            None => Ok(blob.users()?.into_ids()),
        }
    }
}
