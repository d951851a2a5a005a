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
//! [limits]                      # other defaults than the hub's: less, or up to twice as much
//! memory = "16MiB"
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

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{
    grants::Want,
    limits::PackageLimits,
    protection::Protection,
    run_as::{Engine, Placement, RunAs},
};

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
    /// Limits other than the hub's defaults.
    #[serde(default, skip_serializing_if = "PackageLimits::is_empty")]
    pub limits: PackageLimits,
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

/// How a package runs. A package may have files for both engines.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provider {
    /// The engine, where its owner chooses no other.
    pub engine: Engine,
    /// Where it runs, where its owner chooses nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// The component's file, beside the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The native executable's file, beside the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// An archive of files that the executable needs, beside the manifest: an uncompressed tar with regular files alone.
    /// They are in `files/` beside the executable when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<String>,
    /// Protections without which its process does not start, unless its owner accepts that one is lacking.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<Protection>,
    /// Seconds that it may take to become ready.
    #[serde(default = "start_deadline_s")]
    pub start_deadline_s: u32,
    /// The contract version it was built for.
    #[serde(default = "contract")]
    pub contract: String,
}

/// Seconds that a provider may take to become ready where its manifest does not say.
pub const START_DEADLINE_S: u32 = 60;
/// The longest start deadline.
pub const LONGEST_START_DEADLINE_S: u32 = 600;

fn start_deadline_s() -> u32 {
    START_DEADLINE_S
}

fn contract() -> String {
    CONTRACT.to_owned()
}

impl Provider {
    /// How it runs, where its owner chooses nothing else.
    #[must_use]
    pub fn run_as(&self) -> RunAs {
        match (self.engine, self.placement) {
            (Engine::Process, _) => RunAs::Process,
            (Engine::Component, Some(Placement::Isolated)) => RunAs::Isolated,
            (Engine::Component, _) => RunAs::InHub,
        }
    }

    /// The file that an engine runs, if the package has one.
    #[must_use]
    pub fn file(&self, engine: Engine) -> Option<&str> {
        match engine {
            Engine::Component => self.component.as_deref(),
            Engine::Process => self.executable.as_deref(),
        }
    }

    fn check(&self) -> Result<(), String> {
        let names = [("component", &self.component), ("executable", &self.executable), ("files", &self.files)];
        for (name, file) in names {
            let Some(file) = file else { continue };
            if file.is_empty() || file.contains(['/', '\\', '\0']) || file.starts_with('.') || file == "igloo.toml" {
                let shown = file.escape_debug();
                return Err(format!("provider.{name}: '{shown}' is not the name of a file beside igloo.toml"));
            }
        }
        if self.component.is_some() && self.component == self.executable {
            return Err(String::from("provider.executable: one file cannot be the component and the executable"));
        }
        if self.files.is_some() && (self.files == self.component || self.files == self.executable) {
            return Err(String::from("provider.files: one file cannot be the archive and what is run"));
        }
        if self.files.is_some() && self.executable.is_none() {
            return Err(String::from("provider.files: they are for an executable, and there is none"));
        }
        if self.file(self.engine).is_none() {
            let field = match self.engine {
                Engine::Component => "component",
                Engine::Process => "executable",
            };
            return Err(format!("provider.{field}: the engine '{}' needs this file's name", self.engine));
        }
        if let Some(placement) = self.placement {
            RunAs::try_from((self.engine, placement)).map_err(|error| format!("provider.placement: {error}"))?;
        }
        if !(1..=LONGEST_START_DEADLINE_S).contains(&self.start_deadline_s) {
            return Err(format!("provider.start-deadline-s: write 1 to {LONGEST_START_DEADLINE_S} seconds"));
        }
        if self.contract != CONTRACT {
            return Err(format!(
                "provider.contract: this hub speaks contract {CONTRACT}, the package was built for {}",
                self.contract.escape_debug()
            ));
        }
        Ok(())
    }
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
        self.provider.check().map_err(ManifestError::Invalid)?;
        if let Err(error) = self.limits.check() {
            return invalid(format!("limits: {error}"));
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
                "{} has no action '{}' in its igloo.toml{}",
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
    fn a_package_may_have_files_for_both_engines() {
        let both = TEXT.replacen("engine = ", "placement = \"isolated\"\nexecutable = \"p1-meter\"\nengine = ", 1);
        let provider = Manifest::parse(&both).unwrap().provider;
        assert_eq!((provider.run_as(), provider.file(Engine::Process)), (RunAs::Isolated, Some("p1-meter")));
        assert_eq!(provider.start_deadline_s, START_DEADLINE_S);
        let native = both.replace("engine = \"component\"", "engine = \"process\"");
        assert_eq!(Manifest::parse(&native).unwrap().provider.run_as(), RunAs::Process);
        let in_hub = native.replace("isolated", "in-hub");
        assert!(Manifest::parse(&in_hub).unwrap_err().to_string().contains("always isolated"));
    }

    #[test]
    fn faults_name_their_place() {
        for (from, to, expected) in [
            ("p1_meter.wasm", "../x.wasm", "provider.component"),
            (
                "component = \"p1_meter.wasm\"",
                "executable = \"p1\"",
                "provider.component: the engine 'component' needs",
            ),
            ("engine = \"component\"", "engine = \"process\"", "provider.executable: the engine 'process' needs"),
            ("component = \"", "executable = \"/bin/sh\"\ncomponent = \"", "provider.executable"),
            ("component = \"", "executable = \"p1_meter.wasm\"\ncomponent = \"", "one file cannot be"),
            ("component = \"", "requires = [\"luck\"]\ncomponent = \"", "'luck' is not a protection"),
            ("component = \"", "start-deadline-s = 0\ncomponent = \"", "1 to 600"),
            ("component = \"", "placement = \"cloud\"\ncomponent = \"", "cloud"),
            ("[config]", "[limits]\nmemory = \"1GiB\"\n[config]", "memory=1GiB is more than"),
            ("p1-meter\"", "P1 meter\"", "package.name"),
            ("serial:meter=?", "serial:meter", "wants"),
            ("engine = ", "motor = ", "motor"),
        ] {
            let error = Manifest::parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
