//! The name server that programs in a sandbox see.
