//! The only callers of real time and randomness.
