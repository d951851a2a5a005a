//! `igloo:tls`: rustls in the hub, for guests whose own library cannot have a TLS of its own: CPython's `ssl`.
//!
//! It reaches nothing: the guest moves ciphertext between a connection and a socket of its own, so no grant is asked
//! for. What it is fed comes from the network, by way of a guest: both are hostile. Everything that a guest can make
//! the hub keep is bounded here; what a call costs is bounded by the length of what it is given, and is the guest's.

mod certificate;
mod configuration;
mod connection;
mod error;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;

use igloo_protocol::LogLevel;
use rustls::pki_types::ServerName;
use wasmtime::component::{Linker, Resource, ResourceTable, ResourceTableError};
use zeroize::Zeroizing;

use self::configuration::{Verification, invalid};
#[expect(unreachable_pub, reason = "named by generated code")]
pub use self::{configuration::Configuration, connection::Connection};
use crate::{
    component::{
        bindings::igloo::tls::{
            connections::{self, Host, HostConfiguration, HostConnection, ReadOutcome},
            types::{self, ErrorCode},
        },
        state::{Everything, State},
    },
    roots::Roots,
};

/// Bytes that a connection holds of what is written and not taken; and those that it hands out in a call.
const BUFFER: usize = 64 << 10;
/// Bytes that a call takes: ciphertext, plaintext, certificates. And bytes of roots that are given to a configuration.
const INPUT: usize = 1 << 20;
/// Bytes of roots that are given to all of an instance's configurations.
const ALL_ROOTS: usize = 16 << 20;
/// Roots in a configuration; a system has about 150.
const ROOTS: usize = 1024;
/// Application protocols in a configuration.
const PROTOCOLS: usize = 32;
/// Configurations in an instance.
const CONFIGURATIONS: usize = 1024;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    connections::add_to_linker::<_, Everything>(linker, |state| state)
}

/// What an instance has of TLS, in tables of their own.
pub(crate) struct Tls {
    configurations: ResourceTable,
    connections: ResourceTable,
    home: Arc<Roots>,
    /// Bytes of roots in all configurations.
    roots: usize,
    /// The owner was told that a peer is not checked.
    told: bool,
}

impl Tls {
    /// A connection needs a socket, so there are at most as many.
    pub(crate) fn new(home: Arc<Roots>, connections: u32) -> Self {
        let table = |capacity| {
            let mut table = ResourceTable::new();
            table.set_max_capacity(capacity);
            table
        };
        let connections = table(connections as usize);
        Self { configurations: table(CONFIGURATIONS), connections, home, roots: 0, told: false }
    }

    fn keep(
        &mut self,
        connection: Result<Connection, ErrorCode>,
    ) -> wasmtime::Result<Result<Resource<Connection>, ErrorCode>> {
        match connection.map(|connection| self.connections.push(connection)) {
            Ok(Ok(connection)) => Ok(Ok(connection)),
            Ok(Err(ResourceTableError::Full)) => Ok(Err(ErrorCode::Limit)),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Whom a client speaks to. Without a name it asks for none.
fn server_name(name: Option<String>, configuration: &Configuration) -> Result<ServerName<'static>, ErrorCode> {
    match name {
        Some(name) => ServerName::try_from(name).map_err(|_| invalid("neither a DNS name nor an IP address")),
        None if configuration.verification == Verification::Full => Err(invalid("there is no name to check")),
        // rustls wants one. An address is not sent.
        None => Ok(ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into())),
    }
}

impl types::Host for State {}
impl Host for State {}

impl HostConfiguration for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Configuration>> {
        Ok(self.tls.configurations.push(Configuration::new())?)
    }

    fn add_home_roots(&mut self, configuration: Resource<Configuration>) -> wasmtime::Result<()> {
        self.tls.configurations.get_mut(&configuration)?.add_home_roots();
        Ok(())
    }

    fn add_roots(
        &mut self,
        configuration: Resource<Configuration>,
        certificates: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, ErrorCode>> {
        let configuration = self.tls.configurations.get_mut(&configuration)?;
        let before = configuration.size;
        let taken = configuration.add_roots(&certificates, ALL_ROOTS - self.tls.roots);
        self.tls.roots += configuration.size - before;
        Ok(taken)
    }

    fn set_verification(
        &mut self,
        configuration: Resource<Configuration>,
        mode: String,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        Ok(self.tls.configurations.get_mut(&configuration)?.set_verification(&mode))
    }

    fn set_certificate(
        &mut self,
        configuration: Resource<Configuration>,
        chain: Vec<u8>,
        key: Vec<u8>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        Ok(self.tls.configurations.get_mut(&configuration)?.set_certificate(&chain, &Zeroizing::new(key)))
    }

    fn set_alpn(
        &mut self,
        configuration: Resource<Configuration>,
        protocols: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        Ok(self.tls.configurations.get_mut(&configuration)?.set_alpn(protocols))
    }

    fn set_versions(
        &mut self,
        configuration: Resource<Configuration>,
        minimum: Option<String>,
        maximum: Option<String>,
    ) -> wasmtime::Result<Result<(), ErrorCode>> {
        let configuration = self.tls.configurations.get_mut(&configuration)?;
        Ok(configuration.set_versions(minimum.as_deref(), maximum.as_deref()))
    }

    fn drop(&mut self, configuration: Resource<Configuration>) -> wasmtime::Result<()> {
        let configuration = self.tls.configurations.delete(configuration)?;
        self.tls.roots -= configuration.size;
        Ok(())
    }
}

impl HostConnection for State {
    fn client(
        &mut self,
        configuration: Resource<Configuration>,
        name: Option<String>,
    ) -> wasmtime::Result<Result<Resource<Connection>, ErrorCode>> {
        let configuration = self.tls.configurations.get(&configuration)?;
        let unchecked = configuration.verification == Verification::None;
        let shown = name.clone();
        let made = server_name(name, configuration)
            .and_then(|name| Connection::client(configuration.client(&self.tls.home)?, name));
        if made.is_ok() && unchecked && !self.tls.told {
            self.tls.told = true;
            let whom = shown.unwrap_or_else(|| String::from("a server without a name"));
            self.home.log(
                LogLevel::Warn,
                &format!(
                    "TLS: the certificate of {whom} is not checked, as the provider asks: anybody on the way could \
                     be that server (said once)"
                ),
            );
        }
        self.tls.keep(made)
    }

    fn server(
        &mut self,
        configuration: Resource<Configuration>,
    ) -> wasmtime::Result<Result<Resource<Connection>, ErrorCode>> {
        let configuration = self.tls.configurations.get(&configuration)?;
        let made = configuration.server(&self.tls.home).and_then(Connection::server);
        self.tls.keep(made)
    }

    fn feed(
        &mut self,
        connection: Resource<Connection>,
        ciphertext: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, ErrorCode>> {
        Ok(self.tls.connections.get_mut(&connection)?.feed(&ciphertext))
    }

    fn feed_end(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.tls.connections.get_mut(&connection)?.feed_end();
        Ok(())
    }

    fn take(&mut self, connection: Resource<Connection>, maximum: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(self.tls.connections.get_mut(&connection)?.take(maximum))
    }

    fn wants_take(&mut self, connection: Resource<Connection>) -> wasmtime::Result<bool> {
        Ok(self.tls.connections.get(&connection)?.wants_take())
    }

    fn handshake(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Result<bool, ErrorCode>> {
        Ok(self.tls.connections.get(&connection)?.handshake())
    }

    fn write(
        &mut self,
        connection: Resource<Connection>,
        plaintext: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, ErrorCode>> {
        Ok(self.tls.connections.get_mut(&connection)?.write(&plaintext))
    }

    fn read(
        &mut self,
        connection: Resource<Connection>,
        maximum: u32,
    ) -> wasmtime::Result<Result<ReadOutcome, ErrorCode>> {
        Ok(self.tls.connections.get_mut(&connection)?.read(maximum))
    }

    fn readable(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u32> {
        Ok(self.tls.connections.get(&connection)?.readable())
    }

    fn close_notify(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.tls.connections.get_mut(&connection)?.close_notify();
        Ok(())
    }

    fn peer_certificates(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Vec<Vec<u8>>> {
        Ok(self.tls.connections.get(&connection)?.peer_certificates())
    }

    fn version(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        Ok(self.tls.connections.get(&connection)?.version())
    }

    fn cipher_suite(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        Ok(self.tls.connections.get(&connection)?.cipher_suite())
    }

    fn alpn(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.tls.connections.get(&connection)?.alpn())
    }

    fn requested_name(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        Ok(self.tls.connections.get(&connection)?.requested_name())
    }

    fn resumed(&mut self, connection: Resource<Connection>) -> wasmtime::Result<bool> {
        Ok(self.tls.connections.get(&connection)?.resumed())
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.tls.connections.delete(connection)?;
        Ok(())
    }
}
