//! `igloo.toml`: what a package says of itself.
//!
//! ```toml
//! [package]
//! name = "p1-meter"
//! version = "0.1.0"
//! description = "Reads a smart meter's P1 port"
//! license = "MIT OR Apache-2.0"
//!
//! [provider]
//! engine = "component"
//! component = "p1_meter.wasm"
//! contract = "0.1"
//!
//! [[wants]]
//! grant = "serial:meter=?"
//! why = "Reads telegrams from the meter's P1 port"
//!
//! [config]                      # a JSON schema of an object
//! type = "object"
//!
//! [config.properties.price]
//! type = "number"
//! default = 0.25
//!
//! [actions.pair]
//! description = "Pairs a new device"
//! [actions.pair.parameters]     # a JSON schema
//! type = "object"
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::grants::Want;

/// The contract version that this hub speaks.
pub const CONTRACT: &str = "0.1";

/// A manifest's largest size in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who it is.
    pub package: Package,
    /// How it runs.
    pub provider: Provider,
    /// What it asks the owner for.
    #[serde(default)]
    pub wants: Vec<Want>,
    /// A JSON schema of its configuration; absent: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Json>,
    /// Its operations.
    #[serde(default)]
    pub actions: BTreeMap<String, Action>,
}

/// Who a package is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// `a-z`, `0-9` and `-`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// An SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
}

/// How a package runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The engine.
    pub engine: Engine,
    /// The component's file, beside the manifest.
    pub component: String,
    /// The contract version it was built for.
    #[serde(default = "contract")]
    pub contract: String,
}

fn contract() -> String {
    CONTRACT.to_owned()
}

/// How a provider runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// As a WebAssembly component in the hub.
    Component,
}

/// An operation that a provider offers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// One line for people.
    pub description: String,
    /// A JSON schema of its parameters; absent: it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Json>,
}

/// Why a manifest or a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, or not a manifest's TOML.
    #[error("igloo.toml: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// A field's content is wrong.
    #[error("igloo.toml: {0}")]
    Invalid(String),
}

/// Why a value does not satisfy a schema: one line for each fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct SchemaFaults(pub Vec<String>);

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            return Err(ManifestError::Invalid(format!("at most {MAX_BYTES} bytes, this one has {}", text.len())));
        }
        let manifest: Self = toml::from_str(text).map_err(Box::new)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let invalid = |text: String| Err(ManifestError::Invalid(text));
        if let Err(error) = self.package.name.parse::<igloo_model::InstanceName>() {
            return invalid(format!("package.name: {error}"));
        }
        let file = &self.provider.component;
        if file.is_empty() || file.contains(['/', '\\', '\0']) || file.starts_with('.') {
            return invalid(format!(
                "provider.component: '{}' is not the name of a file beside igloo.toml",
                file.escape_debug()
            ));
        }
        if self.provider.contract != CONTRACT {
            return invalid(format!(
                "provider.contract: this hub speaks contract {CONTRACT}, the package was built for {}",
                self.provider.contract.escape_debug()
            ));
        }
        for want in &self.wants {
            if let Err(error) = want.check() {
                return invalid(format!("wants: {error}"));
            }
        }
        let schemas =
            self.actions.iter().filter_map(|(name, action)| Some((name.as_str(), action.parameters.as_ref()?)));
        for (name, schema) in schemas.chain(self.config.iter().map(|schema| ("config", schema))) {
            if let Err(error) = validator(schema) {
                return invalid(format!("{name}: not a JSON schema: {error}"));
            }
        }
        Ok(())
    }

    /// The configuration with the schema's defaults filled in, if it satisfies the schema.
    pub fn configure(&self, config: Json) -> Result<Json, SchemaFaults> {
        let Some(schema) = &self.config else {
            let empty = config.is_null() || config.as_object().is_some_and(Map::is_empty);
            return if empty {
                Ok(Json::Object(Map::new()))
            } else {
                Err(SchemaFaults(vec![format!("{} has no configuration", self.package.name)]))
            };
        };
        let mut config = if config.is_null() { Json::Object(Map::new()) } else { config };
        fill_defaults(schema, &mut config);
        validate(schema, &config)?;
        Ok(config)
    }

    /// Checks an action's parameters.
    pub fn check_parameters(&self, action: &str, parameters: &Json) -> Result<(), SchemaFaults> {
        let Some(found) = self.actions.get(action) else {
            let known: Vec<&str> = self.actions.keys().map(String::as_str).collect();
            return Err(SchemaFaults(vec![format!(
                "{} has no action '{}'{}",
                self.package.name,
                action.escape_debug(),
                if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) }
            )]));
        };
        match &found.parameters {
            Some(schema) => validate(schema, parameters),
            None => Ok(()),
        }
    }
}

/// A validator that fetches nothing from anywhere.
fn validator(schema: &Json) -> Result<jsonschema::Validator, String> {
    jsonschema::options().build(schema).map_err(|error| error.to_string())
}

fn validate(schema: &Json, value: &Json) -> Result<(), SchemaFaults> {
    let validator = validator(schema).map_err(|error| SchemaFaults(vec![error]))?;
    let faults: Vec<String> = validator
        .iter_errors(value)
        .take(16)
        .map(|error| {
            let path = error.instance_path().to_string();
            if path.is_empty() { error.to_string() } else { format!("{}: {error}", path.trim_start_matches('/')) }
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(SchemaFaults(faults)) }
}

/// Puts `default`s of the schema's properties where the configuration has nothing.
fn fill_defaults(schema: &Json, value: &mut Json) {
    let (Some(properties), Some(object)) = (schema.get("properties").and_then(Json::as_object), value.as_object_mut())
    else {
        return;
    };
    for (name, property) in properties {
        if let Some(known) = object.get_mut(name) {
            fill_defaults(property, known);
        } else if let Some(default) = property.get("default") {
            object.insert(name.clone(), default.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = r#"
        [package]
        name = "p1-meter"
        version = "0.1.0"
        description = "Reads a smart meter"
        [provider]
        engine = "component"
        component = "p1_meter.wasm"
        [[wants]]
        grant = "serial:meter=?"
        why = "Reads the meter"
        [config]
        type = "object"
        additionalProperties = false
        [config.properties.price]
        type = "number"
        minimum = 0
        default = 0.25
        [actions.pair]
        description = "Pairs"
        [actions.pair.parameters]
        type = "object"
        required = ["code"]
    "#;

    #[test]
    fn configuration_is_checked_and_completed() {
        let manifest = Manifest::parse(TEXT).unwrap();
        assert_eq!(manifest.configure(Json::Null).unwrap(), json!({"price": 0.25}));
        assert_eq!(manifest.configure(json!({"price": 1})).unwrap(), json!({"price": 1}));
        let faults = manifest.configure(json!({"price": -1, "colour": 2})).unwrap_err();
        assert_eq!(faults.0.len(), 2, "{faults}");
        assert!(manifest.check_parameters("pair", &json!({"code": "1"})).is_ok());
        assert!(manifest.check_parameters("pair", &json!({})).is_err());
        assert!(manifest.check_parameters("unpair", &json!({})).unwrap_err().to_string().contains("there are pair"));
    }

    #[test]
    fn faults_name_their_place() {
        for (from, to, expected) in [
            ("p1_meter.wasm", "../x.wasm", "provider.component"),
            ("p1-meter\"", "P1 meter\"", "package.name"),
            ("serial:meter=?", "serial:meter", "wants"),
            ("engine = ", "motor = ", "motor"),
        ] {
            let error = Manifest::parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
