//! Names: what `getaddrinfo` and others ask goes to the resolver in the sandbox's own namespace.

use std::sync::Arc;

use igloo_sandbox::sockets::{
    Protocol,
    resolver::{self, Lookup, Resolve, ResolveError},
};

use crate::support::{Grants, Sandbox, python, tcp_echo, text};

struct Names;

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            match name {
                "lamp.example" => Ok(vec!["127.0.0.1".parse().unwrap()]),
                "both.example" => Ok(vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]),
                "missing.example" => Err(ResolveError::NotFound),
                _ => Err(ResolveError::Denied),
            }
        })
    }
}

#[test]
fn libraries_look_names_up_at_the_resolver() {
    let echo = tcp_echo();
    let grants = Grants::new(&[(Protocol::Tcp, echo)]);
    let files = tempfile::tempdir().unwrap();
    let script = format!(
        r#"
import asyncio, socket, sys
def look(name):
    try:
        return sorted({{entry[4][0] for entry in socket.getaddrinfo(name, {0})}})
    except socket.gaierror as error:
        return error.errno
print(look("lamp.example"), look("LAMP.example."), look("both.example"))
print(look("missing.example") == socket.EAI_NONAME, look("denied.example"))
s = socket.create_connection(("lamp.example", {0}), timeout=10)
s.sendall(b"by name")
print(s.recv(100))
async def main():
    reader, writer = await asyncio.open_connection("lamp.example", {0})
    writer.write(b"asynchronously")
    print(await reader.read(100))
asyncio.run(main())
# As musl does: bound, and by sendto; then the same socket elsewhere, and back.
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
s.bind(("0.0.0.0", 0))
question = b"\0\7\1\0\0\1\0\0\0\0\0\0\4lamp\7example\0\0\1\0\1"
import select
def ask():
    s.sendto(question, ("127.0.0.53", 53))
    select.select([s], [], [], 10)
    answer, source = s.recvfrom(512)
    return answer[-4:], source
print(ask())
assert not s.getblocking() and not s.get_inheritable()
try:
    s.sendto(b"x", ("127.0.0.1", {0}))
except PermissionError:
    print("denied")
print(ask())
try:
    socket.create_connection(("127.0.0.53", 53))
except ConnectionRefusedError:
    print("no TCP")
"#,
        echo.port()
    );
    let mut sandbox = match Sandbox::start_isolated(python(&script), &grants, &files) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            println!("skipped: no network namespace here: {error}");
            return;
        }
    };
    let resolver = sandbox.runtime.spawn(resolver::serve(sandbox.resolver.take().unwrap(), Arc::new(Names)));
    let out = text(&sandbox.finish());
    resolver.abort();
    let expected = "['127.0.0.1'] ['127.0.0.1'] ['127.0.0.1', '::1']
True -3
b'by name'
b'asynchronously'
(b'\\x7f\\x00\\x00\\x01', ('127.0.0.53', 53))
denied
(b'\\x7f\\x00\\x00\\x01', ('127.0.0.53', 53))
no TCP
";
    assert_eq!(out, expected);
    // The probes that sort addresses are no denials.
    assert_eq!(*grants.refused.lock(), [format!("connect Udp {echo}")]);
}
