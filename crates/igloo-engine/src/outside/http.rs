//! `wasi:http` requests: sent by the hub to the addresses that the policy pinned for a granted origin. Redirects are
//! the provider's to follow, and each is asked for anew.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, Sleep, timeout},
};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::{
    counted::Held,
    home::Home,
    policy::{Policy, ResolveError},
};

/// Deadlines where the provider names none.
const CONNECT: Duration = Duration::from_secs(10);
const FIRST_BYTE: Duration = Duration::from_secs(60);
const BETWEEN_BYTES: Duration = Duration::from_secs(60);

/// Bytes that an exchange may hold in the hub: what is read ahead of the provider. hyper's own default is 400 KiB.
pub(crate) const HELD: u64 = 64 << 10;

/// An answer, and what has to be driven while its body is read.
pub(crate) type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

/// Sends one request.
pub(crate) async fn send(
    policy: Arc<Policy>,
    home: Arc<dyn Home>,
    config: Arc<rustls::ClientConfig>,
    held: Held,
    mut request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Sent {
    let uri = request.uri();
    let tls = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.to_owned();
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let addresses = policy.http(&*home, tls, &host, port).await.map_err(|error| match error {
        ResolveError::Denied => Error::HttpRequestDenied,
        ResolveError::Timeout => Error::DnsTimeout,
        ResolveError::NotFound => Error::DestinationNotFound,
        ResolveError::Invalid => Error::HttpRequestUriInvalid,
    })?;
    let connect = options.and_then(|options| options.connect_timeout).unwrap_or(CONNECT).min(CONNECT);
    let first_byte = options.and_then(|options| options.first_byte_timeout).unwrap_or(FIRST_BYTE);
    let between_bytes = options.and_then(|options| options.between_bytes_timeout).unwrap_or(BETWEEN_BYTES);
    let stream = timeout(connect, open(&addresses, tls.then_some(config), &host))
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) = timeout(connect, http1().handshake(TokioIo::new(stream)))
        .await
        .map_err(|_| Error::ConnectionTimeout)?
        .map_err(Error::Hyper)?;
    // On the wire a request that goes to no proxy has only path and query (RFC 9112, section 3.2.1).
    let path = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let drive = tokio::spawn(connection);
    let response = timeout(first_byte, sender.send_request(request)).await;
    let response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            drive.abort();
            return Err(Error::Hyper(error));
        }
        Err(_) => {
            drive.abort();
            return Err(Error::ConnectionReadTimeout);
        }
    };
    let response = response.map(|body| Paced::new(body, between_bytes, held).boxed_unsync());
    let driven: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async move {
        let _abort = AbortOnDrop(drive.abort_handle());
        // The sender keeps the connection open until the body has been read.
        let _sender = sender;
        match drive.await {
            Ok(result) => result.map_err(Error::Hyper),
            Err(_) => Err(Error::ConnectionTerminated),
        }
    });
    Ok((response, driven))
}

fn http1() -> hyper::client::conn::http1::Builder {
    let mut http1 = hyper::client::conn::http1::Builder::new();
    http1.max_buf_size(usize::try_from(HELD).unwrap_or(usize::MAX));
    http1
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn open(
    addresses: &[std::net::SocketAddr],
    tls: Option<Arc<rustls::ClientConfig>>,
    host: &str,
) -> Result<Box<dyn Stream>, Error> {
    let stream = TcpStream::connect(addresses).await.map_err(Error::Connect)?;
    stream.set_nodelay(true).map_err(Error::Connect)?;
    let Some(config) = tls else { return Ok(Box::new(stream)) };
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(|_| Error::HttpRequestUriInvalid)?;
    let connector = tokio_rustls::TlsConnector::from(config);
    Ok(Box::new(connector.connect(name, stream).await.map_err(Error::Tls)?))
}

/// A body that fails when its bytes stay out too long.
struct Paced {
    body: hyper::body::Incoming,
    wait: Duration,
    deadline: Pin<Box<Sleep>>,
    _held: Held,
}

impl Paced {
    fn new(body: hyper::body::Incoming, wait: Duration, held: Held) -> Self {
        Self { body, wait, deadline: Box::pin(tokio::time::sleep(wait)), _held: held }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let next = Instant::now() + self.wait;
                self.deadline.as_mut().reset(next);
                Poll::Ready(frame.map(|frame| frame.map_err(Error::Hyper)))
            }
            Poll::Pending => {
                std::task::ready!(self.deadline.as_mut().poll(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
