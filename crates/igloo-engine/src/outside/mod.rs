//! What a provider reaches beyond its home: sockets, names, HTTP, serial ports. The capabilities of every engine ask one
//! [`Outside`].
//!
//! There are two: [`Local`] asks the [`Policy`](crate::Policy) and does it, in the hub; [`Remote`](crate::worker) is that
//! of a component in a worker process, and asks the hub over its socket.

pub(crate) mod http;
pub(crate) mod local;
pub(crate) mod ports;

use std::{net::IpAddr, net::SocketAddr, sync::Arc};

use futures::future::BoxFuture;
use igloo_wire::{
    message::SerialControl,
    types::serial::{ErrorCode as SerialError, ModemLines, Settings, Slot},
};
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

pub(crate) use self::local::Local;
use crate::policy::ResolveError;

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
