//! Byte streams: those of a connection are served here, all others go on to the host.

use super::{
    abi::Out,
    poll::{Pollable, pollable},
    table::{self, Object},
    tcp::Read,
};

mod host {
    use super::Out;
    #[link(wasm_import_module = "wasi:io/streams@0.2.0")]
    unsafe extern "C" {
        #[link_name = "[method]input-stream.read"]
        pub(super) fn read(handle: u32, max: u64, out: Out);
        #[link_name = "[method]input-stream.blocking-read"]
        pub(super) fn blocking_read(handle: u32, max: u64, out: Out);
        #[link_name = "[method]input-stream.subscribe"]
        pub(super) fn input_subscribe(handle: u32) -> u32;
        #[link_name = "[resource-drop]input-stream"]
        pub(super) fn input_drop(handle: u32);
        #[link_name = "[method]output-stream.check-write"]
        pub(super) fn check_write(handle: u32, out: Out);
        #[link_name = "[method]output-stream.write"]
        pub(super) fn write(handle: u32, bytes: *const u8, count: usize, out: Out);
        #[link_name = "[method]output-stream.blocking-write-and-flush"]
        pub(super) fn blocking_write_and_flush(handle: u32, bytes: *const u8, count: usize, out: Out);
        #[link_name = "[method]output-stream.flush"]
        pub(super) fn flush(handle: u32, out: Out);
        #[link_name = "[method]output-stream.blocking-flush"]
        pub(super) fn blocking_flush(handle: u32, out: Out);
        #[link_name = "[method]output-stream.subscribe"]
        pub(super) fn output_subscribe(handle: u32) -> u32;
        #[link_name = "[resource-drop]output-stream"]
        pub(super) fn output_drop(handle: u32);
    }
}

mod host_error {
    #[link(wasm_import_module = "wasi:io/error@0.2.0")]
    unsafe extern "C" {
        #[link_name = "[resource-drop]error"]
        pub(super) fn drop(handle: u32);
    }
}

/// `err(closed)` of a result whose payload is at `payload`.
fn closed(out: Out, payload: usize) {
    out.u8(0, 1);
    out.u8(payload, 1);
}

/// `err(last-operation-failed(…))`. wasi-libc looks at nothing of the error but its handle, to drop it.
fn failed(out: Out, payload: usize) {
    out.u8(0, 1);
    out.u8(payload, 0);
    out.u32(payload + 4, FAILED);
}

/// The handle of every stream error of ours.
const FAILED: u32 = u32::MAX;

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_io_error_error_drop(handle: u32) {
    if handle != FAILED {
        // SAFETY: the handle is the host's, and its owner gives it up.
        unsafe { host_error::drop(handle) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_input_stream_read(handle: u32, max: u64, out: Out) {
    match table::get(handle) {
        Some(Object::Input(connection)) => connection.read(max as usize, false, |read| match read {
            Read::Bytes(bytes) => {
                out.ok();
                out.list(4, bytes, bytes.len());
            }
            Read::End => closed(out, 4),
            Read::Failed => failed(out, 4),
        }),
        // SAFETY: the handle is the host's.
        _ => unsafe { host::read(handle, max, out) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_input_stream_blocking_read(handle: u32, max: u64, out: Out) {
    if table::is_ours(handle) {
        __wasm_import_streams_method_input_stream_read(handle, max, out);
    } else {
        // SAFETY: the handle is the host's.
        unsafe { host::blocking_read(handle, max, out) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_input_stream_subscribe(handle: u32) -> u32 {
    match table::get(handle) {
        Some(Object::Input(connection)) => pollable(Pollable::Input(connection)),
        // SAFETY: the handle is the host's.
        _ => unsafe { host::input_subscribe(handle) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_input_stream_drop(handle: u32) {
    if table::is_ours(handle) {
        table::remove(handle);
    } else {
        // SAFETY: the handle is the host's, and its owner gives it up.
        unsafe { host::input_drop(handle) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_check_write(handle: u32, out: Out) {
    match table::get(handle) {
        Some(Object::Output(connection)) => match connection.room() {
            Some(room) => {
                out.ok();
                out.u64(8, room as u64);
            }
            None => closed(out, 8),
        },
        // SAFETY: the handle is the host's.
        _ => unsafe { host::check_write(handle, out) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_write(handle: u32, bytes: *const u8, count: usize, out: Out) {
    match table::get(handle) {
        Some(Object::Output(connection)) => {
            let bytes = if count == 0 {
                &[]
            } else {
                // SAFETY: wasi-libc passes `count` bytes.
                unsafe { std::slice::from_raw_parts(bytes, count) }
            };
            if connection.write(bytes) { out.ok() } else { closed(out, 4) }
        }
        // SAFETY: the handle is the host's.
        _ => unsafe { host::write(handle, bytes, count, out) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_blocking_write_and_flush(
    handle: u32,
    bytes: *const u8,
    count: usize,
    out: Out,
) {
    if table::is_ours(handle) {
        __wasm_import_streams_method_output_stream_write(handle, bytes, count, out);
    } else {
        // SAFETY: the handle is the host's.
        unsafe { host::blocking_write_and_flush(handle, bytes, count, out) }
    }
}

/// A connection's writer owns the bytes already: there is nothing to hurry.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_flush(handle: u32, out: Out) {
    if table::is_ours(handle) {
        out.ok();
    } else {
        // SAFETY: the handle is the host's.
        unsafe { host::flush(handle, out) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_blocking_flush(handle: u32, out: Out) {
    if table::is_ours(handle) {
        out.ok();
    } else {
        // SAFETY: the handle is the host's.
        unsafe { host::blocking_flush(handle, out) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_method_output_stream_subscribe(handle: u32) -> u32 {
    match table::get(handle) {
        Some(Object::Output(connection)) => pollable(Pollable::Output(connection)),
        // SAFETY: the handle is the host's.
        _ => unsafe { host::output_subscribe(handle) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_streams_output_stream_drop(handle: u32) {
    if table::is_ours(handle) {
        table::remove(handle);
    } else {
        // SAFETY: the handle is the host's, and its owner gives it up.
        unsafe { host::output_drop(handle) }
    }
}
