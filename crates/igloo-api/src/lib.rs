//! The hub's HTTP and WebSocket API: routes, the OpenAPI document, and who may use them.
//!
//! [`serve`] answers on the given listeners until it is told to stop. It promises that nobody without a token gets
//! further than `/v1/health` and `/v1/openapi.json`, that nothing a client does (or does not do) makes memory grow
//! without bound, and that every failure is a [`Problem`]. It keeps no state of its own but the tokens.
//!
//! [`wire`] has the bodies; `routes` one file for each kind of thing; `guard` and [`tokens`] say who may come in;
//! `server` has the sockets.

mod convert;
mod extract;
mod guard;
mod metrics;
pub mod problem;
mod routes;
mod server;
mod sockets;
pub mod tokens;
pub mod wire;

use std::{future::Future, sync::Arc};

pub use guard::AllowedHosts;
use igloo_hub::Hub;
pub use problem::Problem;
pub use server::listen;
pub use tokens::{Scope, TokenError, Tokens};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bytes of a component or an executable that can be uploaded.
pub const LARGEST_PACKAGE_FILE: usize = 64 << 20;
/// Package uploads at a time; each is held in memory.
const UPLOADS: usize = 2;

/// Who may use the API.
#[derive(Clone, Debug)]
pub struct Auth {
    /// The tokens.
    pub tokens: Arc<Tokens>,
    /// The names that the hub answers to, other than its addresses.
    pub hosts: AllowedHosts,
}

/// What every route has at hand.
#[derive(Clone)]
pub(crate) struct Api {
    hub: Hub,
    tokens: Arc<Tokens>,
    uploads: Arc<Semaphore>,
    sockets: sockets::Sockets,
}

/// Serves the API until `stop`, then lets open requests end, for some seconds at most. Does not stop the hub.
pub async fn serve(hub: Hub, listeners: Vec<TcpListener>, auth: Auth, stop: impl Future<Output = ()> + Send) {
    let stopping = CancellationToken::new();
    let tasks = TaskTracker::new();
    let api = Api {
        hub,
        tokens: auth.tokens,
        uploads: Arc::new(Semaphore::new(UPLOADS)),
        sockets: sockets::Sockets::new(stopping.clone(), tasks.clone()),
    };
    let router = routes::router(api, auth.hosts);
    let running = server::run(listeners, router, stopping.clone(), tasks);
    let mut running = std::pin::pin!(running);
    tokio::select! {
        () = running.as_mut() => return,
        () = stop => stopping.cancel(),
    }
    running.await;
}

/// The OpenAPI document, as `/v1/openapi.json` answers it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::document()
}
