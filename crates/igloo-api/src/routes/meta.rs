//! The hub itself: the only routes that need no token.

use axum::Json;

use crate::wire::Health;

/// Whether the hub is there.
#[utoipa::path(get, path = "/v1/health", tag = "hub", responses((status = 200, description = "It is.", body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(Health {
        status: String::from("ok"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        contract: String::from(igloo_protocol::manifest::CONTRACT),
    })
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "hub",
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value))
)]
pub(super) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::document())
}
