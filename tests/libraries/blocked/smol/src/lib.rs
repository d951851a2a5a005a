//! Whether `smol` compiles for a component.

pub use smol::net::TcpStream;
