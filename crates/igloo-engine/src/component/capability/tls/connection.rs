//! One connection: rustls's state machine between two buffers, with bounds, and without input or output.

use std::io::{self, Read as _, Write as _};

use rustls::{ClientConnection, Error, HandshakeKind, ProtocolVersion, ServerConnection, pki_types::ServerName};

use super::{BUFFER, INPUT, configuration::invalid, error};
use crate::component::bindings::igloo::tls::{connections::ReadOutcome, types::ErrorCode};

/// See the module.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct Connection {
    tls: rustls::Connection,
    /// What ended it.
    failed: Option<Error>,
    /// Plaintext that is there.
    readable: usize,
    peer_closed: bool,
    /// The peer's stream has ended.
    ended: bool,
    /// This end has said that it writes no more.
    closed: bool,
}

impl Connection {
    pub(super) fn client(
        config: std::sync::Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, ErrorCode> {
        let tls = ClientConnection::new(config, name).map_err(|why| error::code(&why))?;
        Ok(Self::new(tls.into()))
    }

    pub(super) fn server(config: std::sync::Arc<rustls::ServerConfig>) -> Result<Self, ErrorCode> {
        Ok(Self::new(ServerConnection::new(config).map_err(|why| error::code(&why))?.into()))
    }

    fn new(mut tls: rustls::Connection) -> Self {
        tls.set_buffer_limit(Some(BUFFER));
        Self { tls, failed: None, readable: 0, peer_closed: false, ended: false, closed: false }
    }

    fn check(&self) -> Result<(), ErrorCode> {
        self.failed.as_ref().map_or(Ok(()), |why| Err(error::code(why)))
    }

    pub(super) fn feed(&mut self, ciphertext: &[u8]) -> Result<u32, ErrorCode> {
        self.check()?;
        let ciphertext = ciphertext.get(..INPUT).unwrap_or(ciphertext);
        if self.ended {
            return Err(invalid("the peer's stream has ended"));
        }
        let mut rest = ciphertext;
        while !rest.is_empty() {
            if self.peer_closed {
                // RFC 8446, section 6.1: what comes after the close-notify is ignored.
                rest = &[];
                break;
            }
            // It takes some, or there is plaintext to be read first.
            if self.tls.read_tls(&mut rest).is_err() {
                break;
            }
            match self.tls.process_new_packets() {
                Ok(state) => {
                    self.readable = state.plaintext_bytes_to_read();
                    self.peer_closed = state.peer_has_closed();
                }
                Err(why) => {
                    self.failed = Some(why);
                    self.check()?;
                }
            }
        }
        Ok(u32::try_from(ciphertext.len() - rest.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn feed_end(&mut self) {
        self.ended = true;
    }

    pub(super) fn take(&mut self, maximum: u32) -> Vec<u8> {
        let mut out = Taken { bytes: Vec::new(), most: usize::try_from(maximum).unwrap_or(BUFFER).min(BUFFER) };
        while self.tls.wants_write() && out.bytes.len() < out.most {
            if !matches!(self.tls.write_tls(&mut out), Ok(1..)) {
                break;
            }
        }
        out.bytes
    }

    pub(super) fn wants_take(&self) -> bool {
        self.tls.wants_write()
    }

    pub(super) fn handshake(&self) -> Result<bool, ErrorCode> {
        self.check()?;
        let under_way = self.tls.is_handshaking();
        if under_way && self.ended {
            let text = "the peer's stream ended before the handshake was complete";
            return Err(ErrorCode::Other((String::from("truncated"), text.to_owned())));
        }
        Ok(!under_way)
    }

    pub(super) fn write(&mut self, plaintext: &[u8]) -> Result<u32, ErrorCode> {
        self.check()?;
        if self.closed {
            return Err(ErrorCode::Closed);
        }
        let plaintext = plaintext.get(..INPUT).unwrap_or(plaintext);
        let taken = self.tls.writer().write(plaintext);
        let taken = taken.map_err(|why| ErrorCode::Other((String::from("write"), why.to_string())))?;
        Ok(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    pub(super) fn read(&mut self, maximum: u32) -> Result<ReadOutcome, ErrorCode> {
        if maximum == 0 {
            return Err(invalid("nothing is asked for"));
        }
        let mut data = vec![0; usize::try_from(maximum).unwrap_or(BUFFER).min(BUFFER)];
        match self.tls.reader().read(&mut data) {
            Ok(0) => Ok(ReadOutcome::Closed),
            Ok(length) => {
                data.truncate(length);
                self.readable = self.readable.saturating_sub(length);
                Ok(ReadOutcome::Data(data))
            }
            Err(_) => {
                self.check()?;
                Ok(if self.ended { ReadOutcome::Truncated } else { ReadOutcome::WouldBlock })
            }
        }
    }

    pub(super) fn readable(&self) -> u32 {
        u32::try_from(self.readable).unwrap_or(u32::MAX)
    }

    pub(super) fn close_notify(&mut self) {
        if !self.closed {
            self.closed = true;
            self.tls.send_close_notify();
        }
    }

    pub(super) fn peer_certificates(&self) -> Vec<Vec<u8>> {
        self.tls.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
    }

    pub(super) fn version(&self) -> Option<String> {
        match self.tls.protocol_version()? {
            ProtocolVersion::TLSv1_2 => Some(String::from("tls1.2")),
            ProtocolVersion::TLSv1_3 => Some(String::from("tls1.3")),
            _ => None,
        }
    }

    pub(super) fn cipher_suite(&self) -> Option<String> {
        // rustls sets the suites of TLS 1.3 apart by their names; IANA does not.
        Some(format!("{:?}", self.tls.negotiated_cipher_suite()?.suite()).replacen("TLS13_", "TLS_", 1))
    }

    pub(super) fn alpn(&self) -> Option<Vec<u8>> {
        self.tls.alpn_protocol().map(<[u8]>::to_vec)
    }

    pub(super) fn requested_name(&self) -> Option<String> {
        match &self.tls {
            rustls::Connection::Server(server) => server.server_name().map(str::to_owned),
            rustls::Connection::Client(_) => None,
        }
    }

    pub(super) fn resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// Bytes up to a number.
struct Taken {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.most - self.bytes.len());
        self.bytes.extend(bytes.iter().take(length));
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
