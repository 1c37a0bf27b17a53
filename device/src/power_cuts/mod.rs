//! Power cuts at every operation, and at every byte of it.
