//! What providers said, and what they asked for and were denied.

use axum::{Extension, Json, extract::State, response::Response};
use igloo_hub::{LogStream, Logged};

use crate::{
    Api,
    extract::{Params, instance},
    guard::Caller,
    problem::Problem,
    sockets::{Ended, Feed, Outbox, Upgrade},
    wire::{Denial, InstanceParameter, LogLine, LogMessage, LogQuery},
};

/// Lines that are answered where nobody said how many.
const LINES: usize = 200;
/// Lines that are answered at most.
const MOST_LINES: usize = 10_000;

/// The newest log lines, oldest first.
#[utoipa::path(
    get,
    path = "/v1/logs",
    tag = "logs",
    params(LogQuery),
    responses((status = 200, description = "The lines.", body = Vec<LogLine>), Problem)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Params(query): Params<LogQuery>,
) -> Result<Json<Vec<LogLine>>, Problem> {
    let which = instance(query.instance.as_deref())?;
    let lines = api.hub.logs(which.as_ref(), query.last.unwrap_or(LINES).min(MOST_LINES))?;
    Ok(Json(lines.iter().map(LogLine::from).collect()))
}

/// Log lines from now on: a WebSocket of `LogMessage`s.
#[utoipa::path(
    get,
    path = "/v1/logs/follow",
    tag = "logs",
    params(InstanceParameter),
    responses((status = 101, description = "A WebSocket of such messages, as JSON.", body = LogMessage), Problem)
)]
pub(super) async fn follow(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(query): Params<InstanceParameter>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let which = match instance(query.instance.as_deref())? {
        Some(which) => Some(api.hub.instance(&which)?.id),
        None => None,
    };
    let lines = LogFeed { stream: api.hub.follow_logs(which), news: None };
    api.sockets.answer(upgrade, caller, lines)
}

struct LogFeed {
    stream: LogStream,
    news: Option<Logged>,
}

impl Feed for LogFeed {
    async fn wait(&mut self) -> Result<(), Ended> {
        self.news = Some(self.stream.next().await.ok_or(Ended)?);
        Ok(())
    }

    async fn tell(&mut self, outbox: &mut Outbox) -> Result<(), Ended> {
        match self.news.take() {
            Some(Logged::Line(line)) => outbox.put(&LogMessage::Line { line: LogLine::from(&*line) }).await,
            Some(Logged::Missed(lines)) => outbox.put(&LogMessage::Lost { lines }).await,
            None => Ok(()),
        }
    }
}

/// What instances asked for and are not granted: equal ones once, with a count.
#[utoipa::path(
    get,
    path = "/v1/denials",
    tag = "logs",
    params(InstanceParameter),
    responses((status = 200, description = "The denials.", body = Vec<Denial>), Problem)
)]
pub(super) async fn denials(
    State(api): State<Api>,
    Params(query): Params<InstanceParameter>,
) -> Result<Json<Vec<Denial>>, Problem> {
    let which = instance(query.instance.as_deref())?;
    Ok(Json(api.hub.denials(which.as_ref())?.into_iter().map(Denial::from).collect()))
}
