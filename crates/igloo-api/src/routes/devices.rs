//! Devices: what there is, and its values.

use axum::{Json, extract::State, http::StatusCode};
use igloo_model::Query;

use crate::{
    Api,
    extract::{Names, Params, named, parsed},
    problem::Problem,
    wire::{Device, QueryParameter},
};

/// The devices that a query matches, with those of their components that it matches.
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "devices",
    params(QueryParameter),
    responses((status = 200, description = "The devices.", body = Vec<Device>), Problem)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(parameters): Params<QueryParameter>,
) -> Result<Json<Vec<Device>>, Problem> {
    let query: Query = parsed(&parameters.query)?;
    Ok(Json(api.hub.devices(&query).into_iter().map(Device::from).collect()))
}

/// One device.
#[utoipa::path(
    get,
    path = "/v1/devices/{device}",
    tag = "devices",
    params(("device" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The device.", body = Device), Problem)
)]
pub(super) async fn get(State(api): State<Api>, Names(device): Names<String>) -> Result<Json<Device>, Problem> {
    Ok(Json(api.hub.device(named(&device)?)?.into()))
}

/// Forgets a device that is missing, or whose instance is stopped.
#[utoipa::path(
    delete,
    path = "/v1/devices/{device}",
    tag = "devices",
    params(("device" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is forgotten."), Problem)
)]
pub(super) async fn forget(State(api): State<Api>, Names(device): Names<String>) -> Result<StatusCode, Problem> {
    api.hub.forget_device(named(&device)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
