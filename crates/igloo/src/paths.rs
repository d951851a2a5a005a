//! What people call a device or an entity: `demo/lamp-1/bulb`, `lamp-1`, `Living room lamp`, `d12/bulb`.
//!
//! A name that more than one thing has is never guessed: the candidates are listed.

use igloo_api::wire::{Device, Entity};

use crate::{client::Client, failure::Failure};

/// A device, and what of it was named.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) device: Device,
    /// The entity, if the path names one.
    pub(crate) entity: Option<String>,
    /// The component's kind, if the path names one.
    pub(crate) kind: Option<String>,
}

impl Found {
    /// The entity of these kinds: the one named, or the only one that has them all.
    pub(crate) fn entity_with(&self, kinds: &[&str]) -> anyhow::Result<&Entity> {
        if let Some(id) = &self.entity {
            return self
                .device
                .entities
                .iter()
                .find(|entity| entity.id == *id)
                .ok_or_else(|| Failure::NotFound(format!("{} has no entity '{id}'", self.device.path)).into());
        }
        let has = |entity: &Entity, kind: &str| entity.components.iter().any(|component| component.kind == kind);
        let fitting: Vec<&Entity> =
            self.device.entities.iter().filter(|entity| kinds.iter().all(|kind| has(entity, kind))).collect();
        match fitting.as_slice() {
            [entity] => Ok(entity),
            [] => Err(Failure::NotFound(format!(
                "{} has no entity with {}; it has {}",
                self.device.path,
                kinds.join(" and "),
                self.device.entities.iter().map(describe_entity).collect::<Vec<_>>().join(", ")
            ))
            .into()),
            several => Err(Failure::usage(
                format!("{} has {} entities with {}", self.device.path, several.len(), kinds.join(" and ")),
                several
                    .iter()
                    .map(|entity| format!("{}/{}", self.device.path, entity.id))
                    .collect::<Vec<_>>()
                    .join("\n       "),
            )),
        }
    }
}

fn describe_entity(entity: &Entity) -> String {
    let kinds: Vec<&str> = entity.components.iter().map(|component| component.kind.as_str()).collect();
    format!("{} ({})", entity.id, kinds.join(", "))
}

/// Finds the one device that a path names.
pub(crate) async fn find(client: &Client, path: &str) -> anyhow::Result<Found> {
    let devices: Vec<Device> = client.get(&["devices"], &[]).await?;
    pick(devices, path)
}

fn pick(devices: Vec<Device>, path: &str) -> anyhow::Result<Found> {
    let mut found: Vec<(usize, Option<String>, Option<String>)> = Vec::new();
    for (at, device) in devices.iter().enumerate() {
        if let Some((entity, kind)) = matches(device, path) {
            found.push((at, entity, kind));
        }
    }
    // A full path is more than a shorthand that happens to fit too.
    let full = |(at, ..): &(usize, Option<String>, Option<String>)| {
        devices.get(*at).is_some_and(|device| path == device.path || path.starts_with(&format!("{}/", device.path)))
    };
    if found.iter().any(full) {
        found.retain(full);
    }
    match found.as_slice() {
        [(at, entity, kind)] => {
            let (at, entity, kind) = (*at, entity.clone(), kind.clone());
            let device = devices.into_iter().nth(at);
            let device = device.ok_or_else(|| Failure::NotFound(format!("there is no device '{path}'")))?;
            Ok(Found { device, entity, kind })
        }
        [] => Err(Failure::NotFound(match similar(&devices, path) {
            names if names.is_empty() => format!("there is no device '{path}' (`igloo devices` lists them)"),
            names => format!("there is no device '{path}'; did you mean {}?", names.join(" or ")),
        })
        .into()),
        several => Err(Failure::usage(
            format!("'{path}' names {} devices", several.len()),
            several
                .iter()
                .filter_map(|(at, ..)| devices.get(*at))
                .map(|device| format!("{}  ({}, {})", device.path, device.id, device.name))
                .collect::<Vec<_>>()
                .join("\n       "),
        )),
    }
}

/// Whether a path names this device; and the entity and kind behind it.
fn matches(device: &Device, path: &str) -> Option<(Option<String>, Option<String>)> {
    if device.name.eq_ignore_ascii_case(path) {
        return Some((None, None));
    }
    [device.path.as_str(), device.key.as_str(), device.id.as_str(), device.name.as_str()].iter().find_map(|name| {
        let rest = path.strip_prefix(name)?;
        if rest.is_empty() {
            return Some((None, None));
        }
        let mut parts = rest.strip_prefix('/')?.split('/').map(str::to_owned);
        let (entity, kind) = (parts.next().filter(|part| !part.is_empty()), parts.next());
        parts.next().is_none().then_some((entity, kind))
    })
}

/// Devices whose path or name has the path in it.
fn similar(devices: &[Device], path: &str) -> Vec<String> {
    let first = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let like = |text: &str| !first.is_empty() && text.to_lowercase().contains(&first);
    devices
        .iter()
        .filter(|device| like(&device.key) || like(&device.name))
        .take(3)
        .map(|device| device.path.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(id: &str, instance: &str, key: &str, name: &str) -> Device {
        serde_json::from_value(json!({
            "id": id, "path": format!("{instance}/{key}"), "instance-id": "i1", "instance": instance, "key": key,
            "name": name, "attributes": {}, "available": true, "connected": true, "reachable": true,
            "missing": false, "groups": [], "entities": [
                {"id": "bulb", "name": "", "attributes": {}, "components": []},
            ],
        }))
        .unwrap()
    }

    fn home() -> Vec<Device> {
        vec![
            device("d1", "demo", "lamp-1", "Floor lamp"),
            device("d2", "demo", "lamp-2", "Desk lamp"),
            device("d3", "other", "lamp-1", "Floor lamp"),
        ]
    }

    #[test]
    fn paths_and_shorthands() {
        for (path, id, entity, kind) in [
            ("demo/lamp-1", "d1", None, None),
            ("demo/lamp-1/bulb", "d1", Some("bulb"), None),
            ("demo/lamp-1/bulb/switch", "d1", Some("bulb"), Some("switch")),
            ("lamp-2", "d2", None, None),
            ("lamp-2/bulb", "d2", Some("bulb"), None),
            ("d3/bulb", "d3", Some("bulb"), None),
            ("desk lamp", "d2", None, None),
        ] {
            let found = pick(home(), path).unwrap();
            assert_eq!(
                (found.device.id.as_str(), found.entity.as_deref(), found.kind.as_deref()),
                (id, entity, kind),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_ambiguous_is_listed() {
        let error = pick(home(), "lamp-1").unwrap_err();
        let (text, way_out, code) = crate::failure::report(&error);
        assert!(text.contains("names 2 devices"), "{text}");
        assert!(way_out.is_some_and(|way_out| way_out.contains("demo/lamp-1") && way_out.contains("other/lamp-1")));
        assert_eq!(code, crate::failure::code::USAGE);
        assert!(pick(home(), "lamp").unwrap_err().to_string().contains("did you mean"));
        assert!(pick(home(), "door").is_err());
    }
}
