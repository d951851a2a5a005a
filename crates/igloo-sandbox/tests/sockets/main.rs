//! The socket broker with real programs: CPython, curl, tokio. What is granted works as without it; nothing else does.

mod support;

use igloo_sandbox::sockets::Protocol;
use support::{Grants, python, run, tcp_echo, tcp_trap};

#[test]
fn python_connects_to_what_is_granted_and_to_nothing_else() {
    let echo = tcp_echo();
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, echo)]);
    let out = run(
        python(&format!(
            r#"
import socket
s = socket.create_connection(("{}", {}), timeout=10)
s.sendall(b"hello")
print(s.recv(100), s.getpeername()[1])
s = socket.socket()
s.connect(("127.0.0.1", {}))
s.sendall(b"again")
print(s.recv(100))
try:
    socket.create_connection(("127.0.0.1", {}))
except PermissionError as error:
    print(error)
"#,
            echo.ip(),
            echo.port(),
            echo.port(),
            trap.port()
        )),
        &grants,
    );
    assert_eq!(out, format!("b'hello' {}\nb'again'\n[Errno 13] Permission denied\n", echo.port()));
    assert_eq!(*grants.refused.lock(), [format!("connect Tcp {trap}")]);
    assert_eq!(caught.load(std::sync::atomic::Ordering::SeqCst), 0);
}
