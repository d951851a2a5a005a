//! What a process asks for. What can be answered at once is; the rest are tasks, of which a process has a bounded number.

use std::{collections::HashMap, os::fd::OwnedFd, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use igloo_protocol::{DescribeError, EmitError};
use igloo_wire::{
    ToProvider,
    message::{Outcome, Reply, Request, RequestError, SerialControl},
    types::{discovery as wire, net, serial},
};
use parking_lot::Mutex;
use serde_bytes::ByteBuf;
use tokio::{
    io::AsyncWriteExt as _,
    net::UnixStream,
    task::{AbortHandle, JoinSet},
};
use wasmtime_wasi_http::{Error as HttpFailure, RequestOptions};

use super::{Link, carry};
use crate::{
    convert::{NoSuchTime, wire as convert},
    discovery::{self, DiscoveryError},
    home::Home,
    outside::{Finder, Local, OpenPort, Outside as _, Sought},
    policy::ResolveError,
};

/// Requests that are not answered yet.
const UNANSWERED: usize = 64;
/// Findings that are told at a time.
const FINDINGS: usize = 16;

/// One process's requests.
pub(super) struct Requests {
    home: Arc<dyn Home>,
    outside: Local,
    link: Arc<Link>,
    shared: Arc<Mutex<Ports>>,
    browses: Arc<Mutex<HashMap<u64, AbortHandle>>>,
    tasks: JoinSet<()>,
}

/// Open ports by number.
#[derive(Default)]
struct Ports {
    open: HashMap<u64, (carry::Controls, AbortHandle)>,
    last: u64,
}

type Answer = Result<(Reply, Option<OwnedFd>), RequestError>;

impl Requests {
    pub(super) fn new(home: Arc<dyn Home>, outside: Local, link: Arc<Link>) -> Self {
        Self { home, outside, link, shared: Arc::default(), browses: Arc::default(), tasks: JoinSet::new() }
    }

    /// Answers a request of this many bytes, now or later.
    pub(super) fn handle(&mut self, id: u64, request: Request, bytes: usize) {
        while self.tasks.try_join_next().is_some() {}
        match self.at_once(request) {
            Ok(result) => send(&self.link, id, result),
            Err(later) => {
                if self.tasks.len() >= UNANSWERED {
                    return send(&self.link, id, Err(RequestError::Busy));
                }
                // What it says is held until it is answered.
                let Ok(held) = self.outside.counted.requests.take_alone(bytes as u64) else {
                    self.outside.counted.requests.tell(&*self.home);
                    return send(&self.link, id, Err(RequestError::Busy));
                };
                let answer = self.later(id, later);
                let link = self.link.clone();
                self.tasks.spawn(async move {
                    let _held = held;
                    let answer = answer.await;
                    let (answer, descriptor) = message(id, answer);
                    // An error means that the process is gone or about to be: it does not read.
                    let _ = link.tell(&answer, descriptor).await;
                });
            }
        }
    }

    /// The answer to what takes no time; else the request again.
    fn at_once(&self, request: Request) -> Result<Answer, Request> {
        let done = |result: Result<Reply, RequestError>| Ok(result.map(|reply| (reply, None)));
        match request {
            Request::Describe { device } => done(
                match convert::device(device) {
                    Ok(device) => self.home.describe(device),
                    Err(NoSuchTime) => Err(DescribeError::Invalid(String::from("an attribute is not a date or time"))),
                }
                .map(Reply::Handles)
                .map_err(|error| RequestError::Describe(convert::describe_error(error))),
            ),
            Request::Remove { device } => done(Ok(Reply::Boolean(self.home.remove(&device)))),
            Request::Write { updates } => done(Ok(Reply::Refused(convert::write(&*self.home, updates)))),
            Request::Emit { component, event, data } => done(
                match data.map(convert::value).transpose() {
                    Ok(data) => self.home.emit(component, &event, data),
                    Err(NoSuchTime) => Err(EmitError::Limit),
                }
                .map(|()| Reply::Done {})
                .map_err(|error| RequestError::Emit(convert::emit_error(error))),
            ),
            Request::SetAvailable { device, available } => {
                done(Ok(Reply::Boolean(self.home.set_available(&device, available))))
            }
            Request::SerialSlots {} => done(Ok(Reply::Slots(self.outside.slots()))),
            Request::SerialControl { port, control: SerialControl::Close {} } => {
                let closed = self.shared.lock().open.remove(&port);
                if let Some((_, pump)) = closed {
                    pump.abort();
                }
                done(Ok(Reply::Done {}))
            }
            Request::StopBrowse { browse } => {
                let stopped = self.browses.lock().remove(&browse);
                done(Ok(Reply::Boolean(stopped.inspect(AbortHandle::abort).is_some())))
            }
            later => Err(later),
        }
    }

    /// Looks for something; what is found is told with the call's id.
    fn look(&self, id: u64, sought: Sought) -> BoxFuture<'static, Answer> {
        let finder = self.outside.look(sought);
        let (link, browses) = (self.link.clone(), self.browses.clone());
        Box::pin(async move {
            let finder = finder.await.map_err(|error| RequestError::Discovery(discovery_error(error)))?;
            let telling = tokio::spawn(tell(link, id, finder));
            if let Some(before) = browses.lock().insert(id, telling.abort_handle()) {
                before.abort();
            }
            Ok((Reply::Done {}, None))
        })
    }

    /// What has to be waited for.
    fn later(&self, id: u64, request: Request) -> BoxFuture<'static, Answer> {
        let store = |error| RequestError::Store(convert::store_error(error));
        let home = &self.home;
        match request {
            Request::StoreGet { key } => {
                let found = home.store_get(key);
                Box::pin(async move { Ok((Reply::Bytes(found.await.map_err(store)?.map(ByteBuf::from)), None)) })
            }
            Request::StoreSet { key, value } => {
                let set = home.store_set(key, value.into_vec());
                Box::pin(async move { set.await.map(|()| (Reply::Done {}, None)).map_err(store) })
            }
            Request::StoreDelete { key } => {
                let deleted = home.store_delete(key);
                Box::pin(async move { deleted.await.map(|()| (Reply::Done {}, None)).map_err(store) })
            }
            Request::StoreKeys { prefix } => {
                let keys = home.store_keys(prefix);
                Box::pin(async move { Ok((Reply::Keys(keys.await.map_err(store)?), None)) })
            }
            Request::Resolve { name } => {
                let found = self.outside.resolve(name);
                Box::pin(async move {
                    let found = found.await.map_err(|error| RequestError::Resolve(resolve_error(error)))?;
                    Ok((Reply::Addresses(found.iter().map(ToString::to_string).collect()), None))
                })
            }
            Request::Http { request } => {
                let (outside, link) = (self.outside.clone(), self.link.clone());
                Box::pin(async move { http(&outside, link, id, request).await.map_err(RequestError::Http) })
            }
            Request::SerialWaitPresent { slot } => {
                let present = self.outside.wait_present(slot);
                Box::pin(async move { present.await.map(|()| (Reply::Done {}, None)).map_err(RequestError::Serial) })
            }
            Request::SerialOpen { slot, settings } => {
                let (ports, link) = (self.shared.clone(), self.link.clone());
                let opened = self.outside.open_port(slot, settings);
                Box::pin(async move {
                    let port = opened.await.map_err(RequestError::Serial)?;
                    open(&ports, link, port).map_err(|error| {
                        RequestError::Serial(serial::ErrorCode::Other((String::from("io"), error.to_string())))
                    })
                })
            }
            Request::SerialControl { port, control } => {
                let controlled = self.shared.lock().open.get(&port).map(|(controls, _)| controls.ask(control));
                Box::pin(async move {
                    let lines = match controlled {
                        Some(controlled) => controlled.await.map_err(RequestError::Serial)?,
                        None => return Err(RequestError::Serial(serial::ErrorCode::Disconnected)),
                    };
                    Ok((lines.map_or(Reply::Done {}, Reply::Lines), None))
                })
            }
            Request::Browse { service_type } => self.look(id, Sought::Services(service_type)),
            Request::Search { target } => self.look(id, Sought::Devices(target)),
            // Everything else was answered at once.
            Request::Describe { .. }
            | Request::Remove { .. }
            | Request::Write { .. }
            | Request::Emit { .. }
            | Request::SetAvailable { .. }
            | Request::SerialSlots {}
            | Request::StopBrowse { .. } => {
                Box::pin(std::future::ready(Err(RequestError::Malformed(String::from("not to be waited for")))))
            }
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        for (_, pump) in self.shared.lock().open.values() {
            pump.abort();
        }
        self.browses.lock().values().for_each(AbortHandle::abort);
    }
}

/// Tells what is found, as fast as the process reads.
async fn tell(link: Arc<Link>, browse: u64, mut finder: Box<dyn Finder>) {
    loop {
        for finding in std::future::poll_fn(|context| finder.poll_next(context, FINDINGS)).await {
            if link.tell(&ToProvider::Finding { browse, finding: wire_finding(finding) }, None).await.is_err() {
                return;
            }
        }
    }
}

fn wire_finding(finding: discovery::Finding) -> wire::Finding {
    match finding {
        discovery::Finding::ServiceFound(service) => wire::Finding::ServiceFound(wire::Service {
            kind: service.kind,
            name: service.name,
            host: service.host,
            port: service.port,
            addresses: service.addresses,
            properties: service.properties,
        }),
        discovery::Finding::ServiceLost { kind, name } => wire::Finding::ServiceLost((kind, name)),
        discovery::Finding::SsdpFound(device) => wire::Finding::SsdpFound(wire::SsdpDevice {
            target: device.target,
            usn: device.usn,
            location: device.location,
            headers: device.headers,
        }),
        discovery::Finding::SsdpLost(usn) => wire::Finding::SsdpLost(usn),
    }
}

fn discovery_error(error: DiscoveryError) -> wire::ErrorCode {
    match error {
        DiscoveryError::Denied => wire::ErrorCode::AccessDenied,
        DiscoveryError::Invalid => wire::ErrorCode::InvalidArgument,
        DiscoveryError::TooMany => wire::ErrorCode::Other((String::from("too-many"), error.to_string())),
        DiscoveryError::Unavailable => wire::ErrorCode::Unavailable,
    }
}

fn send(link: &Link, id: u64, answer: Answer) {
    let (answer, descriptor) = message(id, answer);
    // Nothing is read from a process whose outbox is full, so an error means that it is gone.
    if let Err(error) = link.send(&answer, descriptor) {
        tracing::debug!(%error, "an answer was not sent");
    }
}

fn message(id: u64, answer: Answer) -> (ToProvider, Option<OwnedFd>) {
    let (result, descriptor) = match answer {
        Ok((reply, descriptor)) => (Outcome::Ok(reply), descriptor),
        Err(error) => (Outcome::Error(error), None),
    };
    (ToProvider::Answer { id, result }, descriptor)
}

/// A pair of sockets: ours, and the process's.
fn pair() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

/// Carries an open port's bytes between it and a descriptor for the process.
fn open(ports: &Arc<Mutex<Ports>>, link: Arc<Link>, port: OpenPort) -> std::io::Result<(Reply, Option<OwnedFd>)> {
    let (ours, theirs) = pair()?;
    let mut all = ports.lock();
    all.last += 1;
    let number = all.last;
    let (controls, asked) = carry::Controls::new(port.control.clone());
    let home = ports.clone();
    let pump = tokio::spawn(async move {
        let error = carry::carry(port, &ours, asked).await;
        if home.lock().open.remove(&number).is_some() {
            let _ = link.tell(&ToProvider::PortEnded { port: number, error }, None).await;
        }
        // Not before the process can know why.
        drop(ours);
    });
    all.open.insert(number, (controls, pump.abort_handle()));
    Ok((Reply::Port(number), Some(theirs)))
}

fn resolve_error(error: ResolveError) -> net::ResolveError {
    match error {
        ResolveError::Denied => net::ResolveError::AccessDenied,
        ResolveError::NotFound => net::ResolveError::NotFound,
        ResolveError::Timeout => net::ResolveError::Timeout,
        ResolveError::Invalid => net::ResolveError::Invalid,
    }
}

/// Sends a request. The answer's body comes through a descriptor.
async fn http(
    outside: &Local,
    link: Arc<Link>,
    call: u64,
    request: net::HttpRequest,
) -> Result<(Reply, Option<OwnedFd>), net::HttpError> {
    let invalid = |error: &dyn std::fmt::Display| net::HttpError::InvalidRequest(error.to_string());
    let mut builder = http::Request::builder().method(request.method.as_bytes()).uri(&request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value.as_slice());
    }
    if let Some(authority) = request.url.parse::<http::Uri>().ok().and_then(|uri| uri.authority().cloned())
        && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        builder = builder.header(http::header::HOST, authority.as_str());
    }
    let body = Full::new(Bytes::from(request.body.into_vec())).map_err(|never| match never {}).boxed_unsync();
    let outgoing = builder.body(body).map_err(|error| invalid(&error))?;
    let wait = request.timeout_ms.map(|ms| Duration::from_millis(ms.into()));
    let options = RequestOptions { connect_timeout: wait, first_byte_timeout: wait, between_bytes_timeout: wait };
    let (response, drive) = outside.http(outgoing, Some(options)).await.map_err(|error| http_error(&error))?;
    let (head, mut body) = response.into_parts();
    let (mut ours, theirs) = pair().map_err(|error| net::HttpError::Other(error.to_string()))?;
    tokio::spawn(async move {
        let carry = async {
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
                if ours.write_all(&data).await.is_err() {
                    // The process wants no more of it.
                    return Ok(());
                }
            }
            Ok(())
        };
        let mut driver = std::pin::pin!(Box::into_pin(drive));
        let mut carry = std::pin::pin!(carry);
        let carried: Result<(), HttpFailure> = tokio::select! {
            carried = &mut carry => carried,
            driven = &mut driver => match driven {
                Ok(()) => carry.await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = carried {
            let _ = link.tell(&ToProvider::BodyFailed { call, error: http_error(&error) }, None).await;
        }
    });
    let headers =
        head.headers.iter().map(|(name, value)| (name.to_string(), ByteBuf::from(value.as_bytes()))).collect();
    Ok((Reply::Response(net::HttpResponse { status: head.status.as_u16(), headers }), Some(theirs)))
}

fn http_error(error: &HttpFailure) -> net::HttpError {
    match error {
        HttpFailure::HttpRequestDenied => net::HttpError::Denied,
        HttpFailure::HttpRequestUriInvalid => {
            net::HttpError::InvalidRequest(String::from("not a URL of http or https"))
        }
        HttpFailure::DestinationNotFound => net::HttpError::NameUnresolvable,
        HttpFailure::DnsTimeout | HttpFailure::ConnectionTimeout | HttpFailure::ConnectionReadTimeout => {
            net::HttpError::Timeout
        }
        HttpFailure::Connect(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => net::HttpError::Refused,
        HttpFailure::Connect(_) => net::HttpError::Unreachable,
        HttpFailure::ConnectionTerminated => net::HttpError::Closed,
        HttpFailure::Tls(error) if error.to_string().contains("certificate") => net::HttpError::Certificate,
        HttpFailure::Tls(_) => net::HttpError::Tls,
        other => net::HttpError::Other(other.to_string().chars().take(200).collect()),
    }
}
