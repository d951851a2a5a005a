//! Instances: what runs, with what configuration and grants.

use axum::{Json, extract::State, http::StatusCode};
use igloo_hub::InstanceRef;
use igloo_protocol::{Grant, Grants};
use serde_json::Value;

use crate::{
    Api,
    extract::{Body, Names, Params, named, parsed},
    problem::Problem,
    wire::{GrantBody, GrantQuery, Instance, InstanceChange, NewInstance},
};

/// The instances.
#[utoipa::path(
    get,
    path = "/v1/instances",
    tag = "instances",
    responses((status = 200, description = "All of them.", body = Vec<Instance>), Problem)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Instance>> {
    Json(api.hub.instances().into_iter().map(Instance::from).collect())
}

/// One instance.
#[utoipa::path(
    get,
    path = "/v1/instances/{instance}",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    responses((status = 200, description = "The instance.", body = Instance), Problem)
)]
pub(super) async fn get(State(api): State<Api>, Names(instance): Names<String>) -> Result<Json<Instance>, Problem> {
    Ok(Json(api.hub.instance(&named(&instance)?)?.into()))
}

/// Makes an instance of a package, and starts it.
#[utoipa::path(
    post,
    path = "/v1/instances",
    tag = "instances",
    request_body = NewInstance,
    responses((status = 201, description = "It is there.", body = Instance), Problem)
)]
pub(super) async fn create(
    State(api): State<Api>,
    Body(new): Body<NewInstance>,
) -> Result<(StatusCode, Json<Instance>), Problem> {
    let mut grants = Grants { mode: new.mode.into(), ..Grants::default() };
    for grant in &new.grants {
        grants.add(parsed(grant)?);
    }
    let request = igloo_hub::NewInstance {
        package: parsed(&new.package)?,
        name: new.name.as_deref().map(parsed).transpose()?,
        config: new.config,
        grants,
        run_as: new.run_as.into(),
        start: new.start,
    };
    Ok((StatusCode::CREATED, Json(api.hub.add_instance(request).await?.into())))
}

/// Changes an instance's name, configuration, mode, package or way to run: one of them at a time.
#[utoipa::path(
    patch,
    path = "/v1/instances/{instance}",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    request_body = InstanceChange,
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn change(
    State(api): State<Api>,
    Names(instance): Names<String>,
    Body(change): Body<InstanceChange>,
) -> Result<Json<Instance>, Problem> {
    let which: InstanceRef = named(&instance)?;
    let info = match change {
        InstanceChange::Name(name) => api.hub.rename_instance(&which, parsed(&name)?).await?,
        InstanceChange::Config(patch) => {
            // Secrets in it are masked; the hub keeps what a mask stands for.
            let mut config = api.hub.instance(&which)?.config;
            merge(&mut config, patch);
            api.hub.configure(&which, config).await?
        }
        InstanceChange::Mode(mode) => api.hub.set_mode(&which, mode.into()).await?,
        InstanceChange::RunAs(choice) => api.hub.run_as(&which, choice.into()).await?,
        InstanceChange::Package(package) => api.hub.update_instance(&which, parsed(&package)?).await?,
    };
    Ok(Json(info.into()))
}

/// A JSON merge patch (RFC 7396). The depth is bounded by the parser that made the patch.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.shift_remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Removes an instance with its devices and everything it stored.
#[utoipa::path(
    delete,
    path = "/v1/instances/{instance}",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    responses((status = 204, description = "It is gone."), Problem)
)]
pub(super) async fn delete(State(api): State<Api>, Names(instance): Names<String>) -> Result<StatusCode, Problem> {
    api.hub.remove_instance(&named(&instance)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts an instance, now and whenever the hub starts.
#[utoipa::path(
    post,
    path = "/v1/instances/{instance}/start",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn start(State(api): State<Api>, Names(instance): Names<String>) -> Result<Json<Instance>, Problem> {
    Ok(Json(api.hub.start(&named(&instance)?).await?.into()))
}

/// Stops an instance until it is started again.
#[utoipa::path(
    post,
    path = "/v1/instances/{instance}/stop",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn stop(State(api): State<Api>, Names(instance): Names<String>) -> Result<Json<Instance>, Problem> {
    Ok(Json(api.hub.stop(&named(&instance)?).await?.into()))
}

/// Stops an instance and starts it again.
#[utoipa::path(
    post,
    path = "/v1/instances/{instance}/restart",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn restart(State(api): State<Api>, Names(instance): Names<String>) -> Result<Json<Instance>, Problem> {
    Ok(Json(api.hub.restart(&named(&instance)?).await?.into()))
}

/// Grants something to an instance, at once.
#[utoipa::path(
    post,
    path = "/v1/instances/{instance}/grants",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id.")),
    request_body = GrantBody,
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn grant(
    State(api): State<Api>,
    Names(instance): Names<String>,
    Body(body): Body<GrantBody>,
) -> Result<Json<Instance>, Problem> {
    let grant: Grant = parsed(&body.grant)?;
    Ok(Json(api.hub.grant(&named(&instance)?, grant).await?.into()))
}

/// Takes a grant back, at once: the instance starts again without it.
#[utoipa::path(
    delete,
    path = "/v1/instances/{instance}/grants",
    tag = "instances",
    params(("instance" = String, Path, description = "Its name or id."), GrantQuery),
    responses((status = 200, description = "The instance as it is now.", body = Instance), Problem)
)]
pub(super) async fn revoke(
    State(api): State<Api>,
    Names(instance): Names<String>,
    Params(query): Params<GrantQuery>,
) -> Result<Json<Instance>, Problem> {
    let grant: Grant = parsed(&query.grant)?;
    Ok(Json(api.hub.revoke(&named(&instance)?, grant).await?.into()))
}
