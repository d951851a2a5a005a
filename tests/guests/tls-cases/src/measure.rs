//! What is measured: the same code in a component and, from the test that starts it, natively.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// Connects by address and asks for the server by its name.
pub(crate) async fn connect(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(config.clone()).connect(name, stream).await
}

/// Nanoseconds of each of so many handshakes, one after the other, without those of TCP.
pub(crate) async fn handshakes(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
    count: usize,
) -> io::Result<Vec<u64>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let server = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let begin = Instant::now();
        let mut stream = TlsConnector::from(config.clone()).connect(server, stream).await?;
        times.push(begin.elapsed().as_nanos() as u64);
        stream.shutdown().await?;
    }
    Ok(times)
}

/// Reads what an HTTP server answers to its end: how many bytes, in how many nanoseconds.
pub(crate) async fn download(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    name: &str,
    path: &str,
) -> io::Result<(usize, u64)> {
    let mut stream = connect(config, address, name).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut buffer = vec![0; 64 << 10];
    let (mut total, begin) = (0, Instant::now());
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => total += count,
            // OpenSSL's file server closes without saying so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok((total, begin.elapsed().as_nanos() as u64))
}
