//! The outside as the hub sees it: decided by the policy, done here.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::{FutureExt as _, future::BoxFuture};
use igloo_protocol::grants::Protocol;
use igloo_serial::{Port, PortUrl};
use igloo_wire::types::serial::{ErrorCode as SerialError, Settings, Slot};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{
    Finder, OpenPort, Outside, Sought, http,
    ports::{self, InUse, LocalControl, PortsInUse},
};
use crate::{
    counted::{Counted, Full},
    discovery::{Discovery, DiscoveryError},
    home::Home,
    policy::{Policy, ResolveError},
    roots::Roots,
};

/// One instance's.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) policy: Arc<Policy>,
    pub(crate) home: Arc<dyn Home>,
    pub(crate) roots: Arc<Roots>,
    pub(crate) ports: Arc<PortsInUse>,
    pub(crate) discovery: Arc<Discovery>,
    pub(crate) counted: Counted,
}

impl Local {
    /// The port behind a slot, if the owner bound it.
    fn port(&self, slot: &str) -> Result<PortUrl, SerialError> {
        let port = self.policy.serial(&*self.home, slot).ok_or(SerialError::AccessDenied)?;
        port.parse().map_err(|_| SerialError::NotFound)
    }
}

impl Outside for Local {
    fn socket(&self, purpose: SocketAddrUse, address: SocketAddr) -> bool {
        let (policy, home) = (&self.policy, &*self.home);
        match purpose {
            SocketAddrUse::TcpBind => policy.bind(home, Protocol::Tcp, address),
            SocketAddrUse::TcpListen => policy.listen(home, Protocol::Tcp, address),
            SocketAddrUse::TcpAccept => policy.accept(home, address),
            SocketAddrUse::TcpConnect => policy.connect(home, Protocol::Tcp, address),
            SocketAddrUse::UdpBind => policy.bind(home, Protocol::Udp, address),
            SocketAddrUse::UdpSend => policy.connect(home, Protocol::Udp, address),
            SocketAddrUse::UdpReceive => policy.receive(home, address),
        }
    }

    fn resolve(&self, name: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
        let (policy, home) = (self.policy.clone(), self.home.clone());
        async move { policy.resolve(&*home, &name).await }.boxed()
    }

    fn http(
        &self,
        request: ::http::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> BoxFuture<'static, http::Sent> {
        match self.counted.buffers.take(http::HELD) {
            Ok(held) => {
                http::send(self.policy.clone(), self.home.clone(), self.roots.client(), held, request, options).boxed()
            }
            Err(full) => {
                self.counted.buffers.tell(&*self.home);
                std::future::ready(Err(Error::InternalError(Some(full.to_string())))).boxed()
            }
        }
    }

    fn slots(&self) -> Vec<Slot> {
        self.policy.serial_slots().into_iter().map(|name| Slot { name, bound: true }).collect()
    }

    fn wait_present(&self, slot: String) -> BoxFuture<'static, Result<(), SerialError>> {
        let url = self.port(&slot);
        async move { igloo_serial::wait_until_present(&url?).await.map_err(|error| ports::error_code(&error)) }.boxed()
    }

    fn open_port(&self, slot: String, settings: Settings) -> BoxFuture<'static, Result<OpenPort, SerialError>> {
        let (url, in_use, counted) = (self.port(&slot), self.ports.clone(), self.counted.clone());
        async move {
            let url = url?;
            let limited = |full: Full| SerialError::Other((String::from("limit"), full.to_string()));
            let held =
                (counted.serial_ports.take(1).map_err(limited)?, counted.buffers.take(ports::HELD).map_err(limited)?);
            let in_use = InUse::take(&in_use, &url)?;
            let port = Port::open(&url, ports::settings(settings)?).await;
            let (reader, writer, control) = port.map_err(|error| ports::error_code(&error))?.split();
            let control = Arc::new(LocalControl { control, _in_use: in_use, _held: held });
            Ok(OpenPort { reader: Box::new(reader), writer: Box::new(writer), control })
        }
        .boxed()
    }

    fn look(&self, sought: Sought) -> BoxFuture<'static, Result<Box<dyn Finder>, DiscoveryError>> {
        let (policy, home) = (&self.policy, &*self.home);
        let browse = match sought {
            Sought::Services(kind) => self.discovery.browse(policy, home, &kind),
            Sought::Devices(target) => self.discovery.search(policy, home, &target),
        };
        std::future::ready(browse.map(|browse| Box::new(browse) as Box<dyn Finder>)).boxed()
    }
}
