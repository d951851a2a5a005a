//! UDP sockets: a receiver and a sender with bounded queues each.
//!
//! A full queue stops the receiver, and the host's own buffer then drops what does not fit, as datagrams do. A datagram
//! that could not be sent or received (a refused port, an unreachable host) is an error of the next call, as on Linux.

use super::{
    abi::{ADDRESS_SIZE, Code, FlatAddress, Out, read_address, write_address},
    libc::asked_for_address,
    poll::{Pollable, pollable},
    table::{self, Object, insert, udp},
    wake::WakeCell,
};
use crate::{
    bindings::wasi::sockets::types::{self, IpAddressFamily, IpSocketAddress},
    runtime::component::start,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

/// Datagrams that wait in each direction.
const DATAGRAMS: usize = 64;
/// Bytes that wait in each direction, if they are more than one datagram.
const BYTES: usize = 256 * 1024;

/// One UDP socket.
pub(super) struct UdpSocket {
    host: Rc<types::UdpSocket>,
    is_v6: bool,
    is_connected: Cell<bool>,
    queues: RefCell<Option<Rc<Queues>>>,
}

#[derive(Default)]
struct Queues {
    incoming: RefCell<Queue<IpSocketAddress>>,
    receiver: WakeCell,
    outgoing: RefCell<Queue<Option<IpSocketAddress>>>,
    sender: WakeCell,
    /// Of an earlier datagram, to be told with the next call.
    error: Cell<Option<Code>>,
    closed: Cell<bool>,
}

struct Queue<A> {
    datagrams: VecDeque<(Vec<u8>, A)>,
    bytes: usize,
}

impl<A> Default for Queue<A> {
    fn default() -> Self {
        Self { datagrams: VecDeque::new(), bytes: 0 }
    }
}

impl<A> Queue<A> {
    fn room(&self) -> usize {
        if self.bytes >= BYTES { 0 } else { DATAGRAMS.saturating_sub(self.datagrams.len()) }
    }

    fn push(&mut self, data: Vec<u8>, address: A) {
        self.bytes += data.len();
        self.datagrams.push_back((data, address));
    }

    fn pop(&mut self) -> Option<(Vec<u8>, A)> {
        let (data, address) = self.datagrams.pop_front()?;
        self.bytes -= data.len();
        Some((data, address))
    }
}

impl UdpSocket {
    pub(super) fn is_readable(&self) -> bool {
        self.queues
            .borrow()
            .as_ref()
            .is_some_and(|queues| !queues.incoming.borrow().datagrams.is_empty() || queues.error.get().is_some())
    }

    pub(super) fn is_writable(&self) -> bool {
        self.queues.borrow().as_ref().is_none_or(|queues| queues.outgoing.borrow().room() > 0)
    }

    /// The oldest datagram, if there is one. A peek leaves it there.
    pub(super) fn receive(&self, peek: bool) -> Result<Option<(Vec<u8>, IpSocketAddress)>, Code> {
        let queues = self.queues();
        let mut incoming = queues.incoming.borrow_mut();
        let datagram = if peek { incoming.datagrams.front().cloned() } else { incoming.pop() };
        drop(incoming);
        let result = match datagram {
            Some(datagram) => Ok(Some(datagram)),
            None => queues.error.take().map_or(Ok(None), Err),
        };
        queues.receiver.wake();
        result
    }

    /// The queues; the first call starts the receiver and the sender.
    fn queues(&self) -> Rc<Queues> {
        let mut queues = self.queues.borrow_mut();
        let queues = queues.get_or_insert_with(|| {
            let queues = Rc::<Queues>::default();
            start(receive(self.host.clone(), queues.clone()));
            start(send(self.host.clone(), queues.clone()));
            queues
        });
        queues.clone()
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        if let Some(queues) = self.queues.get_mut() {
            queues.closed.set(true);
            queues.receiver.wake();
            queues.sender.wake();
        }
    }
}

async fn receive(socket: Rc<types::UdpSocket>, queues: Rc<Queues>) {
    let closed = || queues.closed.get();
    loop {
        let room = || (closed() || queues.incoming.borrow().room() > 0).then_some(());
        queues.receiver.until(room).await;
        match queues.receiver.unless(closed, socket.receive()).await {
            None => return,
            Some(Ok((data, from))) => queues.incoming.borrow_mut().push(data, from),
            Some(Err(error)) => {
                queues.error.set(Some(error.into()));
                // A broken socket fails at once, every time: wait until somebody has seen it.
                queues.receiver.until(|| (closed() || queues.error.get().is_none()).then_some(())).await;
            }
        }
    }
}

async fn send(socket: Rc<types::UdpSocket>, queues: Rc<Queues>) {
    loop {
        let next = || match queues.outgoing.borrow_mut().pop() {
            Some(datagram) => Some(Some(datagram)),
            None => queues.closed.get().then_some(None),
        };
        let Some((data, to)) = queues.sender.until(next).await else { return };
        if let Err(error) = socket.send(data, to).await {
            queues.error.set(Some(error.into()));
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_create_socket_create_udp_socket(family: i32, out: Out) {
    let is_v6 = family != 0;
    match types::UdpSocket::create(if is_v6 { IpAddressFamily::Ipv6 } else { IpAddressFamily::Ipv4 }) {
        Ok(host) => {
            let socket =
                UdpSocket { host: Rc::new(host), is_v6, is_connected: Cell::new(false), queues: RefCell::new(None) };
            out.ok();
            out.u32(4, insert(Object::Udp(Rc::new(socket))));
        }
        Err(error) => out.err(4, error.into()),
    }
}

super::abi::with_address! {
    fn __wasm_import_udp_method_udp_socket_start_bind(handle: u32, _network: u32, address, out) {
        out.unit(udp(handle).host.bind(address.into()));
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_udp_socket_finish_bind(_: u32, out: Out) {
    out.ok();
}

// The second parameter is the option's case here: whether there is an address.
super::abi::with_address! {
    fn __wasm_import_udp_method_udp_socket_stream(handle: u32, has_address: u32, address, out) {
        let socket = udp(handle);
        match stream(&socket, (has_address != 0).then_some(address)) {
            Ok(()) => {
                out.ok();
                out.u32(4, insert(Object::UdpInput(socket.clone())));
                out.u32(8, insert(Object::UdpOutput(socket)));
            }
            Err(code) => out.err(4, code),
        }
    }
}

/// Connects the socket to an address, or to none.
fn stream(socket: &UdpSocket, address: Option<FlatAddress>) -> Result<(), Code> {
    if let Some(address) = address {
        socket.host.connect(address.into())?;
        socket.is_connected.set(true);
    } else if socket.is_connected.take() {
        socket.host.disconnect()?;
    }
    socket.queues();
    Ok(())
}

/// Size of an `incoming-datagram`: a list, then the address.
const INCOMING_SIZE: usize = 8 + ADDRESS_SIZE;
/// Size of an `outgoing-datagram`: a list, then an option's case and its address.
const OUTGOING_SIZE: usize = 12 + ADDRESS_SIZE;

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_incoming_datagram_stream_receive(handle: u32, max: u64, out: Out) {
    let queues = udp(handle).queues();
    let mut incoming = queues.incoming.borrow_mut();
    let count = incoming.datagrams.len().min(usize::try_from(max).unwrap_or(usize::MAX));
    if let (0, Some(code)) = (count, queues.error.take()) {
        queues.receiver.wake();
        return out.err(4, code);
    }
    let list = Out::reserve(count * INCOMING_SIZE);
    for index in 0..count {
        if let Some((data, from)) = incoming.pop() {
            let item = list.at(index * INCOMING_SIZE);
            item.list(0, &data, data.len());
            write_address(item.at(8), &from);
        }
    }
    drop(incoming);
    queues.receiver.wake();
    out.ok();
    out.u32(4, list.pointer());
    out.u32(8, count as u32);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_incoming_datagram_stream_subscribe(handle: u32) -> u32 {
    pollable(Pollable::UdpInput(udp(handle)))
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_incoming_datagram_stream_drop(handle: u32) {
    table::remove(handle);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_outgoing_datagram_stream_check_send(handle: u32, out: Out) {
    let queues = udp(handle).queues();
    if let Some(code) = queues.error.take() {
        queues.receiver.wake();
        return out.err(8, code);
    }
    out.ok();
    out.u64(8, queues.outgoing.borrow().room() as u64);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_outgoing_datagram_stream_send(
    handle: u32,
    list: *const [u8; OUTGOING_SIZE],
    count: usize,
    out: Out,
) {
    let queues = udp(handle).queues();
    let list = if count == 0 {
        &[]
    } else {
        // SAFETY: wasi-libc passes `count` datagrams of this layout.
        unsafe { std::slice::from_raw_parts(list, count) }
    };
    for item in list {
        let word = |i: usize| u32::from_le_bytes([item[i], item[i + 1], item[i + 2], item[i + 3]]) as usize;
        let (pointer, length) = (std::ptr::with_exposed_provenance::<u8>(word(0)), word(4));
        let data = if length == 0 {
            Vec::new()
        } else {
            // SAFETY: the datagram's list is `length` bytes at `pointer`.
            unsafe { std::slice::from_raw_parts(pointer, length) }.to_vec()
        };
        let to = (item[8] != 0).then(|| item.last_chunk().map(read_address)).flatten();
        queues.outgoing.borrow_mut().push(data, to);
    }
    queues.sender.wake();
    out.ok();
    out.u64(8, count as u64);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_outgoing_datagram_stream_subscribe(handle: u32) -> u32 {
    pollable(Pollable::UdpOutput(udp(handle)))
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_outgoing_datagram_stream_drop(handle: u32) {
    table::remove(handle);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_udp_socket_subscribe(_: u32) -> u32 {
    pollable(Pollable::Always)
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_udp_socket_drop(handle: u32) {
    table::remove(handle);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_udp_socket_local_address(handle: u32, out: Out) {
    asked_for_address(handle);
    out.address(udp(handle).host.get_local_address());
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_udp_socket_remote_address(handle: u32, out: Out) {
    out.address(udp(handle).host.get_remote_address());
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_udp_method_udp_socket_address_family(handle: u32) -> i32 {
    i32::from(udp(handle).is_v6)
}

super::abi::options! { udp:
    set __wasm_import_udp_method_udp_socket_set_unicast_hop_limit(value: i32) = set_unicast_hop_limit(value as u8);
    set __wasm_import_udp_method_udp_socket_set_receive_buffer_size(value: u64) = set_receive_buffer_size(value);
    set __wasm_import_udp_method_udp_socket_set_send_buffer_size(value: u64) = set_send_buffer_size(value);
    get __wasm_import_udp_method_udp_socket_unicast_hop_limit = get_unicast_hop_limit as u8 at 1;
    get __wasm_import_udp_method_udp_socket_receive_buffer_size = get_receive_buffer_size as u64 at 8;
    get __wasm_import_udp_method_udp_socket_send_buffer_size = get_send_buffer_size as u64 at 8;
}
