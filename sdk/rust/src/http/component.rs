//! One exchange through `wasi:http`.

use super::{HttpError, Request, Response, Url};
use crate::bindings::{
    wasi::http::{
        client,
        types::{self as wit, ErrorCode, Fields, Method, RequestOptions, Scheme},
    },
    wit_future, wit_stream,
};
use wit_bindgen::rt::async_support::{StreamReader, StreamResult};

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// The whole exchange, as a host future.
pub(super) async fn exchange(request: Request) -> Result<Response, HttpError> {
    let Request { method: name, url, mut headers, body, timeout, limit } = request;
    let parts = Url::parse(&url).ok_or_else(|| HttpError::InvalidUrl(url.clone()))?;
    let has_length = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if !body.is_empty() && !has_length {
        headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    }
    let fields = Fields::from_list(&headers).map_err(|error| HttpError::InvalidRequest(format!("{error:?}")))?;
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    // A host that has no such timeout says so; ours is around all of it.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));

    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (mut writer, contents) = if body.is_empty() {
        (None, None)
    } else {
        let (writer, reader) = wit_stream::new();
        (Some(writer), Some(reader))
    };
    let (outgoing, _sent) = wit::Request::new(fields, contents, trailers_reader, Some(options));
    let valid = outgoing.set_method(&method(&name)).is_ok()
        && outgoing.set_scheme(Some(if parts.is_https { &Scheme::Https } else { &Scheme::Http })).is_ok()
        && outgoing.set_authority(Some(parts.authority)).is_ok()
        && outgoing.set_path_with_query(Some(&parts.path_with_query)).is_ok();
    if !valid {
        return Err(HttpError::InvalidRequest(format!("{name} {url}")));
    }
    let write = async {
        if let Some(mut writer) = writer.take() {
            // A server may answer before it has read everything.
            let _ = writer.write_all(body).await;
        }
    };
    let (answer, ()) = tokio::join!(client::send(outgoing), write);
    let answer = answer?;
    let status = answer.get_status_code();
    let headers = answer.get_headers().copy_all();
    let (done, done_reader) = wit_future::new(|| Ok(()));
    drop(done);
    let (contents, trailers) = wit::Response::consume_body(answer, done_reader);
    let body = read_all(contents, limit).await?;
    trailers.await?;
    Ok(Response { status, headers, body })
}

async fn read_all(mut contents: StreamReader<u8>, limit: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    loop {
        let (status, chunk) = contents.read(Vec::with_capacity(16 * 1024)).await;
        if body.len() + chunk.len() > limit {
            return Err(HttpError::TooLarge(limit));
        }
        body.extend(chunk);
        if status == StreamResult::Dropped {
            return Ok(body);
        }
    }
}

impl From<ErrorCode> for HttpError {
    fn from(error: ErrorCode) -> Self {
        use ErrorCode as E;
        match error {
            E::HttpRequestDenied | E::DestinationIpProhibited => Self::Denied,
            E::DnsTimeout | E::ConnectionTimeout | E::ConnectionReadTimeout | E::HttpResponseTimeout => Self::Timeout,
            E::DnsError(_) => Self::Connection("the name does not resolve".to_owned()),
            E::DestinationNotFound | E::DestinationUnavailable | E::DestinationIpUnroutable => {
                Self::Connection("the server cannot be reached".to_owned())
            }
            E::ConnectionRefused => Self::Connection("refused".to_owned()),
            E::ConnectionTerminated => Self::Connection("the server closed it".to_owned()),
            E::TlsCertificateError => Self::Connection("the server's certificate is not trusted".to_owned()),
            E::TlsProtocolError | E::TlsAlertReceived(_) => Self::Connection("TLS failed".to_owned()),
            E::InternalError(Some(text)) => Self::Other(text),
            other => Self::Other(format!("{other:?}")),
        }
    }
}
