//! Whether `quinn` compiles for a component.

pub use quinn::Endpoint;
