//! The sampler as a whole, on data small enough for a closed form, and on data that was made from known factors.
