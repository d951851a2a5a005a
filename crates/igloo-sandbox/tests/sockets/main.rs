//! The socket broker with real programs: CPython, curl, tokio. What is granted works as without it; nothing else does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

mod cost;
mod hostile;
mod names;
mod support;
mod tokio_program;

use std::sync::atomic::Ordering;

use igloo_sandbox::sockets::Protocol;
use support::{Grants, python, run, tcp_echo, tcp_trap, udp_echo, udp_trap};

#[test]
fn python_connects_to_what_is_granted_and_to_nothing_else() {
    let echo = tcp_echo();
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, echo)]);
    let out = run(
        python(&format!(
            r#"
import socket
s = socket.create_connection(("127.0.0.1", {0}), timeout=10)
s.sendall(b"hello")
print(s.recv(100), s.getpeername()[1])
s = socket.socket()
s.connect(("127.0.0.1", {0}))
s.sendall(b"again")
print(s.recv(100))
s = socket.socket(socket.AF_INET6)
try:
    s.connect(("::ffff:127.0.0.1", {0}))
    s.sendall(b"mapped")
    print(s.recv(100))
except OSError as error:
    print(error)
for address in ("127.0.0.1", "127.0.0.2", "0.0.0.0"):
    try:
        socket.create_connection((address, {1}))
    except PermissionError as error:
        print(error)
"#,
            echo.port(),
            trap.port()
        )),
        &grants,
    );
    let denied = "[Errno 13] Permission denied\n".repeat(3);
    assert_eq!(out, format!("b'hello' {}\nb'again'\nb'mapped'\n{denied}", echo.port()));
    let port = trap.port();
    // The unspecified address is loopback.
    let refused = ["127.0.0.1", "127.0.0.2", "127.0.0.1"].map(|ip| format!("connect Tcp {ip}:{port}"));
    assert_eq!(*grants.refused.lock(), refused);
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

#[test]
fn errors_are_the_kernels_own() {
    let closed = support::closed_port();
    let grants = Grants::new(&[(Protocol::Tcp, closed)]);
    let out = run(
        python(&format!(
            r#"
import errno, os, socket, ctypes
def error(call):
    try:
        call()
        return "none"
    except OSError as e:
        return errno.errorcode[e.errno]
s = socket.socket()
print("closed", error(lambda: s.connect(("127.0.0.1", {0}))))
s.setblocking(False)
print("closed, non-blocking", error(lambda: s.connect(("127.0.0.1", {0}))))
print("raw", error(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)))
print("ping", error(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)))
print("packet", error(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))
print("netlink", error(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
print("vsock", error(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)))
print("listen", error(lambda: socket.socket().listen()))
print("accept", error(lambda: socket.socket().accept()))
print("bind", error(lambda: socket.socket().bind(("127.0.0.1", 1))))
u = socket.socket(socket.AF_UNIX)
print("unix path", error(lambda: u.connect("/run/dbus/system_bus_socket")))
print("unix abstract", error(lambda: u.connect("\0x")))
print("unix bind", error(lambda: u.bind("\0x")))
print("group", error(lambda: s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, bytes(8))))
print("route", error(lambda: s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 7, 4, 127, 0, 0, 1, 0]))))
print("device", error(lambda: s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")))
print("mark", error(lambda: s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)))
print("nodelay", error(lambda: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)))
print("linger", error(lambda: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\5\0\0\0")))
print("devices", error(lambda: socket.if_nameindex()))
print("fastopen", error(lambda: s.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", {0}))))
file = socket.socket(fileno=os.dup(u.fileno()))
a, b = socket.socketpair()
a.sendmsg([b"over ", b"a pair"])
print(b.recv(100))
with open("/dev/null") as null:
    print("rights", error(lambda: socket.send_fds(a, [b"x"], [null.fileno()])))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.connect(null.fileno(), bytes(16), 16)
    print("no socket", errno.errorcode[ctypes.get_errno()])
libc.connect(1000, bytes(16), 16)
print("no descriptor", errno.errorcode[ctypes.get_errno()])
libc.connect(s.fileno(), ctypes.c_void_p(8), 16)
print("no memory", errno.errorcode[ctypes.get_errno()])
libc.connect(s.fileno(), bytes(16), 3000)
print("long", errno.errorcode[ctypes.get_errno()])
"#,
            closed.port()
        )),
        &grants,
    );
    let expected = "closed ECONNREFUSED
closed, non-blocking EINPROGRESS
raw EPERM
ping EPROTONOSUPPORT
packet EAFNOSUPPORT
netlink EAFNOSUPPORT
vsock EAFNOSUPPORT
listen EACCES
accept EINVAL
bind EACCES
unix path EACCES
unix abstract EACCES
unix bind EACCES
group EPERM
route EPERM
device EPERM
mark EPERM
nodelay none
linger none
devices EAFNOSUPPORT
fastopen ENOTSUP
b'over a pair'
rights EPERM
no socket ENOTSOCK
no descriptor EBADF
no memory EFAULT
long EINVAL
";
    assert_eq!(out, expected);
}

#[test]
fn datagrams_go_to_what_is_granted_and_to_nothing_else() {
    let echo = udp_echo();
    let (trap, caught) = udp_trap();
    let grants = Grants::new(&[(Protocol::Udp, echo)]);
    let out = run(
        python(&format!(
            r#"
import socket
def denied(call):
    try:
        call()
        print("sent")
    except PermissionError:
        print("denied")
echo, trap = ("127.0.0.1", {}), ("127.0.0.1", {})
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"to", echo)
print(s.recv(100))
s.sendmsg([b"a ", b"message"], [], 0, echo)
print(s.recv(100))
denied(lambda: s.sendto(b"x", trap))
denied(lambda: s.sendmsg([b"x"], [], 0, trap))
denied(lambda: s.connect(trap))
s.connect(echo)
s.send(b"connected")
print(s.recv(100))
s.sendmsg([b"connected ", b"message"])
print(s.recv(100))
denied(lambda: s.sendto(b"x", trap))
denied(lambda: s.sendmsg([b"x"], [], 0, trap))
denied(lambda: s.connect(trap))
s.sendto(bytes(60000), echo)
print(len(s.recv(65536)))
try:
    s.sendto(bytes(70000), echo)
except OSError as error:
    print(error)
"#,
            echo.port(),
            trap.port()
        )),
        &grants,
    );
    let expected = "b'to'
b'a message'
denied
denied
denied
b'connected'
b'connected message'
denied
denied
denied
60000
[Errno 90] Message too long
";
    assert_eq!(out, expected);
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

#[test]
fn asyncio_works_unchanged() {
    let (tcp, udp) = (tcp_echo(), udp_echo());
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, tcp), (Protocol::Udp, udp)]);
    let out = run(
        python(&format!(
            r#"
import asyncio
class Client(asyncio.DatagramProtocol):
    def __init__(self): self.got = asyncio.get_running_loop().create_future()
    def datagram_received(self, data, address): self.got.set_result(data)
    def error_received(self, error): self.got.set_exception(error)
async def one(number):
    reader, writer = await asyncio.open_connection("127.0.0.1", {0})
    writer.write(b"%d" % number * 1000)
    writer.write_eof()
    assert await reader.read() == b"%d" % number * 1000
    writer.close()
async def main():
    await asyncio.gather(*map(one, range(100)))
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(Client, remote_addr=("127.0.0.1", {1}))
    transport.sendto(b"connected")
    print(await client.got)
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(Client, local_addr=("127.0.0.1", 0))
    transport.sendto(b"bound", ("127.0.0.1", {1}))
    print(await client.got)
    try:
        await asyncio.open_connection("127.0.0.1", {2})
    except PermissionError as error:
        print(error.errno)
asyncio.run(main())
"#,
            tcp.port(),
            udp.port(),
            trap.port()
        )),
        &grants,
    );
    assert_eq!(out, "b'connected'\nb'bound'\n13\n");
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

#[test]
fn http_libraries_work_unchanged() {
    let server = support::http();
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, server)]);
    let out = run(
        python(&format!(
            r#"
import http.client, urllib.request
connection = http.client.HTTPConnection("127.0.0.1", {0}, timeout=10)
connection.request("GET", "/")
print(connection.getresponse().read())
print(urllib.request.urlopen("http://127.0.0.1:{0}/").read())
"#,
            server.port()
        )),
        &grants,
    );
    assert_eq!(out, "b'hello'\nb'hello'\n");

    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: there is no curl");
        return;
    }
    let curl = |port: u16| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "--noproxy", "*", &format!("http://127.0.0.1:{port}/")]);
        curl
    };
    assert_eq!(run(curl(server.port()), &grants), "hello");
    let refused = support::Sandbox::start(curl(trap.port()), &grants).finish();
    assert_eq!(refused.status.code(), Some(7), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

#[test]
fn a_listener_accepts_peers_that_may_come() {
    let port = support::closed_port();
    let grants = Grants::new(&[(Protocol::Tcp, port)]);
    grants.listen.lock().insert(port);
    grants.accept.store(2, Ordering::SeqCst);
    let out = run(
        python(&format!(
            r#"
import socket, threading, time
address = ("127.0.0.1", {})
server = socket.create_server(address)
def client(text):
    s = socket.create_connection(address)
    s.sendall(text)
    return s
first = client(b"first")
one, peer = server.accept()
print(one.recv(100), peer == first.getsockname())
# Blocking, with a client that comes later.
threading.Timer(0.2, lambda: print(client(b"second").recv(100))).start()
two, _ = server.accept()
print(two.recv(100))
two.sendall(b"answer")
two.close()
# Turned away: the server does not see it, and its own timeout holds.
third = client(b"third")
server.settimeout(0.3)
try:
    server.accept()
except TimeoutError:
    print("nobody")
print(third.recv(100) if False else "closed")
server.setblocking(False)
try:
    server.accept()
except BlockingIOError:
    print("nobody yet")
"#,
            port.port()
        )),
        &grants,
    );
    let lines: std::collections::HashSet<&str> = out.lines().collect();
    let expected = ["b'first' True", "b'second'", "b'answer'", "nobody", "closed", "nobody yet"];
    assert_eq!(lines, expected.into_iter().collect(), "{out}");
    assert_eq!(*grants.refused.lock(), ["accept 127.0.0.1"]);
}

#[test]
fn timeouts_and_signals_end_calls_that_wait() {
    let port = support::closed_port();
    let grants = Grants::new(&[]);
    grants.listen.lock().insert(port);
    let out = run(
        python(&format!(
            r#"
import signal, socket, struct, time
class Woken(Exception): pass
def wake(*_): raise Woken
signal.signal(signal.SIGALRM, wake)
server = socket.create_server(("127.0.0.1", {0}))
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    server.accept()
except Woken:
    print("woken")
# A handler that returns: the call goes on, and the client is still accepted.
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 300000))
try:
    server.accept()
except BlockingIOError:
    print("late")
"#,
            port.port()
        )),
        &grants,
    );
    assert_eq!(out, "woken\nlate\n");
}

#[test]
fn node_works_unchanged() {
    if std::process::Command::new("node").arg("--version").output().is_err() {
        println!("skipped: there is no Node.js");
        return;
    }
    let (tcp, udp, port) = (tcp_echo(), udp_echo(), support::closed_port());
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, tcp), (Protocol::Udp, udp), (Protocol::Tcp, port)]);
    grants.listen.lock().insert(port);
    let mut node = std::process::Command::new("node");
    node.arg("-e").arg(format!(
        r#"
const net = require("net"), dgram = require("dgram"), {{ once }} = require("events");
(async () => {{
    const stream = net.connect({}, "127.0.0.1");
    stream.write("stream");
    console.log(String(await once(stream, "data")));
    const socket = dgram.createSocket("udp4");
    socket.send("datagram", {}, "127.0.0.1");
    console.log(String((await once(socket, "message"))[0]));
    const server = net.createServer(peer => peer.end("welcome")).listen({}, "127.0.0.1");
    await once(server, "listening");
    console.log(String(await once(net.connect(server.address()), "data")));
    const [error] = await once(net.connect({}, "127.0.0.1"), "error").catch(error => [error]);
    console.log(error.code);
    process.exit(0);
}})();
"#,
        tcp.port(),
        udp.port(),
        port.port(),
        trap.port()
    ));
    assert_eq!(run(node, &grants), "stream\ndatagram\nwelcome\nEACCES\n");
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}
