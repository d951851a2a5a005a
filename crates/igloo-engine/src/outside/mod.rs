//! What a provider reaches beyond its home: sockets, names, HTTP, serial ports. The capabilities of every engine ask one
//! [`Outside`].
//!
//! There are two: [`Local`] asks the [`Policy`](crate::Policy) and does it, in the hub; [`Remote`](crate::worker) is that
//! of a component in a worker process, and asks the hub over its socket.

pub(crate) mod http;
pub(crate) mod local;
pub(crate) mod ports;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use igloo_wire::{
    message::SerialControl,
    types::serial::{ErrorCode as SerialError, ModemLines, Settings, Slot},
};
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

pub(crate) use self::local::Local;
use crate::{
    discovery::{Browse, DiscoveryError, Finding},
    policy::ResolveError,
};

/// See the module.
pub(crate) trait Outside: Send + Sync + 'static {
    /// Whether a socket may be used so.
    fn socket(&self, purpose: SocketAddrUse, address: SocketAddr) -> bool;

    /// The granted addresses of a name.
    fn resolve(&self, name: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>>;

    /// Sends a request to a granted origin.
    fn http(
        &self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> BoxFuture<'static, http::Sent>;

    /// The slots that the owner bound.
    fn slots(&self) -> Vec<Slot>;

    /// Waits until a slot's port is there.
    fn wait_present(&self, slot: String) -> BoxFuture<'static, Result<(), SerialError>>;

    /// Opens a slot's port.
    fn open_port(&self, slot: String, settings: Settings) -> BoxFuture<'static, Result<OpenPort, SerialError>>;

    /// Looks for something on the local network.
    fn look(&self, sought: Sought) -> BoxFuture<'static, Result<Box<dyn Finder>, DiscoveryError>>;
}

/// What is looked for on the local network.
#[derive(Clone, Debug)]
pub(crate) enum Sought {
    /// Services of a type.
    Services(String),
    /// Devices that answer to a search target.
    Devices(String),
}

/// What is found of it. Dropping it ends the search.
pub(crate) trait Finder: Send + 'static {
    /// The next changes, at least one and at most `most`. It has no end.
    fn poll_next(&mut self, context: &mut Context<'_>, most: usize) -> Poll<Vec<Finding>>;
}

impl Finder for Browse {
    fn poll_next(&mut self, context: &mut Context<'_>, most: usize) -> Poll<Vec<Finding>> {
        Self::poll_next(self, context, most)
    }
}

/// An open serial port. It closes when all its parts are dropped.
pub(crate) struct OpenPort {
    /// What arrives. Its end is an error: see [`ports::why`].
    pub(crate) reader: Box<dyn AsyncRead + Send + Sync + Unpin>,
    /// What is sent.
    pub(crate) writer: Box<dyn AsyncWrite + Send + Sync + Unpin>,
    /// Everything beside the bytes.
    pub(crate) control: Arc<dyn PortControl>,
}

impl std::fmt::Debug for OpenPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenPort")
    }
}

/// Everything beside a port's bytes.
pub(crate) trait PortControl: Send + Sync {
    /// Does it; answers the lines where they are asked for.
    fn control(&self, control: SerialControl) -> BoxFuture<'static, Result<Option<ModemLines>, SerialError>>;
}
