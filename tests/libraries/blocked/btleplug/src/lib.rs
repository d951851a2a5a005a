//! Whether `btleplug` compiles for a component.

pub use btleplug::platform::Manager;
