//! What happens in the hub, other than to devices: for pages that show it.

use axum::{Extension, extract::State, response::Response};
use igloo_hub::{EventStream, Hub, HubEvent};

use crate::{
    Api,
    guard::Caller,
    problem::Problem,
    sockets::{Ended, Feed, Outbox, Upgrade},
    wire::HubMessage,
};

/// What happens in the hub from now on: a WebSocket of `HubMessage`s.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "hub",
    responses((status = 101, description = "A WebSocket of such messages, as JSON.", body = HubMessage), Problem)
)]
pub(super) async fn follow(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let stream = api.hub.follow_events();
    api.sockets.answer(upgrade, caller, HubFeed { hub: api.hub.clone(), stream, news: None })
}

struct HubFeed {
    hub: Hub,
    stream: EventStream,
    news: Option<HubEvent>,
}

impl Feed for HubFeed {
    async fn wait(&mut self) -> Result<(), Ended> {
        self.news = Some(self.stream.next().await.ok_or(Ended)?);
        Ok(())
    }

    async fn tell(&mut self, outbox: &mut Outbox) -> Result<(), Ended> {
        let Some(event) = self.news.take() else { return Ok(()) };
        let message = match event {
            HubEvent::InstanceState { instance, .. } => match self.hub.instance(&instance.into()) {
                Ok(info) => HubMessage::Instance { instance: Box::new(info.into()) },
                // Removed meanwhile: `Instances` comes too.
                Err(_) => return Ok(()),
            },
            HubEvent::Instances => HubMessage::Instances,
            HubEvent::Packages => HubMessage::Packages,
            HubEvent::Groups => HubMessage::Groups,
            HubEvent::Roots => HubMessage::Roots,
            HubEvent::Denial(record) => HubMessage::Denial { denial: Box::new(record.into()) },
            HubEvent::Missed { count } => HubMessage::Lost { events: count },
        };
        outbox.put(&message).await
    }
}
