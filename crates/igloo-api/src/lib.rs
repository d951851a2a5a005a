//! The hub's HTTP and WebSocket API.
