//! Following a part of the home.
//!
//! A slow reader does not make anything grow: the hub's watch keeps the newest value of each component, and this feed
//! keeps one list of changes while it tells them.

use std::collections::HashMap;

use axum::{Extension, extract::State, response::Response};
use igloo_hub::{Hub, Watch};
use igloo_model::{DeviceId, Query, tree::Change, value::timestamp_text};
use serde_json::Value;

use crate::{
    Api,
    extract::{Params, parsed},
    guard::Caller,
    problem::Problem,
    sockets::{Ended, Feed, Outbox, Upgrade},
    wire::{Device, QueryParameter, WatchMessage},
};

/// What a query matches, now and from now on: a WebSocket of `WatchMessage`s.
///
/// First the devices and values that are there, then `synced`, then what changes. A slow reader gets the newest value
/// of each component, and how many it skipped.
#[utoipa::path(
    get,
    path = "/v1/watch",
    tag = "devices",
    params(QueryParameter),
    responses((status = 101, description = "A WebSocket of such messages, as JSON.", body = WatchMessage), Problem)
)]
pub(super) async fn watch(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(parameters): Params<QueryParameter>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let query: Query = parsed(&parameters.query)?;
    let watch = api.hub.watch(query.clone());
    let hub = api.hub.clone();
    api.sockets.answer(
        upgrade,
        caller,
        WatchFeed { hub, query, watch, changes: Vec::new(), paths: HashMap::new(), synced: false },
    )
}

struct WatchFeed {
    hub: Hub,
    query: Query,
    watch: Watch,
    changes: Vec<Change>,
    /// `instance/device` of the devices that were told.
    paths: HashMap<DeviceId, String>,
    synced: bool,
}

impl Feed for WatchFeed {
    async fn wait(&mut self) -> Result<(), Ended> {
        self.changes = self.watch.next().await;
        Ok(())
    }

    async fn tell(&mut self, outbox: &mut Outbox) -> Result<(), Ended> {
        for change in std::mem::take(&mut self.changes) {
            if let Some(message) = self.message(change) {
                outbox.put(&message).await?;
            }
        }
        if !std::mem::replace(&mut self.synced, true) {
            outbox.put(&WatchMessage::Synced).await?;
        }
        Ok(())
    }
}

impl WatchFeed {
    fn message(&mut self, change: Change) -> Option<WatchMessage> {
        Some(match change {
            Change::Device(id) => match self.device(id) {
                Some(device) => {
                    self.paths.insert(id, device.path.clone());
                    WatchMessage::Device { device: Box::new(device) }
                }
                None => self.removed(id)?,
            },
            Change::Removed(id) => self.removed(id)?,
            Change::Value { device, entity, kind, value, revision, updated, time, stale, skipped } => {
                WatchMessage::Value {
                    device: device.to_string(),
                    path: self.path(device, &entity, &kind.name)?,
                    value: value.to_json(&kind),
                    unit: kind.unit.clone(),
                    revision,
                    updated: (revision > 0).then(|| timestamp_text(updated)),
                    time: time.map(timestamp_text),
                    stale,
                    skipped,
                }
            }
            Change::Event { device, entity, kind, event, data, revision, updated } => WatchMessage::Event {
                device: device.to_string(),
                path: self.path(device, &entity, &kind.name)?,
                event: event.to_string(),
                data: data.map_or(Value::Null, |data| data.to_json(&igloo_model::Kind::unknown("data"))),
                revision,
                updated: timestamp_text(updated),
            },
            Change::EventsLost(events) => WatchMessage::Lost { events },
        })
    }

    /// A device with what the query matches of it.
    fn device(&self, id: DeviceId) -> Option<Device> {
        let mut device = Device::from(self.hub.device(id).ok()?);
        if self.query != Query::all() {
            for entity in &mut device.entities {
                entity
                    .components
                    .retain(|component| self.query.matches(&device.instance, &device.key, &entity.id, &component.kind));
            }
            device.entities.retain(|entity| !entity.components.is_empty());
        }
        Some(device)
    }

    fn removed(&mut self, id: DeviceId) -> Option<WatchMessage> {
        self.paths.remove(&id).map(|_| WatchMessage::Removed { device: id.to_string() })
    }

    /// A component's path. The device of a value is told before it; one that is not was removed meanwhile.
    fn path(&self, device: DeviceId, entity: &str, kind: &str) -> Option<String> {
        self.paths.get(&device).map(|path| format!("{path}/{entity}/{kind}"))
    }
}
