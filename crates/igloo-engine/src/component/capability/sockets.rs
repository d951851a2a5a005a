//! `wasi:sockets/types`: wasmtime's own, but for what a component gets that has as many sockets as it may: an error, not
//! its end. A connection that its listener accepts beyond the limit still ends it.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::{
    p3::{
        bindings::sockets::types::{self, ErrorCode, HostTcpSocket, HostUdpSocket, IpAddressFamily},
        sockets::SocketError,
    },
    sockets::{TcpSocket, UdpSocket, WasiSockets},
};

use crate::{component::state::State, counted::Full};

const INTERFACE: &str = "wasi:sockets/types@0.3.0";
/// WASI 0.2's name for it (`wasi:sockets/network`, `error-code`), which 0.3 has no case for.
const LIMIT: &str = "new-socket-limit";

/// A new socket, as WASI's functions give it.
type Created<T> = wasmtime::Result<(Result<Resource<T>, ErrorCode>,)>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, WasiSockets>(linker, State::sockets)?;
    linker.allow_shadowing(true);
    let mut functions = linker.instance(INTERFACE)?;
    functions.func_wrap("[static]tcp-socket.create", |mut store, (family,): (IpAddressFamily,)| {
        let state: &mut State = store.data_mut();
        let created: Created<TcpSocket> = match state.has_room_for_socket() {
            Ok(()) => given(HostTcpSocket::create(&mut state.sockets(), family)),
            Err(full) => Ok((Err(limited(full)),)),
        };
        created
    })?;
    functions.func_wrap_async("[static]udp-socket.create", |mut store, (family,): (IpAddressFamily,)| {
        Box::new(async move {
            let state: &mut State = store.data_mut();
            let created: Created<UdpSocket> = match state.has_room_for_socket() {
                Ok(()) => given(HostUdpSocket::create(&mut state.sockets(), family).await),
                Err(full) => Ok((Err(limited(full)),)),
            };
            created
        })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn given<T: 'static>(created: Result<Resource<T>, SocketError>) -> Created<T> {
    match created {
        Ok(socket) => Ok((Ok(socket),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

/// Its name for programs, and the rest for people.
fn limited(full: Full) -> ErrorCode {
    ErrorCode::Other(Some(format!("{LIMIT}: {full}")))
}
