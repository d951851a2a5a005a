//! A native program in a sandbox, with everything that the kernel has.

pub mod sockets;
