//! What a provider says of a device, before the hub believes it.

use std::{collections::BTreeMap, collections::HashSet, fmt};

use crate::{ids::check_identifier, limits, value::Value};

/// Things that rarely change, by key from `model/attributes.toml`. Unknown keys are kept.
pub type Attributes = BTreeMap<String, Value>;

/// Who may change a component.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Only the provider writes it.
    Read,
    /// The provider writes it and commands may ask to change it.
    ReadWrite,
    /// Commands may ask for it; it has no state.
    Command,
    /// It only happens.
    Event,
}

impl Access {
    /// Whether commands may name it.
    #[must_use]
    pub fn takes_commands(self) -> bool {
        matches!(self, Self::ReadWrite | Self::Command)
    }

    /// Whether it has a state that a provider writes.
    #[must_use]
    pub fn has_state(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::Command => "command",
            Self::Event => "event",
        })
    }
}

/// A component as described.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct ComponentDescription {
    /// The kind's name.
    pub kind: String,
    /// Who may change it.
    pub access: Access,
    /// Unit, range, options…
    pub attributes: Attributes,
}

/// An entity as described.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct EntityDescription {
    /// The provider's identifier, unique in the device.
    pub id: String,
    /// For people.
    pub name: String,
    /// Category, icon…
    pub attributes: Attributes,
    /// At most one of a kind.
    pub components: Vec<ComponentDescription>,
}

/// A device as described.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct DeviceDescription {
    /// The provider's stable identifier, unique in the instance.
    pub id: String,
    /// For people.
    pub name: String,
    /// Manufacturer, model…
    pub attributes: Attributes,
    /// Its entities.
    pub entities: Vec<EntityDescription>,
}

/// Why a description is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidDescription {
    /// Over a limit; the text says which.
    #[error("{0}")]
    Limit(String),
    /// Not well formed; the text says where.
    #[error("{0}")]
    Invalid(String),
}

impl DeviceDescription {
    /// Checks identifiers, lengths and uniqueness.
    pub fn check(&self) -> Result<(), InvalidDescription> {
        let invalid = |error: crate::ids::InvalidName| InvalidDescription::Invalid(error.to_string());
        check_identifier(&self.id).map_err(invalid)?;
        check_name(&self.name)?;
        check_attributes(&self.attributes)?;
        check_count("entities in a device", self.entities.len(), limits::ENTITIES_PER_DEVICE)?;
        let mut entities = HashSet::new();
        for entity in &self.entities {
            check_identifier(&entity.id).map_err(invalid)?;
            check_name(&entity.name)?;
            check_attributes(&entity.attributes)?;
            check_count("components in an entity", entity.components.len(), limits::COMPONENTS_PER_ENTITY)?;
            if !entities.insert(&entity.id) {
                return Err(InvalidDescription::Invalid(format!(
                    "the entity '{}' stands twice in '{}'",
                    entity.id, self.id
                )));
            }
            let mut kinds = HashSet::new();
            for component in &entity.components {
                check_identifier(&component.kind).map_err(invalid)?;
                check_attributes(&component.attributes)?;
                if !kinds.insert(&component.kind) {
                    return Err(InvalidDescription::Invalid(format!(
                        "the kind '{}' stands twice in the entity '{}'",
                        component.kind, entity.id
                    )));
                }
            }
        }
        Ok(())
    }
}

fn check_count(what: &str, count: usize, limit: usize) -> Result<(), InvalidDescription> {
    if count > limit {
        return Err(InvalidDescription::Limit(format!("at most {limit} {what}, these are {count}")));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), InvalidDescription> {
    check_count("bytes in a name", name.len(), limits::NAME_BYTES)
}

fn check_attributes(attributes: &Attributes) -> Result<(), InvalidDescription> {
    check_count("attributes on a thing", attributes.len(), limits::ATTRIBUTES)?;
    for (key, value) in attributes {
        check_identifier(key).map_err(|error| InvalidDescription::Invalid(error.to_string()))?;
        value.check_size().map_err(|error| InvalidDescription::Limit(format!("attribute '{key}': {error}")))?;
    }
    Ok(())
}
