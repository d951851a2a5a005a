//! Groups: devices that belong together.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    Api,
    extract::{Body, Names, named},
    problem::Problem,
    wire::{Group, GroupName},
};

/// The groups.
#[utoipa::path(
    get,
    path = "/v1/groups",
    tag = "groups",
    responses((status = 200, description = "All of them.", body = Vec<Group>), Problem)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Group>> {
    Json(api.hub.groups().into_iter().map(Group::from).collect())
}

/// Makes a group without devices.
#[utoipa::path(
    post,
    path = "/v1/groups",
    tag = "groups",
    request_body = GroupName,
    responses((status = 201, description = "It is there.", body = Group), Problem)
)]
pub(super) async fn create(
    State(api): State<Api>,
    Body(group): Body<GroupName>,
) -> Result<(StatusCode, Json<Group>), Problem> {
    Ok((StatusCode::CREATED, Json(api.hub.create_group(&group.name).await?.into())))
}

/// Gives a group another name.
#[utoipa::path(
    patch,
    path = "/v1/groups/{group}",
    tag = "groups",
    params(("group" = String, Path, description = "Its id.")),
    request_body = GroupName,
    responses((status = 200, description = "The group as it is now.", body = Group), Problem)
)]
pub(super) async fn rename(
    State(api): State<Api>,
    Names(group): Names<String>,
    Body(new): Body<GroupName>,
) -> Result<Json<Group>, Problem> {
    Ok(Json(api.hub.rename_group(named(&group)?, &new.name).await?.into()))
}

/// Deletes a group. Its devices stay.
#[utoipa::path(
    delete,
    path = "/v1/groups/{group}",
    tag = "groups",
    params(("group" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is gone."), Problem)
)]
pub(super) async fn delete(State(api): State<Api>, Names(group): Names<String>) -> Result<StatusCode, Problem> {
    api.hub.delete_group(named(&group)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a device into a group.
#[utoipa::path(
    put,
    path = "/v1/groups/{group}/devices/{device}",
    tag = "groups",
    params(
        ("group" = String, Path, description = "The group's id."),
        ("device" = String, Path, description = "The device's id."),
    ),
    responses((status = 200, description = "The group as it is now.", body = Group), Problem)
)]
pub(super) async fn add_device(
    State(api): State<Api>,
    Names((group, device)): Names<(String, String)>,
) -> Result<Json<Group>, Problem> {
    Ok(Json(api.hub.add_to_group(named(&group)?, &[named(&device)?]).await?.into()))
}

/// Takes a device out of a group.
#[utoipa::path(
    delete,
    path = "/v1/groups/{group}/devices/{device}",
    tag = "groups",
    params(
        ("group" = String, Path, description = "The group's id."),
        ("device" = String, Path, description = "The device's id."),
    ),
    responses((status = 200, description = "The group as it is now.", body = Group), Problem)
)]
pub(super) async fn remove_device(
    State(api): State<Api>,
    Names((group, device)): Names<(String, String)>,
) -> Result<Json<Group>, Problem> {
    Ok(Json(api.hub.remove_from_group(named(&group)?, &[named(&device)?]).await?.into()))
}
