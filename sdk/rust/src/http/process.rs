//! One exchange through the hub's `http` call: the answer's head is a message, its body a descriptor to read from.

use super::{HttpError, Request, Response, Url};
use crate::process::{
    connection::{Answer, Attached},
    current::{ask_for, current},
    socket::readable,
};
use igloo_wire::{
    message::{self, Reply, RequestError},
    types::net::{self, HttpRequest},
};
use rustix::{fs::OFlags, io::Errno};
use std::os::fd::OwnedFd;
use tokio::sync::oneshot;

pub(super) async fn exchange(request: Request) -> Result<Response, HttpError> {
    let Request { method, url, headers, body, timeout, limit } = request;
    if Url::parse(&url).is_none() {
        return Err(HttpError::InvalidUrl(url));
    }
    let request = HttpRequest {
        method,
        url,
        headers: headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
        body: body.into(),
        timeout_ms: Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
    };
    match ask_for(message::Request::Http { request }).await {
        Answer { result: Ok(Reply::Response(head)), attached: Attached::Body(body, failure) } => {
            let headers = head.headers.into_iter().map(|(name, value)| (name, value.into_vec())).collect();
            Ok(Response { status: head.status, headers, body: read_all(body, failure, limit).await? })
        }
        Answer { result: Err(RequestError::Http(error)), .. } => Err(error.into()),
        Answer { result: Err(RequestError::Malformed(text)), .. } => Err(HttpError::InvalidRequest(text)),
        Answer { result, .. } => Err(HttpError::Other(format!("{result:?}"))),
    }
}

async fn read_all(
    body: OwnedFd,
    mut failure: oneshot::Receiver<net::HttpError>,
    limit: usize,
) -> Result<Vec<u8>, HttpError> {
    let other = |error: std::io::Error| HttpError::Other(error.to_string());
    let flags = rustix::fs::fcntl_getfl(&body).map_err(|error| other(error.into()))?;
    rustix::fs::fcntl_setfl(&body, flags | OFlags::NONBLOCK).map_err(|error| other(error.into()))?;
    let body = readable(body).map_err(other)?;
    let (mut all, mut chunk) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let mut ready = body.readable().await.map_err(other)?;
        match rustix::io::read(body.get_ref(), &mut chunk) {
            Ok(0) => break,
            Ok(count) if all.len() + count > limit => return Err(HttpError::TooLarge(limit)),
            Ok(count) => all.extend_from_slice(&chunk[..count]),
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(other(error.into())),
        }
    }
    // A failure is told before the descriptor is closed.
    if let Some(current) = current() {
        current.connection.look();
    }
    match failure.try_recv() {
        Ok(error) => Err(error.into()),
        Err(_) => Ok(all),
    }
}

impl From<net::HttpError> for HttpError {
    fn from(error: net::HttpError) -> Self {
        use net::HttpError as E;
        let connection = |why: &str| Self::Connection(why.to_owned());
        match error {
            E::Denied => Self::Denied,
            E::InvalidRequest(text) => Self::InvalidRequest(text),
            E::NameUnresolvable => connection("the name does not resolve"),
            E::Timeout => Self::Timeout,
            E::Refused => connection("refused"),
            E::Unreachable => connection("the server cannot be reached"),
            E::Closed => connection("the server closed it"),
            E::Certificate => connection("the server's certificate is not trusted"),
            E::Tls => connection("TLS failed"),
            E::Other(text) => Self::Other(text),
        }
    }
}
