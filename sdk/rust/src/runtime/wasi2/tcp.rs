//! TCP sockets: WASI 0.2's start-and-finish calls over WASI 0.3's asynchronous ones.
//!
//! Each connection has two host futures, a reader and a writer, with a bounded buffer each. A full buffer stops the
//! reader (and so the peer) or the provider; closing the socket stops both. A connection that the peer reset is read as
//! an error, not as its end.

use super::{
    abi::{Code, FlatAddress, Out},
    libc::asked_for_address,
    poll::{Pollable, pollable},
    table::{self, Object, insert, tcp},
    wake::WakeCell,
};
use crate::{
    bindings::{
        wasi::{
            clocks::monotonic_clock,
            sockets::types::{ErrorCode, IpAddressFamily, TcpSocket},
        },
        wit_stream,
    },
    runtime::component::start,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
};
use wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamResult, StreamWriter};

/// Bytes that wait in each direction of a connection.
const BUFFER: usize = 128 * 1024;
/// The smallest and the largest read. A connection that sends little keeps little.
const READ: std::ops::Range<usize> = 1024..64 * 1024;
/// Connections that wait to be accepted. More wait in the host.
const ACCEPTED: usize = 16;
/// How long a closed socket may take to send what was written before, in nanoseconds.
const LINGER: u64 = 10_000_000_000;

type TcpResult = Result<(), ErrorCode>;

/// One TCP socket.
pub(super) struct Socket {
    host: Rc<TcpSocket>,
    is_v6: bool,
    state: RefCell<State>,
    closed: Rc<Closed>,
}

/// What becomes true when the provider drops a socket.
#[derive(Default)]
struct Closed {
    is: Cell<bool>,
    wake: WakeCell,
}

enum State {
    Idle,
    Connecting,
    /// Connected or not, and not yet told.
    Connected(Result<(), Code>),
    Up(Rc<Connection>),
    Listening(VecDeque<TcpSocket>),
}

impl Socket {
    fn new(host: TcpSocket, is_v6: bool) -> Self {
        Self { host: Rc::new(host), is_v6, state: RefCell::new(State::Idle), closed: Rc::default() }
    }

    pub(super) fn is_ready(&self) -> bool {
        match &*self.state.borrow() {
            State::Connecting => false,
            State::Listening(queue) => !queue.is_empty(),
            State::Idle | State::Connected(_) | State::Up(_) => true,
        }
    }

    /// The bytes, once it is connected.
    pub(super) fn connection(&self) -> Option<Rc<Connection>> {
        match &*self.state.borrow() {
            State::Up(connection) => Some(connection.clone()),
            _ => None,
        }
    }

    /// The socket carries data from now on.
    fn open(&self) -> Rc<Connection> {
        let connection = Connection::start(&self.host);
        *self.state.borrow_mut() = State::Up(connection.clone());
        connection
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.closed.is.set(true);
        self.closed.wake.wake();
        if let State::Up(connection) = self.state.get_mut() {
            connection.close();
        }
    }
}

/// The bytes of one connection.
#[derive(Default)]
pub(super) struct Connection {
    incoming: RefCell<Incoming>,
    end: Cell<Option<End>>,
    reader: WakeCell,
    outgoing: RefCell<Vec<u8>>,
    /// Bytes that the writer has taken and not yet handed over.
    in_flight: Cell<usize>,
    output: Cell<Output>,
    writer: WakeCell,
    closed: Cell<bool>,
}

/// Bytes that wait to be read, as they came: not copied together.
#[derive(Default)]
struct Incoming {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk that were read already.
    taken: usize,
    waiting: usize,
}

impl Incoming {
    fn push(&mut self, chunk: Vec<u8>) {
        self.waiting += chunk.len();
        match self.chunks.back_mut() {
            // A peer that sends single bytes must not make a chunk of each.
            Some(last) if last.capacity() - last.len() >= chunk.len() => last.extend(chunk),
            _ if chunk.is_empty() => {}
            _ => self.chunks.push_back(chunk),
        }
    }

    /// The next bytes; none if there are none.
    fn front(&self) -> &[u8] {
        self.chunks.front().and_then(|chunk| chunk.get(self.taken..)).unwrap_or_default()
    }

    fn take(&mut self, count: usize) {
        self.waiting -= count;
        self.taken += count;
        if self.front().is_empty() {
            self.chunks.pop_front();
            self.taken = 0;
        }
    }
}

/// How the incoming bytes ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Finished,
    Failed,
}

#[derive(Clone, Copy, PartialEq, Default)]
enum Output {
    #[default]
    Open,
    /// The provider writes no more.
    Shut,
    /// The peer takes no more.
    Broken,
}

/// What there is to read.
pub(super) enum Read<'a> {
    Bytes(&'a [u8]),
    End,
    Failed,
}

impl Connection {
    fn start(socket: &Rc<TcpSocket>) -> Rc<Self> {
        let connection = Rc::new(Self::default());
        let (bytes, result) = socket.receive();
        start(read(connection.clone(), bytes, result));
        let (writer, bytes) = wit_stream::new();
        let sent = socket.send(bytes);
        start(write(connection.clone(), writer, sent));
        connection
    }

    pub(super) fn is_readable(&self) -> bool {
        self.incoming.borrow().waiting > 0 || self.end.get().is_some()
    }

    pub(super) fn is_writable(&self) -> bool {
        self.room() != Some(0)
    }

    /// Gives at most `max` bytes to `take`, or says why there are none and never will be. A peek leaves them there.
    pub(super) fn read(&self, max: usize, peek: bool, take: impl FnOnce(Read<'_>)) {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.waiting == 0 {
            return match self.end.get() {
                None => take(Read::Bytes(&[])),
                Some(End::Finished) => take(Read::End),
                Some(End::Failed) => take(Read::Failed),
            };
        }
        let front = incoming.front();
        let count = front.len().min(max);
        take(Read::Bytes(&front[..count]));
        if peek {
            return;
        }
        incoming.take(count);
        drop(incoming);
        self.reader.wake();
    }

    /// How many bytes can be written now; `None` if none ever again.
    pub(super) fn room(&self) -> Option<usize> {
        let waiting = self.outgoing.borrow().len() + self.in_flight.get();
        (self.output.get() == Output::Open).then(|| BUFFER.saturating_sub(waiting))
    }

    /// False if the connection takes no bytes any more.
    pub(super) fn write(&self, bytes: &[u8]) -> bool {
        if self.output.get() != Output::Open {
            return false;
        }
        self.outgoing.borrow_mut().extend_from_slice(bytes);
        self.writer.wake();
        true
    }

    /// The provider writes no more: what was written is sent, then the peer sees the end.
    fn shut(&self) {
        if self.output.get() == Output::Open {
            self.output.set(Output::Shut);
            self.writer.wake();
        }
    }

    /// The provider dropped the socket.
    fn close(&self) {
        self.closed.set(true);
        self.shut();
        self.reader.wake();
        self.writer.wake();
    }
}

/// The reader: takes bytes while there is room for them.
async fn read(connection: Rc<Connection>, mut bytes: StreamReader<u8>, result: FutureReader<TcpResult>) {
    let closed = || connection.closed.get();
    let mut size = READ.start;
    loop {
        let room = || (closed() || connection.incoming.borrow().waiting < BUFFER).then_some(());
        connection.reader.until(room).await;
        let read = bytes.read(Vec::with_capacity(size));
        let Some((status, read)) = connection.reader.unless(closed, read).await else { return };
        // A read that was filled asks for more next time, and one that was not, for less.
        size = match read.len() {
            all if all == size => (size * 2).min(READ.end),
            few if few < size / 4 => (size / 2).max(READ.start),
            _ => size,
        };
        connection.incoming.borrow_mut().push(read);
        if status == StreamResult::Dropped {
            break;
        }
    }
    drop(bytes);
    let Some(result) = connection.reader.unless(closed, result.into_future()).await else { return };
    connection.end.set(Some(if result.is_ok() { End::Finished } else { End::Failed }));
}

/// The writer: hands over what was written, and after a shutdown the end.
async fn write(connection: Rc<Connection>, mut writer: StreamWriter<u8>, sent: FutureReader<TcpResult>) {
    loop {
        let bytes = connection
            .writer
            .until(|| {
                let bytes = connection.outgoing.take();
                (!bytes.is_empty() || connection.output.get() != Output::Open).then_some(bytes)
            })
            .await;
        if bytes.is_empty() {
            break;
        }
        connection.in_flight.set(bytes.len());
        let Some(left) = unless_lingering(&connection, writer.write_all(bytes)).await else { break };
        connection.in_flight.set(0);
        if !left.is_empty() {
            connection.output.set(Output::Broken);
            break;
        }
    }
    drop(writer);
    let failed = !matches!(unless_lingering(&connection, sent.into_future()).await, Some(Ok(())));
    if failed && connection.output.get() == Output::Open {
        connection.output.set(Output::Broken);
    }
}

/// `future`'s result, or `None` when the socket has been closed for too long.
async fn unless_lingering<T>(connection: &Connection, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let open = connection.writer.unless(|| connection.closed.get(), future.as_mut());
    if let Some(result) = open.await {
        return Some(result);
    }
    let mut linger = std::pin::pin!(monotonic_clock::wait_for(LINGER));
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(result) => std::task::Poll::Ready(Some(result)),
        std::task::Poll::Pending => linger.as_mut().poll(cx).map(|()| None),
    })
    .await
}

async fn connect(socket: Weak<Socket>, host: Rc<TcpSocket>, closed: Rc<Closed>, address: FlatAddress) {
    // A socket that is dropped while connecting, as by a timeout, cancels the call.
    let result = closed.wake.unless(|| closed.is.get(), host.connect(address.into())).await;
    if let (Some(result), Some(socket)) = (result, socket.upgrade()) {
        *socket.state.borrow_mut() = State::Connected(result.map_err(Code::from));
    }
}

async fn accept(socket: Weak<Socket>, closed: Rc<Closed>, mut connections: StreamReader<TcpSocket>) {
    let has_room = || match socket.upgrade().as_deref().map(|socket| socket.state.borrow()).as_deref() {
        Some(State::Listening(queue)) => (queue.len() < ACCEPTED).then_some(()),
        _ => Some(()),
    };
    loop {
        closed.wake.until(has_room).await;
        let Some(Some(connection)) = closed.wake.unless(|| closed.is.get(), connections.next()).await else { return };
        let Some(socket) = socket.upgrade() else { return };
        if let State::Listening(queue) = &mut *socket.state.borrow_mut() {
            queue.push_back(connection);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_create_socket_create_tcp_socket(family: i32, out: Out) {
    let is_v6 = family != 0;
    match TcpSocket::create(if is_v6 { IpAddressFamily::Ipv6 } else { IpAddressFamily::Ipv4 }) {
        Ok(socket) => {
            out.ok();
            out.u32(4, insert(Object::Tcp(Rc::new(Socket::new(socket, is_v6)))));
        }
        Err(error) => out.err(4, error.into()),
    }
}

super::abi::with_address! {
    fn __wasm_import_tcp_method_tcp_socket_start_bind(handle: u32, _network: u32, address, out) {
        out.unit(tcp(handle).host.bind(address.into()));
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_finish_bind(_: u32, out: Out) {
    out.ok();
}

super::abi::with_address! {
    fn __wasm_import_tcp_method_tcp_socket_start_connect(handle: u32, _network: u32, address, out) {
        let socket = tcp(handle);
        *socket.state.borrow_mut() = State::Connecting;
        start(connect(Rc::downgrade(&socket), socket.host.clone(), socket.closed.clone(), address));
        out.ok();
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_finish_connect(handle: u32, out: Out) {
    let socket = tcp(handle);
    let result = match &*socket.state.borrow() {
        State::Connecting => Err(Code::WouldBlock),
        State::Connected(result) => *result,
        _ => Err(Code::InvalidArgument),
    };
    match result {
        Ok(()) => {
            let connection = socket.open();
            out.ok();
            out.u32(4, insert(Object::Input(connection.clone())));
            out.u32(8, insert(Object::Output(connection)));
        }
        Err(code) => {
            if code != Code::WouldBlock {
                *socket.state.borrow_mut() = State::Idle;
            }
            out.err(4, code);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_start_listen(handle: u32, out: Out) {
    let socket = tcp(handle);
    match socket.host.listen() {
        Ok(connections) => {
            *socket.state.borrow_mut() = State::Listening(VecDeque::new());
            start(accept(Rc::downgrade(&socket), socket.closed.clone(), connections));
            out.ok();
        }
        Err(error) => out.err(1, error.into()),
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_finish_listen(_: u32, out: Out) {
    out.ok();
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_accept(handle: u32, out: Out) {
    let listener = tcp(handle);
    let next = match &mut *listener.state.borrow_mut() {
        State::Listening(queue) => queue.pop_front().ok_or(Code::WouldBlock),
        _ => Err(Code::InvalidArgument),
    };
    match next {
        Ok(host) => {
            listener.closed.wake.wake();
            let socket = Socket::new(host, listener.is_v6);
            let connection = socket.open();
            out.ok();
            out.u32(4, insert(Object::Tcp(Rc::new(socket))));
            out.u32(8, insert(Object::Input(connection.clone())));
            out.u32(12, insert(Object::Output(connection)));
        }
        Err(code) => out.err(4, code),
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_subscribe(handle: u32) -> u32 {
    pollable(Pollable::Tcp(tcp(handle)))
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_shutdown(handle: u32, how: i32, out: Out) {
    const RECEIVE: i32 = 0;
    match &*tcp(handle).state.borrow() {
        State::Up(connection) => {
            if how != RECEIVE {
                connection.shut();
            }
            out.ok();
        }
        _ => out.err(1, Code::InvalidArgument),
    }
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_tcp_socket_drop(handle: u32) {
    table::remove(handle);
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_local_address(handle: u32, out: Out) {
    asked_for_address(handle);
    out.address(tcp(handle).host.get_local_address());
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_remote_address(handle: u32, out: Out) {
    out.address(tcp(handle).host.get_remote_address());
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_is_listening(handle: u32) -> i32 {
    i32::from(matches!(*tcp(handle).state.borrow(), State::Listening(_)))
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_tcp_method_tcp_socket_address_family(handle: u32) -> i32 {
    i32::from(tcp(handle).is_v6)
}

super::abi::options! { tcp:
    set __wasm_import_tcp_method_tcp_socket_set_listen_backlog_size(value: u64) = set_listen_backlog_size(value);
    set __wasm_import_tcp_method_tcp_socket_set_keep_alive_enabled(value: i32) = set_keep_alive_enabled(value != 0);
    set __wasm_import_tcp_method_tcp_socket_set_keep_alive_idle_time(value: u64) = set_keep_alive_idle_time(value);
    set __wasm_import_tcp_method_tcp_socket_set_keep_alive_interval(value: u64) = set_keep_alive_interval(value);
    set __wasm_import_tcp_method_tcp_socket_set_keep_alive_count(value: u32) = set_keep_alive_count(value);
    set __wasm_import_tcp_method_tcp_socket_set_hop_limit(value: i32) = set_hop_limit(value as u8);
    set __wasm_import_tcp_method_tcp_socket_set_receive_buffer_size(value: u64) = set_receive_buffer_size(value);
    set __wasm_import_tcp_method_tcp_socket_set_send_buffer_size(value: u64) = set_send_buffer_size(value);
    get __wasm_import_tcp_method_tcp_socket_keep_alive_enabled = get_keep_alive_enabled as u8 at 1;
    get __wasm_import_tcp_method_tcp_socket_keep_alive_idle_time = get_keep_alive_idle_time as u64 at 8;
    get __wasm_import_tcp_method_tcp_socket_keep_alive_interval = get_keep_alive_interval as u64 at 8;
    get __wasm_import_tcp_method_tcp_socket_keep_alive_count = get_keep_alive_count as u32 at 4;
    get __wasm_import_tcp_method_tcp_socket_hop_limit = get_hop_limit as u8 at 1;
    get __wasm_import_tcp_method_tcp_socket_receive_buffer_size = get_receive_buffer_size as u64 at 8;
    get __wasm_import_tcp_method_tcp_socket_send_buffer_size = get_send_buffer_size as u64 at 8;
}
