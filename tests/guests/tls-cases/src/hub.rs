//! TLS by the hub's state machine (`igloo:tls`), as a guest without a TLS of its own uses it: ciphertext goes between
//! the connection and a socket of the guest's.

use crate::Outcome;
use igloo::{
    __private::bindings::igloo::tls::{
        connections::{Configuration, Connection, ReadOutcome},
        types::ErrorCode,
    },
    json,
    prelude::Json,
};
use std::{net::SocketAddr, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Bytes of ciphertext to read from the socket at a time, and of plaintext from the connection.
const PIECE: u32 = 32 << 10;

/// What a case is told.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(crate) struct Parameters {
    port: u16,
    name: Option<String>,
    verification: Option<String>,
    home_roots: bool,
    /// As PEM.
    roots: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    alpn: Vec<String>,
    minimum: Option<String>,
    maximum: Option<String>,
    /// To be sent after the handshake.
    send: String,
    /// Leave the peer without a close-notify.
    rude: bool,
}

/// What ended a case.
enum Failure {
    Tls(ErrorCode),
    Io(std::io::Error),
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::Tls(code)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    fn json(self) -> Json {
        let (code, text) = match self {
            Self::Tls(ErrorCode::Certificate(problem)) => {
                return json!({ "error": problem.reason, "text": problem.text });
            }
            Self::Tls(ErrorCode::Alert(number)) => return json!({ "error": "alert", "alert": number }),
            Self::Tls(ErrorCode::NotTls) => ("not-tls".to_owned(), String::new()),
            Self::Tls(ErrorCode::Handshake(text)) => ("handshake".to_owned(), text),
            Self::Tls(ErrorCode::Protocol(text)) => ("protocol".to_owned(), text),
            Self::Tls(ErrorCode::Unsupported(text)) => ("unsupported".to_owned(), text),
            Self::Tls(ErrorCode::InvalidArgument(text)) => ("invalid-argument".to_owned(), text),
            Self::Tls(ErrorCode::Limit) => ("limit".to_owned(), String::new()),
            Self::Tls(ErrorCode::Closed) => ("closed".to_owned(), String::new()),
            Self::Tls(ErrorCode::Other(other)) => other,
            Self::Io(error) => ("io".to_owned(), error.to_string()),
        };
        json!({ "error": code, "text": text })
    }
}

impl Parameters {
    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn configuration(&self) -> Result<Configuration, ErrorCode> {
        let configuration = Configuration::new();
        if self.home_roots {
            configuration.add_home_roots();
        }
        if let Some(roots) = &self.roots {
            configuration.add_roots(roots.as_bytes())?;
        }
        if let Some(mode) = &self.verification {
            configuration.set_verification(mode)?;
        }
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            configuration.set_certificate(certificate.as_bytes(), key.as_bytes())?;
        }
        let alpn: Vec<_> = self.alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        configuration.set_alpn(&alpn)?;
        configuration.set_versions(self.minimum.as_deref(), self.maximum.as_deref())?;
        Ok(configuration)
    }
}

/// A connection and its socket.
struct Pump {
    tls: Connection,
    socket: TcpStream,
    /// Ciphertext that the connection has not taken yet.
    waiting: Vec<u8>,
}

impl Pump {
    async fn handshake(tls: Connection, socket: TcpStream) -> Result<Self, Failure> {
        let mut pump = Self { tls, socket, waiting: Vec::new() };
        loop {
            pump.flush().await?;
            match pump.tls.handshake() {
                Ok(true) => return Ok(pump),
                Ok(false) => pump.fill().await?,
                Err(code) => return Err(code.into()),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        loop {
            let bytes = self.tls.take(u32::MAX);
            if bytes.is_empty() {
                return Ok(());
            }
            self.socket.write_all(&bytes).await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            let mut piece = vec![0; PIECE as usize];
            match self.socket.read(&mut piece).await? {
                0 => self.tls.feed_end(),
                length => self.waiting.extend_from_slice(&piece[..length]),
            }
        }
        if !self.waiting.is_empty() {
            let fed = self.tls.feed(&self.waiting);
            // Whatever came of it, the peer is told: an alert, or the next step.
            self.flush().await?;
            self.waiting.drain(..fed? as usize);
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<ReadOutcome, Failure> {
        loop {
            match self.tls.read(PIECE)? {
                ReadOutcome::WouldBlock => self.fill().await?,
                outcome => return Ok(outcome),
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let taken = self.tls.write(bytes)? as usize;
            self.flush().await?;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    fn agreed(&self) -> Json {
        json!({
            "version": self.tls.version(),
            "suite": self.tls.cipher_suite(),
            "alpn": self.tls.alpn().map(|alpn| String::from_utf8_lossy(&alpn).into_owned()),
            "requested": self.tls.requested_name(),
            "certificates": self.tls.peer_certificates().len(),
            "resumed": self.tls.resumed(),
        })
    }
}

async fn open(p: &Parameters) -> Result<Pump, Failure> {
    // The certificate's root may be the home's alone, or given here; that is the configuration's matter.
    let tls = Connection::client(&p.configuration()?, p.name.as_deref())?;
    Pump::handshake(tls, TcpStream::connect(p.address()).await?).await
}

/// Sends a text, and reads a line, or to the end.
pub(crate) async fn connect(p: &Parameters) -> Outcome {
    let case = async {
        let mut pump = open(p).await?;
        pump.write(p.send.as_bytes()).await?;
        let mut answer = Vec::new();
        let end = loop {
            match pump.read().await? {
                ReadOutcome::Data(data) => answer.extend(data),
                ReadOutcome::Closed => break "closed",
                ReadOutcome::Truncated => break "truncated",
                ReadOutcome::WouldBlock => {}
            }
            if answer.ends_with(b"\n") {
                break "line";
            }
        };
        let agreed = pump.agreed();
        if !p.rude {
            pump.tls.close_notify();
            pump.flush().await?;
        }
        Ok(json!({ "answer": String::from_utf8_lossy(&answer).trim_end(), "end": end, "agreed": agreed }))
    };
    Ok(case.await.unwrap_or_else(Failure::json))
}

/// Counts what comes.
pub(crate) async fn download(p: &Parameters) -> Outcome {
    let case = async {
        let mut pump = open(p).await?;
        pump.write(p.send.as_bytes()).await?;
        let (mut bytes, begun) = (0, Instant::now());
        while let ReadOutcome::Data(data) = pump.read().await? {
            bytes += data.len();
        }
        Ok(json!({ "bytes": bytes, "ns": begun.elapsed().as_nanos() as u64 }))
    };
    Ok(case.await.unwrap_or_else(Failure::json))
}

/// Serves one client: says back the line that it says.
pub(crate) async fn serve(p: &Parameters) -> Outcome {
    let case = async {
        let tls = Connection::server(&p.configuration()?)?;
        let listener = TcpListener::bind(p.address()).await?;
        let (socket, _) = listener.accept().await?;
        let mut pump = Pump::handshake(tls, socket).await?;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let ReadOutcome::Data(data) = pump.read().await? else { break };
            line.extend(data);
        }
        pump.write(&line).await?;
        let agreed = pump.agreed();
        pump.tls.close_notify();
        pump.flush().await?;
        Ok(json!({ "line": String::from_utf8_lossy(&line).trim_end(), "agreed": agreed }))
    };
    Ok(case.await.unwrap_or_else(Failure::json))
}

/// What no honest guest does: the name of an error, or what there was room for.
pub(crate) fn hostile() -> Outcome {
    let trusting = Configuration::new();
    let _ = trusting.set_verification("none");
    let mut kept = Vec::new();
    let refused = loop {
        match Connection::client(&trusting, None) {
            Ok(connection) => kept.push(connection),
            Err(code) => break Failure::Tls(code).json(),
        }
        if kept.len() > 5000 {
            break json!("never");
        }
    };
    let connections = kept.len();
    let written: u32 = (0..100).filter_map(|_| kept[0].write(&[7; 100_000]).ok()).sum();
    let garbage = kept[1].feed(&[0xff; 2 << 20]).map_err(|code| Failure::Tls(code).json());
    drop(kept);
    let say = |result: Result<u32, ErrorCode>| result.map_or_else(|code| Failure::Tls(code).json(), |n| json!(n));
    Ok(json!({
        "connections": connections,
        "refused": refused,
        "written": written,
        "garbage": garbage.err(),
        "huge_roots": say(trusting.add_roots(&vec![0x30; (1 << 20) + 1])),
        "no_roots": say(trusting.add_roots(b"")),
        "after_dropping": Connection::client(&trusting, None).is_ok(),
        "empty_read": Connection::client(&trusting, None).and_then(|c| c.read(0)).is_err(),
    }))
}
