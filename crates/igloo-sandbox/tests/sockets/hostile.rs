//! Programs that try to reach more than they may, and to make the hub wait or keep what they leave.

use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use igloo_sandbox::sockets::{Event, Limits, Protocol};

use crate::support::{
    Grants, Sandbox, arguments, closed_port, python, run, tcp_trap, this_program, udp_echo, udp_trap, wait_for_line,
};

#[test]
fn what_changes_during_a_call_reaches_nothing_that_is_not_granted() {
    let (granted_udp, received) = udp_trap();
    let (granted_tcp, connected) = tcp_trap();
    let (trap_udp, caught_udp) = udp_trap();
    let (trap_tcp, caught_tcp) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Udp, granted_udp), (Protocol::Tcp, granted_tcp)]);
    let addresses = [granted_udp, trap_udp, granted_tcp, trap_tcp].map(|address| address.port().to_string()).join(" ");
    run(this_program("hostile::swapping_program", &addresses), &grants);
    assert!(received.load(Ordering::SeqCst) > 100, "the program did nothing");
    assert!(connected.load(Ordering::SeqCst) > 10, "the program did nothing");
    assert!(grants.refused.lock().len() > 100, "the program did nothing");
    assert_eq!((caught_udp.load(Ordering::SeqCst), caught_tcp.load(Ordering::SeqCst)), (0, 0));
}

/// An address whose port another thread changes all the time.
#[repr(C)]
struct Swapped {
    family: u16,
    port: AtomicU16,
    ip: [u8; 4],
    zero: [u8; 8],
}

impl Swapped {
    fn new() -> Self {
        Self { family: libc::AF_INET as u16, port: AtomicU16::new(0), ip: [127, 0, 0, 1], zero: [0; 8] }
    }
}

#[test]
#[ignore = "a program for another test"]
fn swapping_program() {
    let ports: Vec<u16> = arguments().iter().map(|port| port.parse().unwrap()).collect();
    let (udp, tcp) = (Swapped::new(), Swapped::new());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect(("127.0.0.1", ports[0])).unwrap();
    let swapped = connected.try_clone().unwrap();
    let done = AtomicBool::new(false);
    let until = Instant::now() + Duration::from_secs(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for side in [0, 1] {
                    udp.port.store(ports[side].to_be(), Ordering::Relaxed);
                    tcp.port.store(ports[side + 2].to_be(), Ordering::Relaxed);
                    for _ in 0..50 {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        // The descriptor is now a connected socket, now one that is not.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for from in [&socket, &connected] {
                    // SAFETY: both descriptors are open, and `swapped` stays so.
                    unsafe { libc::dup2(from.as_raw_fd(), swapped.as_raw_fd()) };
                }
            }
        });
        while Instant::now() < until {
            let mut data = *b"hostile";
            let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
            // SAFETY: pointers to what outlives the calls; all bits zero is a value of msghdr.
            unsafe {
                let mut message = std::mem::zeroed::<libc::mmsghdr>();
                message.msg_hdr.msg_name = (&raw const udp).cast_mut().cast();
                message.msg_hdr.msg_namelen = 16;
                message.msg_hdr.msg_iov = &raw mut part;
                message.msg_hdr.msg_iovlen = 1;
                for socket in [socket.as_raw_fd(), swapped.as_raw_fd()] {
                    libc::sendmsg(socket, &raw const message.msg_hdr, 0);
                    libc::sendmmsg(socket, &raw mut message, 1, 0);
                    libc::sendto(socket, part.iov_base, part.iov_len, 0, (&raw const udp).cast(), 16);
                }
                let stream = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
                libc::connect(stream, (&raw const tcp).cast(), 16);
                libc::close(stream);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn nothing_makes_the_hub_wait() {
    // A listener whose queue is full: connecting to it takes minutes.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: no memory is passed.
    unsafe { libc::listen(full.as_raw_fd(), 0) };
    let address = full.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
    }
    let grants = Grants::new(&[(Protocol::Tcp, address)]);
    let out = run(this_program("hostile::blocking_program", &address.to_string()), &grants);
    let calls: u64 = out.lines().find_map(|line| line.strip_prefix("calls ")?.parse().ok()).unwrap();
    assert!(calls > 100, "{calls} calls in a second");
}

#[test]
#[ignore = "a program for another test"]
fn blocking_program() {
    let address: SocketAddr = arguments()[0].parse().unwrap();
    let calls = AtomicU64::new(0);
    // SAFETY: sockets of its own, and memory that outlives the calls.
    unsafe {
        let stream = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        for flags in 0..4 {
            thread::spawn(move || {
                let mut off = 0;
                loop {
                    match flags {
                        0 => libc::fcntl(stream, libc::F_SETFL, 0),
                        1 => libc::ioctl(stream, libc::FIONBIO, &raw mut off),
                        _ => connect(stream, address),
                    };
                }
            });
        }
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            drop(UdpSocket::bind("127.0.0.1:0").unwrap());
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }
    println!("\ncalls {}", calls.into_inner());
    std::process::exit(0);
}

fn connect(stream: i32, to: SocketAddr) -> i32 {
    let address = Swapped::new();
    address.port.store(to.port().to_be(), Ordering::Relaxed);
    // SAFETY: the address is a struct sockaddr_in.
    unsafe { libc::connect(stream, (&raw const address).cast(), 16) }
}

#[test]
fn a_killed_program_leaves_no_call_behind() {
    let port = closed_port();
    let grants = Grants::new(&[]);
    grants.listen.lock().insert(port);
    let script = format!(
        "import socket\ns = socket.create_server(('127.0.0.1', {}))\nprint('listening', flush=True)\ns.accept()",
        port.port()
    );
    let mut sandbox = Sandbox::start(python(&script), &grants);
    wait_for_line(&mut sandbox.child, "listening");
    sandbox.child.kill().unwrap();
    // The broker ends, and with it the task that waited: nobody holds the port any more.
    let output = sandbox.finish();
    assert!(!output.status.success());
    let until = Instant::now() + crate::support::DEADLINE;
    while TcpListener::bind(port).is_err() {
        assert!(Instant::now() < until, "the listening socket is still there");
        thread::yield_now();
    }
}

#[test]
fn sockets_are_counted_in_all_processes() {
    let grants = Grants::new(&[]);
    *grants.limits.lock() = Some(Limits { sockets: 20, waiting: 4 });
    let out = run(
        python(
            r#"
import errno, os, socket
def fill():
    held = []
    while True:
        try:
            held.append(socket.socket())
        except OSError as error:
            assert error.errno == errno.EMFILE
            return held
held = fill()
print(len(held))
# What is closed may be opened again.
held.clear()
held = fill()
print(len(held))
# A child has half of them, and they still count.
read, write = os.pipe()
if os.fork() == 0:
    os.close(write)
    os.read(read, 1)
    os._exit(0)
del held[10:]
print(len(fill()))
"#,
        ),
        &grants,
    );
    assert_eq!(out, "20\n20\n0\n");
    assert!(grants.events.lock().contains(&Event::TooManySockets(20)));
}

#[test]
fn calls_that_wait_are_bounded() {
    let port = closed_port();
    let grants = Grants::new(&[]);
    grants.listen.lock().insert(port);
    *grants.limits.lock() = Some(Limits { sockets: 20, waiting: 4 });
    let out = run(
        python(&format!(
            r#"
import errno, os, queue, socket, threading
server = socket.create_server(("127.0.0.1", {}))
errors = queue.Queue()
def accept():
    try:
        server.accept()
    except OSError as error:
        errors.put(error.errno)
for _ in range(6):
    threading.Thread(target=accept, daemon=True).start()
print([errno.errorcode[errors.get(timeout=30)] for _ in range(2)], flush=True)
os._exit(0)
"#,
            port.port()
        )),
        &grants,
    );
    assert_eq!(out, "['ENOBUFS', 'ENOBUFS']\n");
    assert!(grants.events.lock().contains(&Event::TooManyWaiting(4)));
}

#[test]
fn a_flood_of_datagrams_takes_its_turns() {
    let echo = udp_echo();
    let grants = Grants::new(&[(Protocol::Udp, echo)]);
    // More than one second's calls: they wait, and all of them are made.
    let out = run(
        python(&format!(
            r#"
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
start = time.monotonic()
for _ in range(25000):
    s.sendto(b"x", ("127.0.0.1", {}))
print(time.monotonic() - start >= 1)
"#,
            echo.port()
        )),
        &grants,
    );
    assert_eq!(out, "True\n");
}

/// Numbers that a program sends over a stream while signals interrupt it.
const NUMBERS: u32 = 8000;

#[test]
fn a_call_that_a_signal_repeats_is_made_once() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        server.accept().unwrap().0.read_to_end(&mut received).unwrap();
        received
    });
    let grants = Grants::new(&[(Protocol::Tcp, address)]);
    run(this_program("hostile::interrupted_program", &address.to_string()), &grants);
    let expected: Vec<u8> = (0..NUMBERS).flat_map(u32::to_ne_bytes).collect();
    assert!(reader.join().unwrap() == expected, "something is missing, or there twice");
}

extern "C" fn handler(_: i32) {}

#[test]
#[ignore = "a program for another test"]
fn interrupted_program() {
    let stream = TcpStream::connect(arguments()[0].as_str()).unwrap();
    // SAFETY: the handler does nothing; all bits zero are values of the structures; what they point to outlives the
    // calls.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
        let sender = libc::pthread_self();
        thread::spawn(move || {
            loop {
                libc::pthread_kill(sender, libc::SIGUSR1);
                thread::sleep(Duration::from_micros(30));
            }
        });
        for number in 0..NUMBERS {
            let mut data = number.to_ne_bytes();
            let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
            let mut message = std::mem::zeroed::<libc::msghdr>();
            message.msg_iov = &raw mut part;
            message.msg_iovlen = 1;
            assert_eq!(libc::sendmsg(stream.as_raw_fd(), &raw const message, 0), 4);
        }
    }
    drop(stream);
    std::process::exit(0);
}
