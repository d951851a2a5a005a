//! A TLS server in a provider: its key is loaded into the hub and signs there.

use crate::{Outcome, Parameters};
use igloo::{Context as _, json, tls::rustls::ServerConfig};
use std::sync::Arc;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// Serves one client on `port`: says back what it says.
pub(crate) async fn serve(p: &Parameters) -> Outcome {
    let (chain, key) = p.identity()?.context("certificate and key")?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    let listener = TcpListener::bind(p.address()).await?;
    let (stream, _) = listener.accept().await?;
    let mut stream = BufReader::new(TlsAcceptor::from(Arc::new(config)).accept(stream).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    stream.write_all(line.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(json!({ "line": line.trim_end() }))
}
