//! Commands and actions: asking a provider to do something, and its one outcome.

use std::time::Duration;

use axum::{Json, extract::State};
use http::HeaderMap;
use igloo_hub::CommandRequest;

use crate::{
    Api, convert,
    extract::{Body, Names, named},
    problem::Problem,
    wire::{ActionCall, ActionResult, Command, CommandResult},
};

const ACTION: Duration = Duration::from_secs(30);
const LONGEST_ACTION: Duration = Duration::from_secs(300);
const LONGEST_TRANSITION: Duration = Duration::from_secs(24 * 3600);
const KEY_BYTES: usize = 255;

/// Asks an entity to change, and waits for the outcome.
///
/// Delivered at most once. A request with the `Idempotency-Key` of an earlier one gets that one's outcome.
#[utoipa::path(
    post,
    path = "/v1/devices/{device}/entities/{entity}/command",
    tag = "commands",
    params(
        ("device" = String, Path, description = "The device's id."),
        ("entity" = String, Path, description = "The provider's identifier of the entity."),
        ("idempotency-key" = Option<String>, Header, description = "The same for a request that is sent again."),
    ),
    request_body = Command,
    responses((status = 200, description = "The device accepted it.", body = CommandResult), Problem)
)]
pub(super) async fn command(
    State(api): State<Api>,
    Names((device, entity)): Names<(String, String)>,
    headers: HeaderMap,
    Body(command): Body<Command>,
) -> Result<Json<CommandResult>, Problem> {
    let request = CommandRequest {
        device: named(&device)?,
        entity,
        changes: command.changes.into_iter().collect(),
        transition: within("transition-ms", command.transition_ms, Duration::ZERO, LONGEST_TRANSITION)?,
        deadline: within("deadline-ms", command.deadline_ms, Duration::from_millis(1), CommandRequest::LONGEST)?
            .unwrap_or(CommandRequest::USUAL),
        idempotency_key: idempotency_key(&headers)?,
    };
    let hub = api.hub.clone();
    // Its own task: a client that goes away does not take back what is under way.
    let result = tokio::spawn(async move { hub.command(request).await })
        .await
        .map_err(|_| Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "Failed", "the command's task ended"))?;
    convert::command(result).map(Json)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let text = key.to_str().ok().filter(|text| !text.is_empty() && text.len() <= KEY_BYTES);
    match (text, keys.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid(format!("Idempotency-Key: one text of 1 to {KEY_BYTES} printable ASCII characters"))),
    }
}

fn within(name: &str, milliseconds: Option<u64>, least: Duration, most: Duration) -> Result<Option<Duration>, Problem> {
    let Some(duration) = milliseconds.map(Duration::from_millis) else { return Ok(None) };
    if (least..=most).contains(&duration) {
        return Ok(Some(duration));
    }
    Err(Problem::invalid(format!("{name}: {} to {} ms", least.as_millis(), most.as_millis())))
}

/// Runs one of an instance's actions, and waits for its result.
#[utoipa::path(
    post,
    path = "/v1/instances/{instance}/actions/{action}",
    tag = "commands",
    params(
        ("instance" = String, Path, description = "The instance's name or id."),
        ("action" = String, Path, description = "The action's name."),
    ),
    request_body = ActionCall,
    responses((status = 200, description = "It was done.", body = ActionResult), Problem)
)]
pub(super) async fn action(
    State(api): State<Api>,
    Names((instance, action)): Names<(String, String)>,
    Body(call): Body<ActionCall>,
) -> Result<Json<ActionResult>, Problem> {
    let which = named(&instance)?;
    let deadline = within("deadline-ms", call.deadline_ms, Duration::from_millis(1), LONGEST_ACTION)?.unwrap_or(ACTION);
    let hub = api.hub.clone();
    let result = tokio::spawn(async move { hub.action(&which, &action, call.parameters, deadline).await })
        .await
        .map_err(|_| Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "Failed", "the action's task ended"))??;
    Ok(Json(ActionResult { result }))
}
