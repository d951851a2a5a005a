//! std's name lookup blocks, so it fails here, with a line in the log that says what to use instead.

use super::abi::{Code, Out};
use crate::{host, log::Level};

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_resolve_addresses(_: u32, _: *const u8, _: usize, out: Out) {
    host::log(
        Level::Error,
        "std's name lookup would stop the whole provider: use igloo::net::resolve or igloo::net::connect",
    );
    out.err(4, Code::PermanentResolverFailure);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_method_resolve_address_stream_resolve_next_address(_: u32, out: Out) {
    out.err(4, Code::PermanentResolverFailure);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_method_resolve_address_stream_subscribe(_: u32) -> u32 {
    super::poll::pollable(super::poll::Pollable::Always)
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_resolve_address_stream_drop(_: u32) {}

/// WASI 0.2 passes "the network" to every call; WASI 0.3 has none.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_instance_network_instance_network() -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_network_network_drop(_: u32) {}
