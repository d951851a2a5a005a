//! The handles of this module's objects. They begin where the host's cannot be, so that both kinds live side by side.

use super::{
    names::Addresses,
    poll::Pollable,
    tcp::{Connection, Socket},
    udp::UdpSocket,
};
use std::{cell::RefCell, rc::Rc};

/// The first handle that is ours. wasmtime gives out small numbers.
const BASE: u32 = 0x4000_0000;

/// What a handle stands for.
#[derive(Clone)]
pub(super) enum Object {
    Tcp(Rc<Socket>),
    Input(Rc<Connection>),
    Output(Rc<Connection>),
    Udp(Rc<UdpSocket>),
    UdpInput(Rc<UdpSocket>),
    UdpOutput(Rc<UdpSocket>),
    Pollable(Pollable),
    Names(Rc<RefCell<Addresses>>),
}

#[derive(Default)]
struct Table {
    objects: Vec<Option<Object>>,
    free: Vec<u32>,
}

thread_local! {
    static TABLE: RefCell<Table> = const { RefCell::new(Table { objects: Vec::new(), free: Vec::new() }) };
}

/// Whether a handle is one of this table.
pub(super) fn is_ours(handle: u32) -> bool {
    handle >= BASE
}

/// A new handle.
pub(super) fn insert(object: Object) -> u32 {
    TABLE.with_borrow_mut(|table| {
        let index = table.free.pop().unwrap_or_else(|| {
            table.objects.push(None);
            table.objects.len() as u32 - 1
        });
        table.objects[index as usize] = Some(object);
        BASE + index
    })
}

/// What `handle` stands for; `None` if it is the host's.
pub(super) fn get(handle: u32) -> Option<Object> {
    let index = handle.checked_sub(BASE)? as usize;
    TABLE.with_borrow(|table| table.objects.get(index)?.clone())
}

/// Gives a handle back. The object is dropped after the table is free again: dropping may close other handles.
pub(super) fn remove(handle: u32) {
    let Some(index) = handle.checked_sub(BASE) else { return };
    let object = TABLE.with_borrow_mut(|table| {
        let object = table.objects.get_mut(index as usize)?.take()?;
        table.free.push(index);
        Some(object)
    });
    drop(object);
}

/// The TCP socket behind a handle that wasi-libc got from us.
pub(super) fn tcp(handle: u32) -> Rc<Socket> {
    match get(handle) {
        Some(Object::Tcp(socket)) => socket,
        _ => wrong(handle),
    }
}

/// The UDP socket behind a socket's or one of its streams' handles.
pub(super) fn udp(handle: u32) -> Rc<UdpSocket> {
    match get(handle) {
        Some(Object::Udp(socket) | Object::UdpInput(socket) | Object::UdpOutput(socket)) => socket,
        _ => wrong(handle),
    }
}

#[allow(clippy::panic, reason = "only memory corruption leads here")]
fn wrong(handle: u32) -> ! {
    panic!("wasi-libc used a socket handle that does not exist: {handle}")
}
