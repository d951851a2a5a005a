//! Generates the typed component kinds and attributes from `model/*.toml`, so that they are always those of the model.
//!
//! For each kind: a marker type in `kinds`, a method on `Entity` that adds it, and a method on `Command` that reads it.
//! For each attribute: a method on `Device`, `Entity` or `Component`.

use serde::Deserialize;
use std::{env, error::Error, fmt::Write as _, fs, path::Path};

#[derive(Deserialize)]
struct Components {
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    #[serde(rename = "type")]
    value: String,
    doc: String,
    unit: Option<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Deserialize)]
struct Attributes {
    attribute: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    on: Vec<String>,
    #[serde(rename = "type")]
    value: String,
    doc: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let model = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../model");
    let components: Components = read(&model.join("components.toml"))?;
    let attributes: Attributes = read(&model.join("attributes.toml"))?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("kinds.rs"), kinds(&components.kind)?)?;
    fs::write(Path::new(&out).join("entity_kinds.rs"), entity(&components.kind)?)?;
    fs::write(Path::new(&out).join("command_kinds.rs"), command(&components.kind)?)?;
    let mut text = String::new();
    for head in ["Device", "Entity", "Component"] {
        let here = |a: &&Attribute| a.on.iter().any(|on| on.eq_ignore_ascii_case(head));
        text += &setters(head, attributes.attribute.iter().filter(here))?;
    }
    fs::write(Path::new(&out).join("attributes.rs"), text)?;
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// `pm2-5` → `Pm25`.
fn type_name(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
        })
        .collect()
}

/// `pm2-5` → `pm2_5`.
fn method_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The Rust type that an author reads and writes, and the case of `Value` that carries it.
fn rust_type(kind: &Kind) -> Result<(String, &'static str), String> {
    Ok(match kind.value.as_str() {
        "boolean" => ("bool".into(), "Boolean"),
        "integer" => ("i64".into(), "Integer"),
        "real" => ("f64".into(), "Real"),
        "text" => ("String".into(), "Text"),
        "choice" => (type_name(&kind.name), "Choice"),
        "color" => ("crate::Color".into(), "Color"),
        "date" => ("crate::Date".into(), "Date"),
        "time-of-day" => ("crate::TimeOfDay".into(), "TimeOfDay"),
        "timestamp" => ("crate::Timestamp".into(), "Timestamp"),
        "duration" => ("std::time::Duration".into(), "Duration"),
        "booleans" => ("Vec<bool>".into(), "Booleans"),
        "integers" => ("Vec<i64>".into(), "Integers"),
        "reals" => ("Vec<f64>".into(), "Reals"),
        "texts" => ("Vec<String>".into(), "Texts"),
        "colors" => ("Vec<crate::Color>".into(), "Colors"),
        "dates" => ("Vec<crate::Date>".into(), "Dates"),
        "times-of-day" => ("Vec<crate::TimeOfDay>".into(), "TimesOfDay"),
        "marker" | "event" => ("()".into(), "Unknown"),
        other => return Err(format!("kind {}: the type {other} is not known to the SDK", kind.name)),
    })
}

/// What a person should know about a kind: meaning, unit, range, options.
fn doc(kind: &Kind) -> String {
    let mut doc = format!("`{}`: {}", kind.name, kind.doc);
    if let Some(unit) = &kind.unit {
        let _ = write!(doc, " In {unit}.");
    }
    match (kind.minimum, kind.maximum) {
        (Some(low), Some(high)) => drop(write!(doc, " From {low} to {high}.")),
        (Some(low), None) => drop(write!(doc, " At least {low}.")),
        (None, Some(high)) => drop(write!(doc, " At most {high}.")),
        (None, None) => {}
    }
    doc
}

/// Kinds that have no state unless the author says otherwise: their access begins as `command`.
fn is_asked_only(kind: &Kind) -> bool {
    kind.doc.contains("Its access is `command`")
}

fn access(kind: &Kind) -> &'static str {
    match kind.value.as_str() {
        "event" => "Event",
        _ if is_asked_only(kind) => "Command",
        _ => "Read",
    }
}

fn kinds(kinds: &[Kind]) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    for kind in kinds {
        let (name, ty) = (&kind.name, type_name(&kind.name));
        let (rust, case) = rust_type(kind)?;
        let doc = doc(kind);
        if kind.value == "choice" {
            choice(&mut out, kind, &doc)?;
        } else {
            writeln!(out, "#[doc = {doc:?}]\n#[derive(Debug, Clone, Copy)]\npub struct {ty};")?;
        }
        writeln!(out, "impl Kind for {ty} {{")?;
        writeln!(out, "    type Value = {rust};")?;
        writeln!(out, "    fn encode(value: {rust}) -> Value {{ crate::value::Encode::encode(value) }}")?;
        writeln!(out, "    fn decode(value: &Value) -> Option<{rust}> {{ crate::value::Encode::decode(value) }}")?;
        writeln!(out, "}}\nimpl KnownKind for {ty} {{")?;
        writeln!(
            out,
            "    const INFO: KindInfo = KindInfo {{ name: {name:?}, value: ValueType::{}, unit: {:?}, options: &{:?}, \
             access: Access::{} }};",
            if matches!(kind.value.as_str(), "marker" | "event") { "None" } else { case },
            kind.unit,
            kind.options,
            access(kind)
        )?;
        writeln!(out, "}}")?;
        match kind.value.as_str() {
            "event" => writeln!(out, "impl EventKind for {ty} {{}}")?,
            "marker" => {}
            _ => writeln!(out, "impl ValueKind for {ty} {{}}")?,
        }
    }
    writeln!(out, "/// Every kind of the model, in its order.\npub static KINDS: &[KindInfo] = &[")?;
    for kind in kinds {
        writeln!(out, "    {}::INFO,", type_name(&kind.name))?;
    }
    writeln!(out, "];")?;
    Ok(out)
}

/// A choice is its own kind: an enumeration of its options in the order of the model, which is their index.
fn choice(out: &mut String, kind: &Kind, doc: &str) -> Result<(), std::fmt::Error> {
    let rust = type_name(&kind.name);
    writeln!(out, "#[doc = {doc:?}]")?;
    writeln!(out, "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\n#[non_exhaustive]\npub enum {rust} {{")?;
    for option in &kind.options {
        writeln!(out, "    #[doc = \"`{option}`\"]\n    {},", type_name(option))?;
    }
    writeln!(out, "}}\nimpl crate::value::Encode for {rust} {{")?;
    writeln!(out, "    fn encode(self) -> Value {{ Value::Choice(self as u32) }}")?;
    writeln!(out, "    fn decode(value: &Value) -> Option<Self> {{ match value {{")?;
    for (index, option) in kind.options.iter().enumerate() {
        writeln!(out, "        Value::Choice({index}) => Some(Self::{}),", type_name(option))?;
    }
    writeln!(out, "        _ => None,\n    }} }}\n}}")
}

fn entity(kinds: &[Kind]) -> Result<String, Box<dyn Error>> {
    let mut out = "impl Entity {\n".to_owned();
    for kind in kinds {
        let (method, ty, doc) = (method_name(&kind.name), type_name(&kind.name), doc(kind));
        if kind.value == "marker" && !is_asked_only(kind) {
            writeln!(out, "    #[doc = {doc:?}]\n    pub fn {method}(&mut self) -> &mut Self {{")?;
            writeln!(out, "        self.add::<kinds::{ty}>();\n        self\n    }}")?;
        } else {
            writeln!(out, "    #[doc = {doc:?}]\n    pub fn {method}(&mut self) -> Component<kinds::{ty}> {{")?;
            writeln!(out, "        self.add()\n    }}")?;
        }
    }
    out.push_str("}\n");
    Ok(out)
}

fn command(kinds: &[Kind]) -> Result<String, Box<dyn Error>> {
    let mut out = "impl Command {\n".to_owned();
    for kind in kinds {
        let (method, ty) = (method_name(&kind.name), type_name(&kind.name));
        let (rust, _) = rust_type(kind)?;
        match kind.value.as_str() {
            "event" => {}
            "marker" if !is_asked_only(kind) => {}
            "marker" => {
                writeln!(out, "    /// Whether the command asks for `{}`.", kind.name)?;
                writeln!(out, "    pub fn {method}(&self) -> bool {{ self.value({:?}).is_some() }}", kind.name)?;
            }
            _ => {
                let rust = if kind.value == "choice" { format!("kinds::{rust}") } else { rust };
                writeln!(out, "    /// The `{}` that the command asks for, if it does.", kind.name)?;
                writeln!(out, "    pub fn {method}(&self) -> Option<{rust}> {{ self.of_kind::<kinds::{ty}>() }}")?;
            }
        }
    }
    out.push_str("}\n");
    Ok(out)
}

/// The builder methods for the attributes of one level. Devices and components are passed on, entities are borrowed.
fn setters<'a>(head: &str, attributes: impl Iterator<Item = &'a Attribute>) -> Result<String, Box<dyn Error>> {
    let by_reference = head == "Entity";
    let (receiver, result) = if by_reference { ("&mut self", "&mut Self") } else { ("self", "Self") };
    let mut out = match head {
        "Component" => "impl<K: Kind> Component<K> {\n".to_owned(),
        _ => format!("impl {head} {{\n"),
    };
    for attribute in attributes {
        let (key, method) = (&attribute.key, method_name(&attribute.key));
        let (parameter, value) = match attribute.value.as_str() {
            "text" => ("impl Into<String>", "Value::Text(value.into())"),
            "real" => ("impl Into<f64>", "Value::Real(value.into())"),
            "integer" => ("impl Into<i64>", "Value::Integer(value.into())"),
            "boolean" => ("bool", "Value::Boolean(value)"),
            "texts" => (
                "impl IntoIterator<Item = impl Into<String>>",
                "Value::Texts(value.into_iter().map(Into::into).collect())",
            ),
            other => return Err(format!("attribute {key}: the type {other} is not known to the SDK").into()),
        };
        writeln!(out, "    #[doc = {:?}]", attribute.doc)?;
        if !by_reference {
            writeln!(out, "    #[must_use]")?;
        }
        writeln!(out, "    pub fn {method}({receiver}, value: {parameter}) -> {result} {{")?;
        writeln!(out, "        self.attribute({key:?}, {value})\n    }}")?;
    }
    out.push_str("}\n");
    Ok(out)
}
