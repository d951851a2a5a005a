//! What the hub knows of its providers' protections, and figures for a monitoring system.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{Api, metrics, problem::Problem, wire::Diagnosis};

/// Which protections providers have, and which this machine lacks.
#[utoipa::path(
    get,
    path = "/v1/doctor",
    tag = "hub",
    responses((status = 200, description = "What was found.", body = Diagnosis), Problem)
)]
pub(super) async fn doctor(State(api): State<Api>) -> Json<Diagnosis> {
    Json(api.hub.diagnose().await.into())
}

/// Figures of the hub and its providers, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "hub",
    responses((status = 200, description = "The figures.", body = String, content_type = "text/plain"), Problem)
)]
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let text = metrics::text(&api.hub.instances(), api.hub.started());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}
