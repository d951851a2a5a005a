//! Names on the network. Sockets are tokio's: `tokio::net::TcpStream` and its siblings work unchanged with addresses.
//!
//! Only granted names resolve. tokio's own `connect("name:port")` needs a thread to look the name up, which a component
//! does not have: [`connect`] and [`resolve`] do it through the hub, for both engines.

use crate::{
    bindings::wasi::sockets::{
        ip_name_lookup::{ErrorCode, resolve_addresses},
        types::IpAddress,
    },
    runtime,
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};
use tokio::net::TcpStream;

/// The addresses of a host by its name, or of an address in text. The preferred one is first.
pub async fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    // `[::1]` is how an IPv6 address stands before a port.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse() {
        return Ok(vec![address]);
    }
    let addresses = runtime::host_call(resolve_addresses(host.to_owned())).await.map_err(|e| lookup_error(host, e))?;
    Ok(addresses.into_iter().map(ip_address).collect())
}

/// Connects to `name:port` or `address:port`, trying the name's addresses one after the other.
pub async fn connect(target: &str) -> io::Result<TcpStream> {
    if let Ok(address) = target.parse::<SocketAddr>() {
        return TcpStream::connect(address).await;
    }
    let (host, port) = target
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("`{target}` is not `host:port`")))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("`{host}` has no address"));
    for address in resolve(host).await? {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ip_address(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => IpAddr::from([a, b, c, d]),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => IpAddr::from([a, b, c, d, e, f, g, h]),
    }
}

fn lookup_error(host: &str, error: ErrorCode) -> io::Error {
    let (kind, why) = match error {
        ErrorCode::AccessDenied => (io::ErrorKind::PermissionDenied, "it is not granted to this provider".to_owned()),
        ErrorCode::InvalidArgument => (io::ErrorKind::InvalidInput, "it is not a valid name".to_owned()),
        ErrorCode::NameUnresolvable => (io::ErrorKind::NotFound, "there is no such name".to_owned()),
        ErrorCode::TemporaryResolverFailure => {
            (io::ErrorKind::ResourceBusy, "the resolver does not answer now".to_owned())
        }
        ErrorCode::PermanentResolverFailure => (io::ErrorKind::Other, "the resolver failed".to_owned()),
        ErrorCode::Other(text) => (io::ErrorKind::Other, text.unwrap_or_default()),
    };
    io::Error::new(kind, format!("`{host}` does not resolve: {why}"))
}
