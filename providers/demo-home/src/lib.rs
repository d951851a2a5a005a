//! A simulated home.
