//! The root certificates that the owner trusts beside the system's.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    Api,
    extract::{Body, Names},
    problem::Problem,
    wire::{NewRoot, Root},
};

/// The owner's own root certificates.
#[utoipa::path(
    get,
    path = "/v1/roots",
    tag = "roots",
    responses((status = 200, description = "All of them. The system's own are not listed.", body = Vec<Root>), Problem)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Root>> {
    Json(api.hub.roots().into_iter().map(Root::from).collect())
}

/// Trusts a root certificate. Providers and their requests do from their next connection on.
#[utoipa::path(
    post,
    path = "/v1/roots",
    tag = "roots",
    request_body = NewRoot,
    responses((status = 201, description = "It is trusted. One that is expired is kept, and says so.", body = Root), Problem)
)]
pub(super) async fn add(
    State(api): State<Api>,
    Body(root): Body<NewRoot>,
) -> Result<(StatusCode, Json<Root>), Problem> {
    Ok((StatusCode::CREATED, Json(api.hub.add_root(root.name.as_deref(), &root.certificate).await?.into())))
}

/// Trusts a root certificate no more. Connections that are open stay open.
#[utoipa::path(
    delete,
    path = "/v1/roots/{root}",
    tag = "roots",
    params(("root" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is gone."), Problem)
)]
pub(super) async fn remove(State(api): State<Api>, Names(root): Names<String>) -> Result<StatusCode, Problem> {
    api.hub.remove_root(&root).await?;
    Ok(StatusCode::NO_CONTENT)
}
