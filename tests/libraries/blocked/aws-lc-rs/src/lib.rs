//! Whether `aws-lc-rs` compiles for a component.

pub use aws_lc_rs::digest::SHA256;
