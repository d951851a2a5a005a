//! Takes the calls of one sandbox and answers them.
//!
//! Each call is a future, polled once on the spot: most are ready then, in the order in which they came. One that must
//! wait becomes a task of its own, of which there is a bounded number.

use std::{
    collections::HashMap,
    future::{Future as _, poll_fn},
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};

use super::{
    Decide, Event, Protocol,
    address::{self, Given, canonical},
    census::{self, Tally},
    errno::{Failure, Outcome},
    filter::FIONBIO,
    listener::{Call, Listener},
    message::{HEADER_OF_MANY, Message, SENT},
    socket::{self, Kind, Nonblocking, Socket},
    target,
};

/// A call that waits is looked after this often: a program that is killed or signalled does not say so. A signal ends
/// such a call with `EINTR`, whatever its handler says about restarting, as it does for a socket with a timeout.
const LOOK_AFTER: Duration = Duration::from_millis(50);
/// Calls that are answered in a second. A program that makes more waits, so that it costs the hub a part of a core.
const CALLS_PER_SECOND: u32 = 10_000;
/// The longest UDP payload, and as much of a stream as is copied at a time.
const CHUNK: usize = 65_535;
/// The longest message over a Unix socket pair: a little more than the kernel's own limit by default.
const UNIX_MESSAGE: usize = 256 * 1024;
/// What one non-blocking call sends over a stream at most; then it has sent a part, as it does when a buffer is full.
const NONBLOCKING_STREAM: usize = 1024 * 1024;
/// Messages that one `sendmmsg` sends; then it has sent some, which it may.
const MESSAGES: u64 = 64;
/// Peers that one non-blocking accept turns away before it says that there is none.
const TURNED_AWAY: usize = 16;
/// How long the sandbox's own side has to make a socket.
const LOCAL_SOCKET_DEADLINE: Duration = Duration::from_secs(2);
/// How long taking calls may fail for want of memory before the sandbox is given up.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Answers the calls that arrive at a listener of [`super::filter::install`], until no process has the filter any
/// more. `root` is the process that all of the sandbox's descend from, as the hub sees it. Dropping the future leaves
/// programs with `ENOSYS` for each call.
///
/// # Errors
///
/// Only what is wrong with the listener or the kernel, never what a program does.
pub async fn serve(listener: OwnedFd, root: u32, decide: Arc<dyn Decide>) -> io::Result<()> {
    let broker = Arc::new(Broker {
        listener: Listener::new(listener)?,
        root,
        census: decide.tally(),
        decide,
        nonblocking: Nonblocking::default(),
        counting: tokio::sync::Mutex::default(),
        namespace: socket::own_namespace()?,
    });
    let mut waiting = JoinSet::new();
    let mut threads = HashMap::<i32, AbortHandle>::new();
    let mut pace = Pace::new();
    loop {
        let call = match broker.listener.next().await {
            Ok(Some(call)) => call,
            Ok(None) => return Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS)) => {
                sleep(RETRY_AFTER).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        pace.wait().await;
        while waiting.try_join_next().is_some() {}
        threads.retain(|_, task| !task.is_finished());
        // A thread is in one call at a time: if it waited in another, that one is over.
        if let Some(over) = threads.remove(&call.thread) {
            over.abort();
        }
        let mut answer = Box::pin(broker.clone().answer(call));
        let ready = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_ready())).await;
        if ready {
            tokio::task::consume_budget().await;
            continue;
        }
        let limit = broker.decide.limits().waiting;
        if threads.len() >= limit {
            drop(answer);
            broker.listener.answer(&call, Err(libc::ENOBUFS));
            broker.decide.event(Event::TooManyWaiting(limit));
            continue;
        }
        threads.insert(call.thread, waiting.spawn(answer));
    }
}

/// How many calls a sandbox has left in this second.
struct Pace {
    since: Instant,
    left: u32,
}

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), left: CALLS_PER_SECOND }
    }

    async fn wait(&mut self) {
        if self.left == 0 {
            sleep_until(self.since + Duration::from_secs(1)).await;
        }
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self::new();
        }
        self.left = self.left.saturating_sub(1);
    }
}

/// What a call is answered by.
enum Value {
    Number(i64),
    Descriptor { descriptor: OwnedFd, close_on_exec: bool },
}

impl Value {
    const ZERO: Self = Self::Number(0);
}

struct Broker {
    listener: Listener,
    root: u32,
    decide: Arc<dyn Decide>,
    nonblocking: Nonblocking,
    census: Tally,
    counting: tokio::sync::Mutex<()>,
    namespace: u64,
}

impl Broker {
    async fn answer(self: Arc<Self>, call: Call) {
        let errno = match self.perform(&call).await {
            Ok(Value::Number(value)) => {
                self.listener.answer(&call, Ok(value));
                return;
            }
            Ok(Value::Descriptor { descriptor, close_on_exec }) => {
                match self.listener.answer_by(&call, descriptor.as_fd(), close_on_exec) {
                    Ok(()) => return,
                    // The program's own table is full, or it is gone, which the next answer finds.
                    Err(error) => error.raw_os_error().unwrap_or(libc::EMFILE),
                }
            }
            Err(Failure::Errno(errno)) => errno,
            Err(Failure::Over) => return,
        };
        self.listener.answer(&call, Err(errno));
    }

    async fn perform(&self, call: &Call) -> Outcome<Value> {
        match call.number {
            libc::SYS_socket => self.socket(call).await,
            libc::SYS_connect => self.connect(call).await,
            libc::SYS_bind => self.bind(call),
            libc::SYS_listen => self.listen(call),
            libc::SYS_accept => self.accept(call, 0).await,
            libc::SYS_accept4 => self.accept(call, call.int(3)).await,
            libc::SYS_sendto => self.send_to(call).await,
            libc::SYS_sendmsg => self.send_message(call).await,
            libc::SYS_sendmmsg => self.send_messages(call).await,
            libc::SYS_fcntl => self.set_flags(call),
            libc::SYS_ioctl => self.set_blocking(call),
            libc::SYS_setsockopt => self.set_linger(call),
            _ => Err(Failure::Errno(libc::ENOSYS)),
        }
    }

    /// A duplicate of the call's descriptor: its first argument, always.
    fn descriptor(&self, call: &Call) -> Outcome<OwnedFd> {
        target::descriptor(&self.listener, call, call.int(0)).inspect_err(|error| {
            if matches!(error, Failure::Errno(libc::EPERM | libc::EACCES)) {
                self.decide.event(Event::NotInspectable);
            }
        })
    }

    fn the_socket(&self, call: &Call) -> Outcome<Socket> {
        Ok(Socket::new(self.descriptor(call)?)?)
    }

    fn given_address(&self, call: &Call, address: u64, length: usize) -> Outcome<Given> {
        let mut bytes = [0; address::LONGEST];
        let bytes = bytes.get_mut(..length).ok_or(Failure::Errno(libc::EINVAL))?;
        target::read(&self.listener, call, address, bytes)?;
        address::parse(bytes)
    }

    // --- socket ------------------------------------------------------------------------------------------------------

    async fn socket(&self, call: &Call) -> Outcome<Value> {
        let flags = call.int(1) & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
        let protocol = match (call.int(1) & !flags, call.int(2)) {
            (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => Protocol::Tcp,
            (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP) => Protocol::Udp,
            (libc::SOCK_RAW, _) => return Err(Failure::Errno(libc::EPERM)),
            _ => return Err(Failure::Errno(libc::EPROTONOSUPPORT)),
        };
        self.room().await?;
        let ipv6 = call.int(0) == libc::AF_INET6;
        let descriptor = socket::open(protocol, ipv6, flags & libc::SOCK_NONBLOCK != 0)?;
        self.note(descriptor.as_fd())?;
        Ok(Value::Descriptor { descriptor, close_on_exec: flags & libc::SOCK_CLOEXEC != 0 })
    }

    fn note(&self, socket: BorrowedFd<'_>) -> Outcome<()> {
        self.census.lock().add(socket::inode(socket)?);
        Ok(())
    }

    /// Whether one more socket may be made.
    async fn room(&self) -> Outcome<()> {
        let limit = self.decide.limits().sockets;
        if self.census.lock().known() < limit {
            return Ok(());
        }
        // Some of them may be closed. Who waits for another's count takes its result.
        let asked = std::time::Instant::now();
        let _turn = self.counting.lock().await;
        let (known, began, next) = {
            let census = self.census.lock();
            (census.known(), census.began(), census.next())
        };
        if known < limit {
            return Ok(());
        }
        if began.is_some_and(|began| began > asked) {
            return Err(Failure::Errno(libc::EMFILE));
        }
        if let Some(next) = next {
            sleep_until(next.into()).await;
        }
        self.census.lock().begin();
        let root = self.root;
        let found = tokio::task::spawn_blocking(move || census::count(root)).await.ok().and_then(Result::ok);
        let known = {
            let mut census = self.census.lock();
            census.counted(found.as_ref());
            census.known()
        };
        if known < limit {
            return Ok(());
        }
        self.decide.event(Event::TooManySockets(limit));
        Err(Failure::Errno(libc::EMFILE))
    }

    // --- connect -----------------------------------------------------------------------------------------------------

    async fn connect(&self, call: &Call) -> Outcome<Value> {
        let socket = self.the_socket(call)?;
        let Kind::Internet(protocol, _) = socket.kind else {
            // A path would be looked up in the hub's file system, and an abstract name is of another namespace.
            return Err(Failure::Errno(libc::EACCES));
        };
        let to = match self.given_address(call, call.arguments[1], call.int(2) as u32 as usize)? {
            Given::None => None,
            Given::Socket(to) => Some(address::destination(to)),
        };
        let Some(to) = to else {
            self.listener.check(call)?;
            self.nonblocking.attempt(socket.descriptor.as_fd(), |socket| socket::connect(socket, None))?.1?;
            return Ok(Value::ZERO);
        };
        match protocol {
            Protocol::Udp => {
                let socket = self.route(call, socket, to, |decide, to| decide.associate(to)).await?;
                self.nonblocking.attempt(socket.descriptor.as_fd(), |socket| socket::connect(socket, Some(to)))?.1?;
                Ok(Value::ZERO)
            }
            Protocol::Tcp if self.decide.is_resolver(canonical(to)) => Err(Failure::Errno(libc::ECONNREFUSED)),
            Protocol::Tcp if self.decide.connect(Protocol::Tcp, canonical(to)) => {
                self.connect_stream(call, &socket, to).await
            }
            Protocol::Tcp => Err(Failure::Errno(libc::EACCES)),
        }
    }

    async fn connect_stream(&self, call: &Call, socket: &Socket, to: SocketAddr) -> Outcome<Value> {
        let attempt =
            || self.nonblocking.attempt(socket.descriptor.as_fd(), |socket| socket::connect(socket, Some(to)));
        self.listener.check(call)?;
        let (blocking, outcome) = attempt()?;
        match outcome {
            Err(error) if blocking && is_under_way(&error) => {}
            outcome => return Ok(outcome.map(|()| Value::ZERO)?),
        }
        let mut wait = Wait::new(self, call, socket, Interest::WRITABLE, libc::SO_SNDTIMEO)?;
        loop {
            wait.ready(libc::EINPROGRESS).await?;
            // Asked again, it says how it went.
            match attempt()?.1 {
                Err(error) if is_under_way(&error) => {}
                outcome => return Ok(outcome.map(|()| Value::ZERO)?),
            }
        }
    }

    /// The socket that reaches an address: of the sandbox's namespace for its resolver, else of the hub's, if it may.
    /// Where it is in the other one, another socket takes its place in the program.
    async fn route(
        &self,
        call: &Call,
        socket: Socket,
        to: SocketAddr,
        allowed: impl FnOnce(&dyn Decide, SocketAddr) -> bool,
    ) -> Outcome<Socket> {
        let local = self.decide.is_resolver(canonical(to));
        if !local && !allowed(&*self.decide, canonical(to)) {
            return Err(Failure::Errno(libc::EACCES));
        }
        if local == (socket.namespace()? != self.namespace) {
            self.listener.check(call)?;
            return Ok(socket);
        }
        let Kind::Internet(protocol, ipv6) = socket.kind else {
            return Err(Failure::Errno(libc::EOPNOTSUPP));
        };
        let nonblocking = socket.is_nonblocking()?;
        let descriptor = if local {
            let made = tokio::time::timeout(LOCAL_SOCKET_DEADLINE, self.decide.local_socket(ipv6)).await;
            // Without a namespace of its own nobody serves names at that address.
            let descriptor = made.ok().and_then(Result::ok).ok_or(Failure::Errno(libc::ECONNREFUSED))?;
            let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
            socket::set_flags(descriptor.as_fd(), flags)?;
            descriptor
        } else {
            socket::open(protocol, ipv6, nonblocking)?
        };
        self.note(descriptor.as_fd())?;
        let close_on_exec = target::close_on_exec(&self.listener, call, call.int(0))?;
        self.listener
            .replace(call, descriptor.as_fd(), close_on_exec, call.int(0))
            .map_err(|error| if error.raw_os_error() == Some(libc::ENOENT) { Failure::Over } else { error.into() })?;
        Ok(Socket::new(descriptor)?)
    }

    // --- bind, listen, accept ----------------------------------------------------------------------------------------

    fn bind(&self, call: &Call) -> Outcome<Value> {
        let socket = self.the_socket(call)?;
        let Kind::Internet(protocol, _) = socket.kind else {
            return Err(Failure::Errno(libc::EACCES));
        };
        let Given::Socket(at) = self.given_address(call, call.arguments[1], call.int(2) as u32 as usize)? else {
            return Err(Failure::Errno(libc::EAFNOSUPPORT));
        };
        if !self.decide.bind(protocol, canonical(at)) {
            return Err(Failure::Errno(libc::EACCES));
        }
        self.listener.check(call)?;
        socket::bind(socket.descriptor.as_fd(), at)?;
        Ok(Value::ZERO)
    }

    fn listen(&self, call: &Call) -> Outcome<Value> {
        let socket = self.the_socket(call)?;
        match socket.kind {
            Kind::Unix => return Err(Failure::Errno(libc::EACCES)),
            Kind::Internet(Protocol::Udp, _) => return Err(Failure::Errno(libc::EOPNOTSUPP)),
            Kind::Internet(Protocol::Tcp, _) => {}
        }
        let at = address::local(socket.descriptor.as_fd())?;
        if !self.decide.listen(canonical(at)) {
            return Err(Failure::Errno(libc::EACCES));
        }
        self.listener.check(call)?;
        socket::listen(socket.descriptor.as_fd(), call.int(1))?;
        Ok(Value::ZERO)
    }

    async fn accept(&self, call: &Call, flags: i32) -> Outcome<Value> {
        if flags & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != 0 {
            return Err(Failure::Errno(libc::EINVAL));
        }
        let socket = self.the_socket(call)?;
        match socket.kind {
            Kind::Unix => return Err(Failure::Errno(libc::EACCES)),
            Kind::Internet(Protocol::Udp, _) => return Err(Failure::Errno(libc::EOPNOTSUPP)),
            Kind::Internet(Protocol::Tcp, _) => {}
        }
        let nonblocking = flags & libc::SOCK_NONBLOCK != 0;
        let mut wait = None;
        let mut turned_away = 0;
        let (accepted, peer) = loop {
            self.room().await?;
            self.listener.check(call)?;
            let (blocking, outcome) =
                self.nonblocking.attempt(socket.descriptor.as_fd(), |socket| socket::accept(socket, nonblocking))?;
            match outcome {
                Ok((accepted, peer)) if self.decide.accept(canonical(peer)) => break (accepted, peer),
                Ok(_) if !blocking && turned_away == TURNED_AWAY => return Err(Failure::Errno(libc::EAGAIN)),
                Ok(_) => {
                    turned_away += 1;
                    tokio::task::consume_budget().await;
                }
                Err(error) if blocking && error.kind() == io::ErrorKind::WouldBlock => {
                    let wait = match &mut wait {
                        Some(wait) => wait,
                        none => none.insert(Wait::new(self, call, &socket, Interest::READABLE, libc::SO_RCVTIMEO)?),
                    };
                    wait.ready(libc::EAGAIN).await?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        self.note(accepted.as_fd())?;
        self.write_address(call, peer)?;
        Ok(Value::Descriptor { descriptor: accepted, close_on_exec: flags & libc::SOCK_CLOEXEC != 0 })
    }

    /// Tells the caller of accept who it is, if it asks.
    fn write_address(&self, call: &Call, peer: SocketAddr) -> Outcome<()> {
        let [_, address, length, ..] = call.arguments;
        if address == 0 {
            return Ok(());
        }
        let room = target::read_int(&self.listener, call, length)?;
        let room = usize::try_from(room).map_err(|_| Failure::Errno(libc::EINVAL))?;
        let (bytes, whole) = address::bytes(peer);
        let memory = target::Memory::open(&self.listener, call)?;
        memory.write(address, bytes.get(..whole.min(room)).unwrap_or_default())?;
        memory.write(length, &(whole as u32).to_ne_bytes())
    }

    // --- sending -----------------------------------------------------------------------------------------------------

    async fn send_to(&self, call: &Call) -> Outcome<Value> {
        let [_, data, length, _, address, _] = call.arguments;
        let message = Message::of_one(data, length, address, call.int(5) as u32 as usize);
        let (sent, _) = self.send(call, self.the_socket(call)?, &message, call.int(3)).await?;
        Ok(Value::Number(sent as i64))
    }

    async fn send_message(&self, call: &Call) -> Outcome<Value> {
        let socket = self.the_socket(call)?;
        let message = Message::read(&self.listener, call, call.arguments[1])?;
        let (sent, _) = self.send(call, socket, &message, call.int(2)).await?;
        Ok(Value::Number(sent as i64))
    }

    async fn send_messages(&self, call: &Call) -> Outcome<Value> {
        let [_, messages, count, ..] = call.arguments;
        let mut socket = self.the_socket(call)?;
        let mut sent_messages = 0;
        for index in 0..u64::from(count as u32).min(MESSAGES) {
            let at = messages.wrapping_add(index * HEADER_OF_MANY);
            let sent = async {
                let message = Message::read(&self.listener, call, at)?;
                let (sent, socket) = self.send(call, socket, &message, call.int(3)).await?;
                let memory = target::Memory::open(&self.listener, call)?;
                memory.write(at.wrapping_add(SENT), &(sent as u32).to_ne_bytes())?;
                Ok(socket)
            };
            match sent.await {
                Ok(same) => socket = same,
                // What was sent counts; the error comes again with the next call.
                Err(Failure::Errno(_)) if sent_messages > 0 => break,
                Err(failure) => return Err(failure),
            }
            sent_messages += 1;
        }
        Ok(Value::Number(sent_messages))
    }

    /// Sends one message, and says how much of it. The socket may be another one afterwards.
    async fn send(&self, call: &Call, socket: Socket, message: &Message, flags: i32) -> Outcome<(usize, Socket)> {
        if flags & libc::MSG_FASTOPEN != 0 {
            return Err(Failure::Errno(libc::EOPNOTSUPP));
        }
        // Without SO_ZEROCOPY, which a program cannot set, it does nothing.
        let flags = flags & !libc::MSG_ZEROCOPY;
        let waits = flags & libc::MSG_DONTWAIT == 0 && !socket.is_nonblocking()?;
        match socket.kind {
            Kind::Unix if message.name.is_some() => Err(Failure::Errno(libc::EACCES)),
            Kind::Unix if message.control_length > 0 => Err(Failure::Errno(libc::EPERM)),
            Kind::Unix if message.length > UNIX_MESSAGE => Err(Failure::Errno(libc::EMSGSIZE)),
            Kind::Unix => {
                let sent = self.send_chunk(call, &socket, message, (0, message.length), None, flags, waits).await?;
                Ok((sent, socket))
            }
            Kind::Internet(..) if !message.has_harmless_control() => Err(Failure::Errno(libc::EPERM)),
            Kind::Internet(Protocol::Udp, _) => {
                if message.length > CHUNK {
                    return Err(Failure::Errno(libc::EMSGSIZE));
                }
                let (socket, to) = match message.name {
                    None => (socket, None),
                    Some(name) => match self.given_address(call, name.address, name.length)? {
                        // As for the kernel: to the peer of a connected socket.
                        Given::None => (socket, None),
                        Given::Socket(to) => {
                            let to = address::destination(to);
                            let allowed = |decide: &dyn Decide, to| decide.connect(Protocol::Udp, to);
                            (self.route(call, socket, to, allowed).await?, Some(to))
                        }
                    },
                };
                let sent = self.send_chunk(call, &socket, message, (0, message.length), to, flags, waits).await?;
                Ok((sent, socket))
            }
            // A stream's peer is the one that it is connected to: an address here is ignored, as the kernel does.
            Kind::Internet(Protocol::Tcp, _) => {
                let length = if waits { message.length } else { message.length.min(NONBLOCKING_STREAM) };
                let mut sent = 0;
                loop {
                    let chunk = (sent, (length - sent).min(CHUNK));
                    match self.send_chunk(call, &socket, message, chunk, None, flags, waits).await {
                        Ok(more) => sent += more,
                        Err(Failure::Errno(_)) if sent > 0 => break,
                        Err(failure) => return Err(failure),
                    }
                    if sent >= length {
                        break;
                    }
                    tokio::task::consume_budget().await;
                }
                Ok((sent, socket))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "sendmsg has as many")]
    async fn send_chunk(
        &self,
        call: &Call,
        socket: &Socket,
        message: &Message,
        (skip, length): (usize, usize),
        to: Option<SocketAddr>,
        flags: i32,
        waits: bool,
    ) -> Outcome<usize> {
        let mut data = vec![0; length];
        target::read_spans(&self.listener, call, &message.spans(skip, length), &mut data)?;
        let mut wait = None;
        loop {
            let sent =
                socket::send(socket.descriptor.as_fd(), &data, to, &message.control, message.control_length, flags);
            match sent {
                Err(error) if waits && error.kind() == io::ErrorKind::WouldBlock => {
                    let wait = match &mut wait {
                        Some(wait) => wait,
                        none => none.insert(Wait::new(self, call, socket, Interest::WRITABLE, libc::SO_SNDTIMEO)?),
                    };
                    wait.ready(libc::EAGAIN).await?;
                    self.listener.check(call)?;
                }
                sent => return Ok(sent?),
            }
        }
    }

    // --- what the broker relies on -----------------------------------------------------------------------------------

    /// `F_SETFL` without `O_NONBLOCK`.
    fn set_flags(&self, call: &Call) -> Outcome<Value> {
        let asked = call.arguments[2] as i32;
        // Signals on readiness would be set up for the hub's descriptor.
        if asked & libc::O_ASYNC != 0 {
            return Err(Failure::Errno(libc::EINVAL));
        }
        // O_NOATIME would be allowed as it is to the hub; it and the rest stay as they are.
        let changed = libc::O_NONBLOCK | libc::O_APPEND | libc::O_DIRECT;
        let descriptor = self.descriptor(call)?;
        self.nonblocking.change(descriptor.as_fd(), |flags| flags & !changed | asked & changed)?;
        Ok(Value::ZERO)
    }

    /// `FIONBIO`.
    fn set_blocking(&self, call: &Call) -> Outcome<Value> {
        if call.int(1) as u32 != FIONBIO {
            return Err(Failure::Errno(libc::ENOTTY));
        }
        let descriptor = self.descriptor(call)?;
        let nonblocking = target::read_int(&self.listener, call, call.arguments[2])? != 0;
        self.nonblocking.change(descriptor.as_fd(), |flags| {
            if nonblocking { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK }
        })?;
        Ok(Value::ZERO)
    }

    /// `SO_LINGER`. A close that lingers would make the hub wait, where it closes a duplicate last. So a time is not
    /// taken: what was sent is delivered in the background, as without the option.
    fn set_linger(&self, call: &Call) -> Outcome<Value> {
        let socket = self.the_socket(call)?;
        if (call.int(4) as u32 as usize) < size_of::<libc::linger>() {
            return Err(Failure::Errno(libc::EINVAL));
        }
        let mut linger = [0; size_of::<libc::linger>()];
        target::read(&self.listener, call, call.arguments[3], &mut linger)?;
        let [on, seconds] = [&linger[..4], &linger[4..]].map(|half| half != [0; 4]);
        socket::set_linger(socket.descriptor.as_fd(), on && !seconds)?;
        Ok(Value::ZERO)
    }
}

fn is_under_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY))
}

/// A blocking call that waits for its socket, until the program is killed or interrupted or its own timeout is over.
struct Wait<'a> {
    broker: &'a Broker,
    call: &'a Call,
    // The runtime's own interest in the duplicate ends before the duplicate does.
    descriptor: AsyncFd<BorrowedFd<'a>>,
    interest: Interest,
    deadline: Option<Instant>,
}

impl<'a> Wait<'a> {
    fn new(broker: &'a Broker, call: &'a Call, socket: &'a Socket, interest: Interest, timeout: i32) -> Outcome<Self> {
        // SAFETY: the descriptor is borrowed for as long as the value lives, and nothing closes it meanwhile.
        let descriptor = unsafe { AsyncFd::register_with_interest(socket.descriptor.as_fd(), interest) };
        Ok(Self {
            broker,
            call,
            descriptor: descriptor.map_err(io::Error::from)?,
            interest,
            deadline: socket.timeout(timeout)?.and_then(|timeout| Instant::now().checked_add(timeout)),
        })
    }

    /// Waits until a call is worth another attempt. `late` is what the program is told when its timeout is over.
    async fn ready(&mut self, late: i32) -> Outcome<()> {
        loop {
            let deadline = self.deadline.unwrap_or_else(|| Instant::now() + LOOK_AFTER * 2);
            tokio::select! {
                ready = self.descriptor.ready(self.interest) => {
                    // Readiness is told at each change: forgotten now, it is told again if the attempt finds none.
                    ready?.clear_ready();
                    if self.is_ready()? {
                        return Ok(());
                    }
                }
                () = sleep_until(deadline), if self.deadline.is_some() => return Err(Failure::Errno(late)),
                () = sleep(LOOK_AFTER) => {
                    if target::is_signalled(&self.broker.listener, self.call)? {
                        return Err(Failure::Errno(libc::EINTR));
                    }
                }
            }
        }
    }

    fn is_ready(&self) -> Outcome<bool> {
        let events = if self.interest.is_readable() { libc::POLLIN } else { libc::POLLOUT };
        let mut poll = libc::pollfd { fd: self.descriptor.as_raw_fd(), events, revents: 0 };
        // SAFETY: one pollfd, and no waiting.
        Ok(super::errno::check(unsafe { libc::poll(&raw mut poll, 1, 0) })? > 0)
    }
}
