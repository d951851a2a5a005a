//! Who may talk to this hub at all, before any route is looked at.
//!
//! Every request must name, in `Host`, an address that this hub answers at: the one the connection came in on,
//! `localhost` on a loopback connection, or a name its owner allowed. So a web page elsewhere cannot reach the hub by
//! pointing a name of its own at it (DNS rebinding). A request that a browser sends carries an `Origin`: it must be
//! this hub's own page. Then [`require`] looks at the bearer token.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, StatusCode, header};

use crate::{
    problem::Problem,
    server::Connection,
    tokens::{Scope, Tokens},
};

/// Which names, other than its own addresses, this hub answers to: `igloo.local`, or `igloo.example:8443` behind a proxy.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Arc<[String]>);

impl AllowedHosts {
    /// These names. One without a port is allowed with any port.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect())
    }

    /// Whether a request on this connection may name this authority (`host` or `host:port`).
    fn allows(&self, authority: &str, connection: &Connection) -> bool {
        let authority = authority.to_ascii_lowercase();
        if let Ok(address) = authority.parse::<SocketAddr>() {
            return address == connection.local;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse::<u16>().ok()),
            _ => (authority.as_str(), Some(80)),
        };
        if host == "localhost" && port == Some(connection.local.port()) && connection.peer.ip().is_loopback() {
            return true;
        }
        self.0.iter().any(|allowed| *allowed == authority || *allowed == host)
    }
}

/// Refuses requests that are not meant for this hub, and requests of other sites' pages.
pub(crate) async fn check_host(State(allowed): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match host_problem(&allowed, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn host_problem(allowed: &AllowedHosts, request: &Request) -> Option<Problem> {
    let Some(connection) = request.extensions().get::<Connection>() else {
        return Some(Problem::unreadable("the connection is unknown"));
    };
    let misdirected = |detail: String| {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "Not this hub", detail).or_else(format!(
            "use http://{}, or start the hub with --allow-host NAME for a name of yours",
            connection.local
        ))
    };
    let Some(host) = only(request.headers(), &header::HOST) else {
        return Some(misdirected(String::from("the request has no Host, or more than one")));
    };
    // An absolute request target wins over Host (RFC 9112, section 3.2.2), so that both must be ours.
    for authority in std::iter::once(host).chain(request.uri().authority().map(http::uri::Authority::as_str)) {
        if !allowed.allows(authority, connection) {
            return Some(misdirected(format!("this hub does not answer to '{}'", authority.escape_debug())));
        }
    }
    if request.headers().contains_key(header::ORIGIN) {
        let own = only(request.headers(), &header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")))
            .is_some_and(|authority| authority.eq_ignore_ascii_case(host) && allowed.allows(authority, connection));
        if !own {
            return Some(Problem::new(
                StatusCode::FORBIDDEN,
                "Foreign origin",
                "this request comes from the page of another site",
            ));
        }
    }
    None
}

/// A header that is there exactly once, as text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whose request it is: kept with the request, for what outlives it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    tokens: Arc<Tokens>,
    token: Arc<str>,
    scope: Scope,
}

impl Caller {
    /// Waits until the caller's token does not allow what it did.
    pub(crate) async fn revoked(&self) {
        let mut changes = self.tokens.changes();
        while self.tokens.scope(&self.token).is_some_and(|scope| scope >= self.scope) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Lets requests through whose bearer token has this scope, or a higher one.
pub(crate) async fn require(
    State((tokens, scope)): State<(Arc<Tokens>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = only(request.headers(), &header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Arc::<str>::from(token.trim()))
    });
    let Some(token) = token else {
        return Problem::new(StatusCode::UNAUTHORIZED, "No token", "this request has no bearer token")
            .or_else("send 'Authorization: Bearer TOKEN'; `igloo tokens create` makes tokens")
            .into_response();
    };
    match tokens.scope(&token) {
        None => Problem::new(StatusCode::UNAUTHORIZED, "Unknown token", "this token is unknown, or was revoked")
            .or_else("`igloo tokens create` makes a new one")
            .into_response(),
        Some(has) if has < scope => Problem::new(
            StatusCode::FORBIDDEN,
            "Not allowed",
            format!("this needs a token with the scope {scope}, this one has {has}"),
        )
        .or_else(format!("`igloo tokens create NAME --scope {scope}` makes one"))
        .into_response(),
        Some(_) => {
            request.extensions_mut().insert(Caller { tokens, token, scope });
            next.run(request).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let connection =
            |local: &str, peer: &str| Connection { local: local.parse().unwrap(), peer: peer.parse().unwrap() };
        let loopback = connection("127.0.0.1:4466", "127.0.0.1:50000");
        let lan = connection("192.168.1.5:4466", "192.168.1.9:50000");
        let six = connection("[::1]:4466", "[::1]:50000");
        let own = AllowedHosts::default();
        for (host, connection, expected) in [
            ("127.0.0.1:4466", &loopback, true),
            ("localhost:4466", &loopback, true),
            ("LOCALHOST:4466", &loopback, true),
            ("localhost", &loopback, false),
            ("localhost:80", &loopback, false),
            ("127.0.0.1", &loopback, false),
            ("evil.example:4466", &loopback, false),
            ("localhost.evil.example:4466", &loopback, false),
            ("192.168.1.5:4466", &lan, true),
            ("localhost:4466", &lan, false),
            ("[::1]:4466", &six, true),
            ("localhost:4466", &six, true),
            ("[::1", &six, false),
            ("", &loopback, false),
        ] {
            assert_eq!(own.allows(host, connection), expected, "{host}");
        }
        let named = AllowedHosts::new([String::from("Igloo.local"), String::from("hub.example:8443")]);
        assert!(named.allows("igloo.local:4466", &lan) && named.allows("igloo.local", &lan));
        assert!(named.allows("hub.example:8443", &lan) && !named.allows("hub.example:1", &lan));
    }
}
