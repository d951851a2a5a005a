//! TLS by hand: what was agreed on, a line each way, and an end that the other side knows of.

use crate::{Outcome, Parameters};
use igloo::{
    json,
    tls::{self, rustls::pki_types::ServerName},
};
use std::sync::Arc;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// A name that the server's certificate does not have.
const STRANGER: &str = "stranger.test";

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let connector = TlsConnector::from(Arc::new(tls::client_config()?));
    let name = ServerName::from(p.address.ip());
    let mut stream = BufReader::new(connector.connect(name, TcpStream::connect(p.address).await?).await?);
    stream.write_all(format!("{}\n", p.text).as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let (_, session) = stream.get_ref().get_ref();
    let version = session.protocol_version().map(|version| format!("{version:?}"));
    stream.shutdown().await?;
    let stranger = ServerName::try_from(STRANGER)?;
    let stranger = connector.connect(stranger, TcpStream::connect(p.address).await?).await;
    Ok(json!({
        "line": line.trim_end(),
        "version": version,
        "stranger": stranger.err().map(|error| error.to_string()),
    }))
}
