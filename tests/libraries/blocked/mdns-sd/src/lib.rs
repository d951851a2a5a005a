//! Whether `mdns-sd` compiles for a component.

pub use mdns_sd::ServiceDaemon;
