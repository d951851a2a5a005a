//! Pollables and timers. mio waits here, and so would everything that blocks.

use super::{
    abi::Out,
    park::PARK,
    table::{self, Object, insert},
    tcp::{Connection, Socket},
    udp::UdpSocket,
};
use crate::bindings::wasi::clocks::monotonic_clock;
use std::rc::Rc;

/// What can be waited for.
#[derive(Clone)]
pub(super) enum Pollable {
    /// At once.
    Always,
    /// This instant of WASI 0.3's monotonic clock.
    Timer(u64),
    /// A connect's or an accept's end.
    Tcp(Rc<Socket>),
    /// Bytes, or the end.
    Input(Rc<Connection>),
    /// Room for bytes.
    Output(Rc<Connection>),
    /// A datagram, or an error.
    UdpInput(Rc<UdpSocket>),
    /// Room for a datagram.
    UdpOutput(Rc<UdpSocket>),
}

impl Pollable {
    fn is_ready(&self) -> bool {
        match self {
            Self::Always => true,
            Self::Timer(instant) => monotonic_clock::now() >= *instant,
            Self::Tcp(socket) => socket.is_ready(),
            Self::Input(connection) => connection.is_readable(),
            Self::Output(connection) => connection.is_writable(),
            Self::UdpInput(socket) => socket.is_readable(),
            Self::UdpOutput(socket) => socket.is_writable(),
        }
    }
}

/// A handle of a new pollable.
pub(super) fn pollable(pollable: Pollable) -> u32 {
    insert(Object::Pollable(pollable))
}

mod host {
    #[link(wasm_import_module = "wasi:io/poll@0.2.0")]
    unsafe extern "C" {
        #[link_name = "poll"]
        pub(super) fn poll(handles: *const u32, count: usize, out: super::Out);
        #[link_name = "[method]pollable.ready"]
        pub(super) fn ready(handle: u32) -> i32;
        #[link_name = "[method]pollable.block"]
        pub(super) fn block(handle: u32);
        #[link_name = "[resource-drop]pollable"]
        pub(super) fn drop(handle: u32);
    }
}

#[allow(clippy::panic, reason = "the alternative is a provider that stands still without a word")]
fn would_block(what: &str) -> ! {
    panic!("{what} would stop the whole provider: use tokio's (tokio::time::sleep, tokio::net, igloo::serial)")
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_poll_poll(handles: *const u32, count: usize, out: Out) {
    let handles = if count == 0 {
        &[]
    } else {
        // SAFETY: wasi-libc passes a list of `count` handles.
        unsafe { std::slice::from_raw_parts(handles, count) }
    };
    let mut ready: Vec<u8> = Vec::new();
    let mut deadline = u64::MAX;
    let mut ours = 0;
    let mut looks = false;
    for (index, &handle) in handles.iter().enumerate() {
        let is_ready = match table::get(handle) {
            Some(Object::Pollable(pollable)) => {
                ours += 1;
                match pollable {
                    Pollable::Timer(instant) => deadline = deadline.min(instant),
                    Pollable::Always => looks = true,
                    _ => {}
                }
                pollable.is_ready()
            }
            _ => {
                // SAFETY: a handle that is not ours is the host's.
                unsafe { host::ready(handle) != 0 }
            }
        };
        if is_ready {
            ready.extend_from_slice(&(index as u32).to_le_bytes());
        }
    }
    if looks {
        PARK.with(|park| park.look());
    }
    if ready.is_empty() {
        if ours == 0 && count > 0 {
            // SAFETY: the list is wasi-libc's, and every handle in it the host's.
            return unsafe { host::poll(handles.as_ptr(), count, out) };
        }
        PARK.with(|park| if park.is_parking() { park.idle(deadline) } else { would_block("waiting for a socket") });
    }
    out.list(0, &ready, ready.len() / 4);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_poll_method_pollable_ready(handle: u32) -> i32 {
    match table::get(handle) {
        Some(Object::Pollable(pollable)) => i32::from(pollable.is_ready()),
        // SAFETY: the handle is the host's.
        _ => unsafe { host::ready(handle) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_poll_method_pollable_block(handle: u32) {
    match table::get(handle) {
        Some(Object::Pollable(pollable)) if pollable.is_ready() => {}
        Some(Object::Pollable(Pollable::Timer(_))) => would_block("std::thread::sleep"),
        Some(_) => would_block("blocking socket I/O"),
        // SAFETY: the handle is the host's.
        None => unsafe { host::block(handle) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_poll_pollable_drop(handle: u32) {
    if table::is_ours(handle) {
        table::remove(handle);
    } else {
        // SAFETY: the handle is the host's, and its owner gives it up.
        unsafe { host::drop(handle) }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_monotonic_clock_subscribe_duration(nanoseconds: u64) -> u32 {
    pollable(match nanoseconds {
        0 => Pollable::Always,
        _ => Pollable::Timer(monotonic_clock::now().saturating_add(nanoseconds)),
    })
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_monotonic_clock_subscribe_instant(_: u64) -> u32 {
    // Only `clock_nanosleep` until an instant comes here, and it blocks.
    would_block("sleeping until an instant")
}
