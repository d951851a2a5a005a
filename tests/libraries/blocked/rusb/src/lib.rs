//! Whether `rusb` compiles for a component.

pub use rusb::GlobalContext;
