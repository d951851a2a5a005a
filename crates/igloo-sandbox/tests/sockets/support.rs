//! A child with the filter, the policy that the broker asks about it, and servers for it to reach.

use std::{
    collections::HashSet,
    ffi::CString,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use igloo_sandbox::sockets::{Decide, Event, Limits, LocalSocket, Protocol, filter, serve};
use parking_lot::Mutex;
use tokio::{runtime::Runtime, task::JoinHandle};

/// Generous: what takes this long is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Sockets of its own namespace that a child makes for the test.
const LOCAL_SOCKETS: usize = 32;

/// Grants, and what was asked.
#[derive(Default)]
pub(crate) struct Grants {
    pub(crate) connect: Mutex<HashSet<(Protocol, SocketAddr)>>,
    pub(crate) listen: Mutex<HashSet<SocketAddr>>,
    pub(crate) accept: AtomicUsize,
    pub(crate) refused: Mutex<Vec<String>>,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) limits: Mutex<Option<Limits>>,
    local: Mutex<Vec<OwnedFd>>,
}

impl Grants {
    pub(crate) fn new(connect: &[(Protocol, SocketAddr)]) -> Arc<Self> {
        let grants = Self::default();
        grants.connect.lock().extend(connect);
        // Peers that may still be accepted.
        grants.accept.store(usize::MAX, Ordering::SeqCst);
        Arc::new(grants)
    }

    fn check(&self, granted: bool, what: String) -> bool {
        if !granted {
            self.refused.lock().push(what);
        }
        granted
    }
}

impl Decide for Grants {
    fn connect(&self, protocol: Protocol, to: SocketAddr) -> bool {
        self.check(self.connect.lock().contains(&(protocol, to)), format!("connect {protocol:?} {to}"))
    }

    fn associate(&self, to: SocketAddr) -> bool {
        self.connect.lock().contains(&(Protocol::Udp, to))
    }

    fn bind(&self, protocol: Protocol, at: SocketAddr) -> bool {
        let granted = at.port() == 0 || self.listen.lock().contains(&at);
        self.check(granted, format!("bind {protocol:?} {at}"))
    }

    fn listen(&self, at: SocketAddr) -> bool {
        let listen = self.listen.lock();
        let granted = listen.iter().any(|granted| granted.ip() == at.ip() && [0, at.port()].contains(&granted.port()));
        self.check(granted, format!("listen {at}"))
    }

    fn accept(&self, from: SocketAddr) -> bool {
        let left = self.accept.load(Ordering::SeqCst);
        if left > 0 {
            self.accept.store(left - 1, Ordering::SeqCst);
        }
        self.check(left > 0, format!("accept {}", from.ip()))
    }

    fn local_socket(&self, ipv6: bool) -> LocalSocket<'_> {
        // The last half is of IPv6.
        let socket = {
            let mut local = self.local.lock();
            if local.is_empty() {
                None
            } else if ipv6 {
                local.pop()
            } else {
                Some(local.remove(0))
            }
        };
        Box::pin(async move { socket.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOTSUP)) })
    }

    fn limits(&self) -> Limits {
        self.limits.lock().unwrap_or_default()
    }

    fn event(&self, event: Event) {
        self.events.lock().push(event);
    }
}

/// A program under the filter, and the broker that serves it.
pub(crate) struct Sandbox {
    pub(crate) child: Child,
    pub(crate) resolver: Option<OwnedFd>,
    pub(crate) broker: JoinHandle<io::Result<()>>,
    pub(crate) runtime: Arc<Runtime>,
}

impl Sandbox {
    /// Starts a program with a broker and the hub's network.
    pub(crate) fn start(command: Command, grants: &Arc<Grants>) -> Self {
        Self::start_in(command, grants, None).unwrap()
    }

    /// Starts a program with a namespace of its own, whose name server is the broker's.
    pub(crate) fn start_isolated(
        command: Command,
        grants: &Arc<Grants>,
        files: &tempfile::TempDir,
    ) -> io::Result<Self> {
        std::fs::write(files.path().join("resolv.conf"), "nameserver 127.0.0.53\n")?;
        std::fs::write(files.path().join("nsswitch.conf"), "hosts: files dns\n")?;
        std::fs::write(files.path().join("hosts"), "127.0.0.1 localhost\n")?;
        Self::start_in(command, grants, Some(files))
    }

    fn start_in(mut command: Command, grants: &Arc<Grants>, files: Option<&tempfile::TempDir>) -> io::Result<Self> {
        let (mut report, child_report) = pipe();
        let (child_go, mut go) = pipe();
        let (report_end, go_end) = (child_report.as_raw_fd(), child_go.as_raw_fd());
        let namespaces = files.map(Namespaces::new);
        // SAFETY: between fork and exec it only makes system calls, with memory that is prepared.
        unsafe {
            command.pre_exec(move || prepare(namespaces.as_ref(), report_end, go_end));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = thread::spawn(move || {
            let child = command.spawn();
            drop((child_report, child_go));
            child
        });
        let mut numbers = [0; 12];
        if report.read_exact(&mut numbers).is_err() {
            return Err(spawned.join().unwrap().err().unwrap_or_else(|| io::Error::other("the child said nothing")));
        }
        let [pid, listener, resolver] = [0, 4, 8].map(|at| i32::from_ne_bytes(numbers[at..at + 4].try_into().unwrap()));
        let take = |number| take(pid, number).unwrap();
        let listener = take(listener);
        let resolver = (resolver >= 0).then(|| {
            grants.local.lock().extend((1..=LOCAL_SOCKETS as i32).map(|next| take(resolver + next)));
            take(resolver)
        });
        let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
        let broker = runtime.spawn(serve(listener, pid as u32, grants.clone()));
        go.write_all(b"g")?;
        let child = spawned.join().unwrap()?;
        Ok(Self { child, resolver, broker, runtime })
    }

    /// Waits for the program, and for the broker, which ends with it.
    pub(crate) fn finish(self) -> Output {
        let output = self.child.wait_with_output().unwrap();
        let broker = self.broker;
        let ended = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, broker).await });
        ended.expect("the broker ends with the sandbox").unwrap().unwrap();
        output
    }
}

/// Runs a program to its end, and returns what it printed.
pub(crate) fn run(command: Command, grants: &Arc<Grants>) -> String {
    text(&Sandbox::start(command, grants).finish())
}

/// What a program printed; it is to have succeeded.
pub(crate) fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out
}

pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-I", "-c", script]);
    command
}

/// Runs one of the ignored tests of this file as a program.
pub(crate) fn this_program(test: &str, argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env("ARGUMENT", argument);
    command
}

fn pipe() -> (std::fs::File, std::fs::File) {
    let mut ends = [0; 2];
    // SAFETY: pipe2 writes two descriptors, which nobody else owns.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (std::fs::File::from_raw_fd(ends[0]), std::fs::File::from_raw_fd(ends[1]))
    }
}

fn take(pid: i32, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed; values of at least 0 are new descriptors.
    unsafe {
        let process = libc::syscall(libc::SYS_pidfd_open, pid, 0) as i32;
        let taken = libc::syscall(libc::SYS_pidfd_getfd, process, number, 0) as i32;
        let error = io::Error::last_os_error();
        libc::close(process);
        if taken < 0 { Err(error) } else { Ok(OwnedFd::from_raw_fd(taken)) }
    }
}

struct Namespaces {
    user: bool,
    uid_map: CString,
    gid_map: CString,
    mounts: Vec<(CString, CString)>,
}

impl Namespaces {
    fn new(files: &tempfile::TempDir) -> Self {
        // SAFETY: these take nothing and cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        let text = |text: String| CString::new(text).unwrap();
        Self {
            user: uid != 0,
            uid_map: text(format!("0 {uid} 1")),
            gid_map: text(format!("0 {gid} 1")),
            mounts: ["resolv.conf", "nsswitch.conf", "hosts"]
                .into_iter()
                .filter(|name| std::path::Path::new("/etc").join(name).exists())
                .map(|name| (text(format!("{}/{name}", files.path().display())), text(format!("/etc/{name}"))))
                .collect(),
        }
    }

    /// # Safety
    ///
    /// In a process with one thread.
    unsafe fn enter(&self) -> io::Result<i32> {
        let check = |value: i32| if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value) };
        // SAFETY: system calls with memory that is prepared and terminated.
        unsafe {
            let user = if self.user { libc::CLONE_NEWUSER } else { 0 };
            check(libc::unshare(user | libc::CLONE_NEWNET | libc::CLONE_NEWNS))?;
            if self.user {
                for (path, value) in [
                    (c"/proc/self/setgroups", c"deny"),
                    (c"/proc/self/uid_map", &self.uid_map),
                    (c"/proc/self/gid_map", &self.gid_map),
                ] {
                    let file = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
                    check(libc::write(file, value.as_ptr().cast(), value.count_bytes()) as i32)?;
                    libc::close(file);
                }
            }
            let null = std::ptr::null();
            check(libc::mount(null, c"/".as_ptr(), null, libc::MS_REC | libc::MS_PRIVATE, null.cast()))?;
            for (from, to) in &self.mounts {
                check(libc::mount(from.as_ptr(), to.as_ptr(), null, libc::MS_BIND, null.cast()))?;
            }
            let socket = |domain| check(libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0));
            let resolver = socket(libc::AF_INET)?;
            let mut request = std::mem::zeroed::<libc::ifreq>();
            request.ifr_name[..2].copy_from_slice(&[b'l' as _, b'o' as _]);
            request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as _;
            check(libc::ioctl(resolver, libc::SIOCSIFFLAGS as _, &raw const request))?;
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as _,
                sin_port: 53_u16.to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 53]) },
                sin_zero: [0; 8],
            };
            check(libc::bind(resolver, (&raw const address).cast(), size_of_val(&address) as _))?;
            // Above what anything else has open, with the others after it.
            let resolver = check(libc::fcntl(resolver, libc::F_DUPFD_CLOEXEC, 500))?;
            for index in 0..LOCAL_SOCKETS {
                let made = socket(if index < LOCAL_SOCKETS / 2 { libc::AF_INET } else { libc::AF_INET6 })?;
                check(libc::dup2(made, resolver + 1 + index as i32))?;
                libc::fcntl(resolver + 1 + index as i32, libc::F_SETFD, libc::FD_CLOEXEC);
            }
            Ok(resolver)
        }
    }
}

fn prepare(namespaces: Option<&Namespaces>, report: RawFd, go: RawFd) -> io::Result<()> {
    // SAFETY: in the child of a fork; system calls with memory that is on the stack.
    unsafe {
        let resolver = match namespaces {
            Some(namespaces) => namespaces.enter()?,
            None => -1,
        };
        let listener = filter::install()?;
        let mut numbers = [0; 12];
        for (at, number) in [libc::getpid(), listener.as_raw_fd(), resolver].into_iter().enumerate() {
            numbers[at * 4..at * 4 + 4].copy_from_slice(&number.to_ne_bytes());
        }
        libc::write(report, numbers.as_ptr().cast(), numbers.len());
        let mut byte = 0_u8;
        while libc::read(go, (&raw mut byte).cast(), 1) < 0 {}
        // Close-on-exec: it is gone with this program.
        std::mem::forget(listener);
    }
    Ok(())
}

/// A TCP server that sends back what it gets.
pub(crate) fn tcp_echo() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            thread::spawn(move || {
                let mut reader = stream.try_clone().unwrap();
                let _ = io::copy(&mut reader, &mut &stream);
                let _ = stream.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

/// A UDP server that sends back what it gets.
pub(crate) fn udp_echo() -> SocketAddr {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = server.recv_from(&mut buffer) {
            let _ = server.send_to(&buffer[..length], from);
        }
    });
    address
}

/// A TCP server that counts who connects.
pub(crate) fn tcp_trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let caught = count.clone();
    thread::spawn(move || {
        for _ in server.incoming().flatten() {
            caught.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, count)
}

/// A UDP server that counts what it gets.
pub(crate) fn udp_trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let caught = count.clone();
    thread::spawn(move || {
        while server.recv_from(&mut [0; 2048]).is_ok() {
            caught.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, count)
}

/// An address at which nobody listens.
pub(crate) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An HTTP server that says hello.
pub(crate) fn http() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                    head.push(byte[0]);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
            });
        }
    });
    address
}

/// What a program of this file was given.
pub(crate) fn arguments() -> Vec<String> {
    std::env::var("ARGUMENT").unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Waits until a program has printed a line.
pub(crate) fn wait_for_line(child: &mut Child, expected: &str) {
    let mut line = Vec::new();
    let mut byte = [0];
    let out = child.stdout.as_mut().unwrap();
    while out.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    assert_eq!(String::from_utf8_lossy(&line), expected);
}
