//! Whether `paho-mqtt` compiles for a component.

pub use paho_mqtt::AsyncClient;
