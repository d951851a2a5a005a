//! Whether `native-tls` compiles for a component.

pub use native_tls::TlsConnector;
