//! Uploads, refusals and rollbacks, without power cuts.
