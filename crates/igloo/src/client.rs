//! Talking to a hub.
//!
//! The local token is sent to the local hub only: one at another address needs a token of its own.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use futures::StreamExt;
use igloo_api::{Problem, problem::MEDIA_TYPE, tokens::LOCAL_TOKEN_FILE};
use igloo_hub::PackageFiles;
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

use crate::{failure::Failure, place};

/// How long a hub may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A hub, as a client sees it.
#[derive(Debug)]
pub(crate) struct Client {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
}

/// Which hub.
#[derive(Clone, Debug)]
pub(crate) struct Where {
    pub(crate) url: Option<String>,
    pub(crate) data: Option<PathBuf>,
}

impl Client {
    /// A client of the hub at a URL, or of the one whose data directory is given.
    pub(crate) fn new(which: &Where) -> anyhow::Result<Self> {
        let local = || place::data(which.data.clone());
        let (base, own) = match &which.url {
            Some(url) => (url.clone(), false),
            None => (format!("http://{}", place::address(&local()?)), true),
        };
        let base: Url = base.parse().map_err(|error| {
            Failure::usage(format!("'{base}' is not a URL: {error}"), "write it like http://127.0.0.1:4466")
        })?;
        if base.scheme() != "http" || base.host().is_none() {
            return Err(Failure::usage(
                format!("'{base}' is not a hub's URL"),
                "hubs answer at http://HOST:PORT; for one far away, use a tunnel such as ssh -L",
            ));
        }
        let token = match std::env::var("IGLOO_TOKEN") {
            Ok(token) if !token.trim().is_empty() => Some(token.trim().to_owned()),
            _ if own || is_loopback(&base) => local()
                .ok()
                .and_then(|data| std::fs::read_to_string(data.join(LOCAL_TOKEN_FILE)).ok())
                .map(|token| token.trim().to_owned()),
            _ => None,
        };
        // A proxy of the environment is not for a hub.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build()?;
        Ok(Self { base, token, http })
    }

    /// Where the hub is.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("{} is not a hub's URL", self.base))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<RequestBuilder> {
        let request = self.http.request(method, self.url(path, query)?);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let is_problem =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == MEDIA_TYPE.as_bytes());
        let body = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem => Err(Failure::Problem(Box::new(problem)).into()),
            _ => anyhow::bail!("{} answered {status}, and not as a hub does", self.base),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        Failure::Unreachable { url: self.base.to_string(), reason: innermost(error) }.into()
    }

    /// `GET`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<T> {
        let response = self.send(self.request(Method::GET, path, query)?).await?;
        response.json().await.context("the hub's answer could not be read")
    }

    /// A request with a JSON body and a JSON answer.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let response = self.send(self.request(method, path, &[])?.json(body)).await?;
        response.json().await.context("the hub's answer could not be read")
    }

    /// A request without a body, with a JSON answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let response = self.send(self.request(method, path, query)?).await?;
        response.json().await.context("the hub's answer could not be read")
    }

    /// `DELETE` without an answer.
    pub(crate) async fn delete(&self, path: &[&str]) -> anyhow::Result<()> {
        self.send(self.request(Method::DELETE, path, &[])?).await.map(drop)
    }

    /// Uploads a package.
    pub(crate) async fn upload<T: DeserializeOwned>(&self, manifest: String, files: PackageFiles) -> anyhow::Result<T> {
        let mut form = reqwest::multipart::Form::new().text("manifest", manifest);
        let files = [("component", files.component), ("executable", files.executable), ("files", files.files)];
        for (name, file) in files {
            if let Some(bytes) = file {
                form = form.part(name, reqwest::multipart::Part::bytes(bytes).file_name(name));
            }
        }
        let response = self.send(self.request(Method::POST, &["packages"], &[])?.multipart(form)).await?;
        response.json().await.context("the hub's answer could not be read")
    }

    /// Opens a WebSocket and answers its messages, until it ends.
    pub(crate) async fn follow(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Follow> {
        let mut url = self.url(path, query)?;
        url.set_scheme("ws").map_err(|()| anyhow::anyhow!("{url} cannot be a WebSocket's URL"))?;
        let mut request = url.as_str().into_client_request()?;
        if let Some(token) = &self.token {
            let mut value = header::HeaderValue::from_str(&format!("Bearer {token}"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let connected = tokio::time::timeout(CONNECT, tokio_tungstenite::connect_async(request)).await;
        match connected {
            Ok(Ok((socket, _))) => Ok(Follow { socket }),
            Ok(Err(tungstenite::Error::Http(response))) => {
                let body = response.into_body().unwrap_or_default();
                match serde_json::from_slice::<Problem>(&body) {
                    Ok(problem) => Err(Failure::Problem(Box::new(problem)).into()),
                    Err(_) => anyhow::bail!("{} opens no WebSocket", self.base),
                }
            }
            Ok(Err(error)) => {
                Err(Failure::Unreachable { url: self.base.to_string(), reason: innermost(&error) }.into())
            }
            Err(_) => Err(Failure::Unreachable {
                url: self.base.to_string(),
                reason: format!("it did not answer in {} s", CONNECT.as_secs()),
            }
            .into()),
        }
    }
}

/// The messages of a WebSocket.
pub(crate) struct Follow {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Follow {
    /// The next message's text; nothing more once the hub closed it or went away.
    pub(crate) async fn next(&mut self) -> Option<String> {
        while let Some(Ok(message)) = self.socket.next().await {
            match message {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                // Pings are answered by the library.
                _ => {}
            }
        }
        None
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback()),
        None => false,
    }
}

/// The cause that says most: `connection refused`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
