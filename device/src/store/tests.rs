//! Ratings come, change and go, without power cuts.
