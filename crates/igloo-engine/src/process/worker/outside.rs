//! The outside as a worker's component sees it. Sockets are made and decided by the hub when the worker opens them;
//! everything else is asked over the socket.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http_body_util::{BodyExt as _, Limited, StreamBody};
use igloo_wire::{
    message::{Reply, Request, RequestError, SerialControl},
    types::{
        discovery as wire,
        net::{HttpError, HttpRequest, ResolveError as WireResolveError},
        serial::{ErrorCode as SerialError, ModemLines, Settings, Slot},
    },
};
use serde_bytes::ByteBuf;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, ReadBuf},
    net::UnixStream,
    sync::{mpsc, oneshot},
};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::client::Client;
use crate::{
    discovery::{DiscoveryError, Finding, Service, SsdpDevice},
    outside::{Finder, OpenPort, Outside, PortControl, Sought, http::Sent, ports::PortFailed},
    policy::ResolveError,
};

/// The largest body of a request: it travels in one frame.
const LARGEST_BODY: usize = 3 << 20;

/// See the module.
pub(super) struct Remote {
    client: Arc<Client>,
}

impl Remote {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

impl Outside for Remote {
    fn socket(&self, _: SocketAddrUse, _: SocketAddr) -> bool {
        true
    }

    fn resolve(&self, name: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
        let answer = self.client.call(Request::Resolve { name });
        async move {
            match answer.await {
                Ok((Reply::Addresses(addresses), _)) => {
                    Ok(addresses.iter().filter_map(|address| address.parse().ok()).collect())
                }
                Err(RequestError::Resolve(error)) => Err(match error {
                    WireResolveError::AccessDenied => ResolveError::Denied,
                    WireResolveError::NotFound => ResolveError::NotFound,
                    WireResolveError::Timeout => ResolveError::Timeout,
                    WireResolveError::Invalid => ResolveError::Invalid,
                }),
                _ => Err(ResolveError::Timeout),
            }
        }
        .boxed()
    }

    fn http(&self, request: ::http::Request<WasiBody>, options: Option<RequestOptions>) -> BoxFuture<'static, Sent> {
        send(self.client.clone(), request, options).boxed()
    }

    fn slots(&self) -> Vec<Slot> {
        match self.client.ask(Request::SerialSlots {}) {
            Ok((Reply::Slots(slots), _)) => slots,
            _ => Vec::new(),
        }
    }

    fn wait_present(&self, slot: String) -> BoxFuture<'static, Result<(), SerialError>> {
        let answer = self.client.call(Request::SerialWaitPresent { slot });
        async move { answer.await.map(drop).map_err(serial_error) }.boxed()
    }

    fn open_port(&self, slot: String, settings: Settings) -> BoxFuture<'static, Result<OpenPort, SerialError>> {
        let client = self.client.clone();
        async move {
            let answer = client.call(Request::SerialOpen { slot, settings }).await.map_err(serial_error)?;
            let (Reply::Port(port), Some(descriptor)) = answer else { return Err(SerialError::Disconnected) };
            let (reader, writer) = stream(descriptor).map_err(|_| SerialError::Disconnected)?.into_split();
            let ends = client.port_ends(port);
            Ok(OpenPort {
                reader: Box::new(PortReader { reader, ends: Some(ends) }),
                writer: Box::new(writer),
                control: Arc::new(RemotePort { client, port }),
            })
        }
        .boxed()
    }

    fn look(&self, sought: Sought) -> BoxFuture<'static, Result<Box<dyn Finder>, DiscoveryError>> {
        let client = self.client.clone();
        async move {
            let request = match sought {
                Sought::Services(service_type) => Request::Browse { service_type },
                Sought::Devices(target) => Request::Search { target },
            };
            let (browse, answer) = client.begin(request);
            let found = client.finds(browse);
            match answer.await {
                Ok(Ok(_)) => Ok(Box::new(RemoteFinder { client, browse, found }) as Box<dyn Finder>),
                Ok(Err(RequestError::Discovery(error))) => Err(match error {
                    wire::ErrorCode::AccessDenied => DiscoveryError::Denied,
                    wire::ErrorCode::InvalidArgument => DiscoveryError::Invalid,
                    wire::ErrorCode::Other(_) => DiscoveryError::TooMany,
                    wire::ErrorCode::Unavailable => DiscoveryError::Unavailable,
                }),
                _ => Err(DiscoveryError::Unavailable),
            }
        }
        .boxed()
    }
}

struct RemoteFinder {
    client: Arc<Client>,
    browse: u64,
    found: mpsc::Receiver<wire::Finding>,
}

impl Finder for RemoteFinder {
    fn poll_next(&mut self, context: &mut Context<'_>, most: usize) -> Poll<Vec<Finding>> {
        let mut found = Vec::new();
        match std::task::ready!(self.found.poll_recv_many(context, &mut found, most)) {
            // The hub is gone, and so will this process be.
            0 => Poll::Pending,
            _ => Poll::Ready(found.into_iter().map(finding).collect()),
        }
    }
}

impl Drop for RemoteFinder {
    fn drop(&mut self) {
        let _ = self.client.begin(Request::StopBrowse { browse: self.browse });
    }
}

fn finding(finding: wire::Finding) -> Finding {
    match finding {
        wire::Finding::ServiceFound(service) => Finding::ServiceFound(Service {
            kind: service.kind,
            name: service.name,
            host: service.host,
            port: service.port,
            addresses: service.addresses,
            properties: service.properties,
        }),
        wire::Finding::ServiceLost((kind, name)) => Finding::ServiceLost { kind, name },
        wire::Finding::SsdpFound(device) => Finding::SsdpFound(SsdpDevice {
            target: device.target,
            usn: device.usn,
            location: device.location,
            headers: device.headers,
        }),
        wire::Finding::SsdpLost(usn) => Finding::SsdpLost(usn),
    }
}

fn stream(descriptor: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn serial_error(error: RequestError) -> SerialError {
    match error {
        RequestError::Serial(error) => error,
        RequestError::Busy => SerialError::Busy,
        _ => SerialError::Disconnected,
    }
}

struct RemotePort {
    client: Arc<Client>,
    port: u64,
}

impl PortControl for RemotePort {
    fn control(&self, control: SerialControl) -> BoxFuture<'static, Result<Option<ModemLines>, SerialError>> {
        let answer = self.client.call(Request::SerialControl { port: self.port, control });
        async move {
            match answer.await.map_err(serial_error)? {
                (Reply::Lines(lines), _) => Ok(Some(lines)),
                _ => Ok(None),
            }
        }
        .boxed()
    }
}

impl Drop for RemotePort {
    fn drop(&mut self) {
        let _ = self.client.begin(Request::SerialControl { port: self.port, control: SerialControl::Close {} });
    }
}

/// What arrives, and at its end why.
struct PortReader {
    reader: tokio::net::unix::OwnedReadHalf,
    ends: Option<oneshot::Receiver<Option<SerialError>>>,
}

impl AsyncRead for PortReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.reader).poll_read(cx, buffer))?;
        if buffer.filled().len() > before || buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let why = match &mut self.ends {
            Some(ends) => std::task::ready!(ends.poll_unpin(cx)).ok().flatten(),
            None => None,
        };
        self.ends = None;
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::NotConnected,
            PortFailed(why.unwrap_or(SerialError::Disconnected)),
        )))
    }
}

async fn send(client: Arc<Client>, request: ::http::Request<WasiBody>, options: Option<RequestOptions>) -> Sent {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(Some(LARGEST_BODY as u64)))?.to_bytes();
    let header = |(name, value): (&::http::HeaderName, &::http::HeaderValue)| {
        (name.as_str().to_owned(), ByteBuf::from(value.as_bytes()))
    };
    let timeout = options.and_then(|options| options.first_byte_timeout);
    let milliseconds = |wait: Duration| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    let (call, answer) = client.begin(Request::Http {
        request: HttpRequest {
            method: head.method.to_string(),
            url: head.uri.to_string(),
            headers: head.headers.iter().map(header).collect(),
            body: ByteBuf::from(body.to_vec()),
            timeout_ms: timeout.map(milliseconds),
        },
    });
    let fails = client.body_fails(call);
    let (response, descriptor) = match answer.await {
        Ok(Ok((Reply::Response(response), Some(descriptor)))) => (response, descriptor),
        Ok(Err(RequestError::Http(error))) => return Err(http_error(&error)),
        _ => return Err(Error::ConnectionTerminated),
    };
    let mut answer = ::http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name, value.as_slice());
    }
    let stream = stream(descriptor).map_err(Error::Connect)?;
    let chunks = futures::stream::unfold(Some((stream, fails, client)), |body| async {
        let (mut stream, mut fails, client) = body?;
        let mut chunk = vec![0; 8192];
        match stream.read(&mut chunk).await {
            Ok(0) => {
                client.look();
                // The hub says that a body has failed before it closes it.
                fails.try_recv().ok().map(|error| (Err(http_error(&error)), None))
            }
            Ok(count) => {
                chunk.truncate(count);
                Some((Ok(http_body::Frame::data(Bytes::from(chunk))), Some((stream, fails, client))))
            }
            Err(error) => Some((Err(Error::Connect(error)), None)),
        }
    });
    let body = StreamBody::new(chunks).boxed_unsync();
    let driven: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
    Ok((answer.body(body).map_err(|_| Error::HttpProtocolError)?, driven))
}

fn http_error(error: &HttpError) -> Error {
    match error {
        HttpError::Denied => Error::HttpRequestDenied,
        HttpError::InvalidRequest(_) => Error::HttpRequestUriInvalid,
        HttpError::NameUnresolvable => Error::DestinationNotFound,
        HttpError::Timeout => Error::ConnectionTimeout,
        HttpError::Refused => Error::ConnectionRefused,
        HttpError::Unreachable => Error::DestinationUnavailable,
        HttpError::Closed => Error::ConnectionTerminated,
        HttpError::Certificate => Error::TlsCertificateError,
        HttpError::Tls => Error::TlsProtocolError,
        HttpError::Other(_) => Error::HttpProtocolError,
    }
}
