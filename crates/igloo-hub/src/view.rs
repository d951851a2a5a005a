//! Devices as the hub shows them: a copy of a part of the tree, as of one instant.

use igloo_model::{
    Access, Attributes, DeviceId, InstanceId, InstanceName, Query, Tree,
    tree::{Component, Device},
};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::info::{GroupId, optional_timestamp};

/// A device.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeviceView {
    /// The hub's id.
    pub id: DeviceId,
    /// Whose it is.
    pub instance: InstanceId,
    /// The name of whose it is.
    pub instance_name: InstanceName,
    /// The provider's identifier.
    pub key: String,
    /// For people.
    pub name: String,
    /// Manufacturer, model…
    pub attributes: Json,
    /// Commands can reach it: connected, reachable and not missing.
    pub available: bool,
    /// Its instance runs and has described it.
    pub connected: bool,
    /// Its provider says that it can be reached.
    pub reachable: bool,
    /// Its instance no longer describes it.
    pub missing: bool,
    /// The groups it is in.
    pub groups: Vec<GroupId>,
    /// Its entities, in the provider's order.
    pub entities: Vec<EntityView>,
}

/// An entity.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EntityView {
    /// The provider's identifier.
    pub id: String,
    /// For people.
    pub name: String,
    /// Category, icon…
    pub attributes: Json,
    /// Its components, in the provider's order.
    pub components: Vec<ComponentView>,
}

/// A component.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentView {
    /// What it is.
    pub kind: String,
    /// Who may change it.
    pub access: Access,
    /// Its newest value; null is unknown.
    pub value: Json,
    /// The canonical unit of its kind.
    pub unit: Option<String>,
    /// The tree's revision of the value; 0 if it was never written.
    pub revision: u64,
    /// When the hub got the value.
    #[serde(serialize_with = "optional_timestamp")]
    pub updated: Option<i64>,
    /// The device's own time of it.
    #[serde(serialize_with = "optional_timestamp")]
    pub time: Option<i64>,
    /// From before the hub started, and not written since.
    pub stale: bool,
    /// Unit shown, range, options…
    pub attributes: Json,
}

impl DeviceView {
    /// A device with those of its components that the query matches; nothing if it has none of them.
    pub(crate) fn of(tree: &Tree, device: &Device, query: &Query, groups: Vec<GroupId>) -> Option<Self> {
        let instance_name = tree.instance_name(device.instance)?.clone();
        if !query.matches_device(instance_name.as_str(), &device.key) {
            return None;
        }
        let matches = |entity: &str, kind: &str| query.matches(instance_name.as_str(), &device.key, entity, kind);
        let entities: Vec<EntityView> = device
            .entities
            .iter()
            .filter_map(|entity| {
                let components: Vec<ComponentView> = tree
                    .components(entity)
                    .filter(|component| matches(&entity.id, &component.kind.name))
                    .map(ComponentView::of)
                    .collect();
                (!components.is_empty() || matches(&entity.id, "")).then(|| EntityView {
                    id: entity.id.to_string(),
                    name: entity.name.clone(),
                    attributes: attributes_json(&entity.attributes),
                    components,
                })
            })
            .collect();
        if entities.is_empty() && !matches("", "") {
            return None;
        }
        Some(Self {
            id: device.id,
            instance: device.instance,
            key: device.key.clone(),
            name: device.name.clone(),
            attributes: attributes_json(&device.attributes),
            available: device.available(),
            connected: device.connected,
            reachable: device.reachable,
            missing: device.missing,
            groups,
            entities,
            instance_name,
        })
    }
}

impl ComponentView {
    fn of(component: &Component) -> Self {
        Self {
            kind: component.kind.name.clone(),
            access: component.access,
            value: component.value.to_json(&component.kind),
            unit: component.kind.unit.clone(),
            revision: component.revision,
            updated: (component.revision > 0).then_some(component.updated),
            time: component.time,
            stale: component.stale,
            attributes: attributes_json(&component.attributes),
        }
    }
}

/// Attributes say the type of their value themselves, so any kind shows them.
fn attributes_json(attributes: &Attributes) -> Json {
    let any = igloo_model::Kind::unknown("attribute");
    attributes.iter().map(|(key, value)| (key.clone(), value.to_json(&any))).collect::<Map<_, _>>().into()
}
