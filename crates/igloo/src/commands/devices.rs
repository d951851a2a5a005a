//! Devices: listing, reading, changing.

use std::time::Duration;

use anyhow::Context as _;
use igloo_api::wire::{Command, CommandResult, Component, Device, Entity};
use reqwest::Method;
use serde_json::{Map, json};

use super::Context;
use crate::{
    cli::Set,
    failure::Failure,
    output::{Text, Tone},
    paths, show, values,
};

/// `igloo devices`.
pub(super) async fn list(context: &Context, query: &str) -> anyhow::Result<()> {
    let devices: Vec<Device> = context.client.get(&["devices"], &[("query", query)]).await?;
    if context.output.json {
        return context.output.json(&devices);
    }
    if devices.is_empty() {
        context.output.note(if query.is_empty() {
            "There are no devices. `igloo providers` shows what runs, `igloo install` adds a provider."
        } else {
            "No device matches. `igloo devices` lists all."
        });
        return Ok(());
    }
    print(context, &devices);
    Ok(())
}

/// A tree: each device, and under it its components.
fn print(context: &Context, devices: &[Device]) {
    let mut rows = Vec::new();
    for device in devices {
        rows.push([
            Text::new(&device.path, Tone::Strong),
            Text::new(if device.name == device.key { "" } else { &device.name }, Tone::Strong),
            status(device),
        ]);
        let components: Vec<(&Entity, &Component)> = device
            .entities
            .iter()
            .flat_map(|entity| entity.components.iter().map(move |component| (entity, component)))
            // A component that only says what its entity is has nothing to show.
            .filter(|(_, component)| !is_marker(component))
            .collect();
        let count = components.len();
        for (at, (entity, component)) in components.into_iter().enumerate() {
            let branch = if at + 1 == count { "└" } else { "├" };
            rows.push([
                Text::from(format!("{branch} {}/{}", entity.id, component.kind)),
                show::component(component),
                Text::new(age(component), Tone::Faint),
            ]);
        }
    }
    context.output.table(["DEVICE", "VALUE", "UPDATED"], rows);
}

fn is_marker(component: &Component) -> bool {
    igloo_model::Kinds::built_in().get(&component.kind).value_type == igloo_model::ValueType::Marker
}

fn age(component: &Component) -> String {
    match (&component.updated, component.stale) {
        (Some(updated), true) => format!("{}, before the hub started", show::ago(updated)),
        (Some(updated), false) => show::ago(updated),
        (None, _) => String::new(),
    }
}

fn status(device: &Device) -> Text {
    if device.missing {
        Text::new("missing", Tone::Bad)
    } else if !device.connected {
        Text::new("provider not running", Tone::Warning)
    } else if !device.reachable {
        Text::new("unavailable", Tone::Warning)
    } else {
        Text::from("")
    }
}

/// `igloo get`.
pub(super) async fn get(context: &Context, path: &str) -> anyhow::Result<()> {
    let mut found = paths::find(&context.client, path).await?;
    if let Some(kind) = found.kind.clone() {
        let entity = found.entity_with(&[&kind])?;
        let component = entity.components.iter().find(|component| component.kind == kind).ok_or_else(|| {
            Failure::NotFound(format!("{}/{} has no component '{kind}'", found.device.path, entity.id))
        })?;
        if context.output.json {
            return context.output.json(component);
        }
        context.output.line(show::whole(component));
        return Ok(());
    }
    if found.entity.is_some() {
        let entity = found.entity_with(&[])?.clone();
        found.device.entities = vec![entity];
    }
    if context.output.json {
        return context.output.json(&found.device);
    }
    print(context, std::slice::from_ref(&found.device));
    let about: Vec<[Text; 2]> = std::iter::once(("id", json!(found.device.id)))
        .chain(found.device.attributes.iter().map(|(key, value)| (key.as_str(), value.clone())))
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            [Text::new(key, Tone::Faint), Text::from(text)]
        })
        .collect();
    context.output.line("");
    context.output.table(["ABOUT", ""], about);
    Ok(())
}

/// `igloo set`.
pub(super) async fn set(context: &Context, set: Set) -> anyhow::Result<()> {
    let mut parts = Vec::new();
    for change in &set.changes {
        let Some((kind, text)) = change.split_once('=') else {
            return Err(Failure::usage(format!("'{change}' is not a change"), "write KIND=VALUE, such as switch=on"));
        };
        parts.push((kind, text));
    }
    let kinds: Vec<&str> = parts.iter().map(|(kind, _)| *kind).collect();
    let found = paths::find(&context.client, &set.path).await?;
    if let Some(kind) = &found.kind {
        return Err(Failure::usage(
            format!("'{}' names a component: changes go to its entity", set.path),
            format!("igloo set {}/{} {kind}=VALUE", found.device.path, found.entity.unwrap_or_default()),
        ));
    }
    let entity = found.entity_with(&kinds)?.id.clone();
    let mut changes = Map::new();
    for (kind, text) in parts {
        let value = values::parse(kind, text)
            .map_err(|wanted| Failure::usage(wanted, format!("`igloo get {}` shows its values", found.device.path)))?;
        changes.insert(kind.to_owned(), value);
    }
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let command = Command {
        changes,
        transition_ms: set.transition.map(milliseconds),
        deadline_ms: set.timeout.map(|timeout| milliseconds(timeout).max(1)),
    };
    let path = ["devices", &found.device.id, "entities", &entity, "command"];
    let result: CommandResult = context
        .client
        .call(Method::POST, &path, &command)
        .await
        .with_context(|| format!("{}/{entity}", found.device.path))?;
    if context.output.json {
        return context.output.json(&result);
    }
    context.output.pieces(&[Text::new("ok", Tone::Good), Text::from(format!(" in {} ms", brief(result.elapsed_ms)))]);
    Ok(())
}

/// A time in ms with as many digits as matter.
fn brief(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 1.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

/// `igloo forget`.
pub(super) async fn forget(context: &Context, path: &str) -> anyhow::Result<()> {
    let found = paths::find(&context.client, path).await?;
    context.client.delete(&["devices", &found.device.id]).await?;
    context.output.note(format!("{} is forgotten.", found.device.path));
    Ok(())
}
