//! A server in the component: a lamp whose state is read and set over HTTP.

use crate::{Outcome, Parameters};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use igloo::json;
use std::sync::Arc;
use tokio::{
    net::TcpListener,
    sync::{Mutex, Notify},
};

#[derive(Default)]
struct Lamp {
    seen: Mutex<Vec<String>>,
    done: Notify,
}

async fn read(State(lamp): State<Arc<Lamp>>) -> Json<Vec<String>> {
    Json(lamp.seen.lock().await.clone())
}

async fn set(
    State(lamp): State<Arc<Lamp>>,
    Path(name): Path<String>,
    Json(value): Json<igloo::Json>,
) -> Result<StatusCode, StatusCode> {
    let Some(on) = value["on"].as_bool() else { return Err(StatusCode::UNPROCESSABLE_ENTITY) };
    lamp.seen.lock().await.push(format!("{name} {on}"));
    Ok(StatusCode::NO_CONTENT)
}

async fn end(State(lamp): State<Arc<Lamp>>) {
    lamp.done.notify_one();
}

/// Serves until it is told to end.
pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let lamp = Arc::new(Lamp::default());
    let router = Router::new()
        .route("/lamps", get(read))
        .route("/lamps/{name}", post(set))
        .route("/end", post(end))
        .with_state(lamp.clone());
    let listener = TcpListener::bind(p.address).await?;
    let told = lamp.clone();
    axum::serve(listener, router).with_graceful_shutdown(async move { told.done.notified().await }).await?;
    Ok(json!({ "seen": *lamp.seen.lock().await }))
}
