//! A small HTTP client over the hub's: one request, one answer, held in memory up to a limit.
//!
//! ```no_run
//! # use igloo::{Json, json};
//! # async fn switch_on() -> igloo::Result<()> {
//! let status: Json = igloo::http::get("http://192.168.1.4/status").send().await?.json()?;
//! igloo::http::post("http://192.168.1.4/relay").json(&json!({ "on": true }))?.send().await?.success()?;
//! # Ok(())
//! # }
//! ```
//!
//! Only granted origins are reached, and TLS is the hub's. Crates such as `hyper` and `reqwest` work over `tokio::net`
//! too, with a network grant instead.

#[cfg(target_family = "wasm")]
#[path = "component.rs"]
mod exchange;
#[cfg(not(target_family = "wasm"))]
#[path = "process.rs"]
mod exchange;

use crate::runtime;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// An answer's largest body, unless the request says otherwise.
const LIMIT: usize = 4 * 1024 * 1024;
/// How long a request may take in all, unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A `GET` request.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST` request.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A `PUT` request.
pub fn put(url: impl Into<String>) -> Request {
    Request::new("PUT", url)
}

/// A `DELETE` request.
pub fn delete(url: impl Into<String>) -> Request {
    Request::new("DELETE", url)
}

/// A request to be sent.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    timeout: Duration,
    limit: usize,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code, such as 200.
    pub status: u16,
    /// Names in lower case and their values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer, or not the wanted one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL is not `http://…` or `https://…`.
    #[error("`{0}` is no URL of http or https")]
    InvalidUrl(String),
    /// A header's name or value, or the method, has characters it must not have.
    #[error("not a valid request: {0}")]
    InvalidRequest(String),
    /// The owner has not granted this origin.
    #[error("this origin is not granted to this provider")]
    Denied,
    /// The server cannot be reached.
    #[error("no connection: {0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The answer's body is larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer says that the request failed.
    #[error("the server answered {0}")]
    Status(u16),
    /// The answer's body is not what was expected.
    #[error("unexpected answer: {0}")]
    Format(String),
    /// Anything else between here and the server.
    #[error("{0}")]
    Other(String),
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
            limit: LIMIT,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a value as JSON, with its content type.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, HttpError> {
        let body = serde_json::to_vec(value).map_err(|error| HttpError::InvalidRequest(error.to_string()))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// How long it may take in all; 30 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The answer's largest body in bytes; 4 MiB unless set.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it and waits for the whole answer. Any status is an answer; see [`Response::success`].
    pub async fn send(self) -> Result<Response, HttpError> {
        let timeout = self.timeout;
        let exchange = runtime::host_call(exchange::exchange(self));
        tokio::time::timeout(timeout, exchange).await.map_err(|_| HttpError::Timeout)?
    }
}

impl Response {
    /// The answer if its status is 200 to 299, else an error.
    pub fn success(self) -> Result<Self, HttpError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(HttpError::Status(self.status)) }
    }

    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text.
    pub fn text(self) -> Result<String, HttpError> {
        String::from_utf8(self.body).map_err(|error| HttpError::Format(error.to_string()))
    }

    /// The body as a value from JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError::Format(error.to_string()))
    }
}

/// A URL's parts, as the contract takes them.
#[derive(Debug, PartialEq, Eq)]
struct Url<'a> {
    is_https: bool,
    authority: &'a str,
    path_with_query: String,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        // A fragment stays with the client.
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return None;
        }
        let path_with_query = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { is_https, authority, path_with_query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = Url::parse("http://10.0.0.1:8080/a?b=c#d").unwrap();
        assert_eq!(url, Url { is_https: false, authority: "10.0.0.1:8080", path_with_query: "/a?b=c".to_owned() });
        assert_eq!(Url::parse("HTTPS://x").unwrap().path_with_query, "/");
        assert_eq!(Url::parse("https://x?y").unwrap().path_with_query, "/?y");
        assert_eq!(Url::parse("ftp://x"), None);
        assert_eq!(Url::parse("http:///x"), None);
    }
}
