//! What Python's SDK knows of the model: its kinds, the methods that add them to an entity, and the attributes that these
//! take.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use igloo_model::{Kind, Kinds, ValueType};

use super::Attribute;

const HEAD: &str =
    "# Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.\n";
/// The column at which lines of documentation are broken.
const WIDTH: usize = 120;

/// `climate-mode` → `ClimateMode`.
fn class(name: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(upper).collect()
}

/// `climate-mode` → `CLIMATE_MODE`.
fn constant(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

/// `climate-mode` → `climate_mode`.
fn method(name: &str) -> String {
    name.replace('-', "_")
}

/// The type that an author reads and writes, as `_builder.py` and `kinds.py` name it.
fn author_type(kind: &Kind) -> Result<String> {
    Ok(match kind.value_type {
        ValueType::Boolean => "bool",
        ValueType::Integer => "int",
        ValueType::Real => "float",
        ValueType::Text => "str",
        ValueType::Choice => return Ok(class(&kind.name)),
        ValueType::Color => "Color",
        ValueType::Date => "dt.date",
        ValueType::TimeOfDay => "dt.time",
        ValueType::Timestamp => "dt.datetime",
        ValueType::Duration => "dt.timedelta",
        ValueType::Booleans => "list[bool]",
        ValueType::Integers => "list[int]",
        ValueType::Reals => "list[float]",
        ValueType::Texts => "list[str]",
        ValueType::Colors => "list[Color]",
        ValueType::Dates => "list[dt.date]",
        ValueType::TimesOfDay => "list[dt.time]",
        ValueType::Marker | ValueType::Event | ValueType::Any => bail!("{} has no value", kind.name),
    }
    .to_owned())
}

/// How a kind's values travel, by its name in `igloo.values`.
fn value_type(kind: &Kind) -> Result<String> {
    if kind.value_type == ValueType::Choice {
        return Ok(format!("values.choice({})", class(&kind.name)));
    }
    let case = serde_json::to_value(kind.value_type)?;
    Ok(format!("values.{}", constant(case.as_str().unwrap_or_default())))
}

/// Kinds that have no state unless the author says otherwise: their access begins as `command`.
fn is_asked_only(kind: &Kind) -> bool {
    kind.doc.contains("Its access is `command`")
}

/// What a person should know about a kind: meaning, unit, range.
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

/// A docstring, its lines broken.
fn docstring(out: &mut String, indent: usize, text: &str) {
    let text = text.replace('\\', "\\\\").replace("\"\"\"", "'''");
    let margin = " ".repeat(indent);
    // The quotes stand on the first line, and behind the last word.
    let (mut line, mut is_first) = (format!("{margin}\"\"\""), true);
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > WIDTH - 3 {
            let _ = writeln!(out, "{line}");
            line = format!("{margin}{word}");
        } else {
            let space = if is_first { "" } else { " " };
            let _ = write!(line, "{space}{word}");
        }
        is_first = false;
    }
    let _ = writeln!(out, "{line}\"\"\"");
}

/// `igloo/kinds.py`.
pub(super) fn kinds(kinds: &Kinds) -> Result<String> {
    let mut out = HEAD.to_owned();
    out += "\"\"\"The component kinds: `kinds.SWITCH`, and the cases of choices, `kinds.ClimateMode.HEAT`.\n\n\
            Authors rarely name the kinds themselves: `entity.switch()` gives a `Component[bool]`.\n\"\"\"\n\n\
            from __future__ import annotations\n\nfrom enum import StrEnum\nfrom typing import Final\n\n\
            from igloo import values\nfrom igloo._kind import Access, AnyKind, EventKind, Kind, Marker, TriggerKind\n";
    for kind in kinds.iter().filter(|kind| kind.value_type == ValueType::Choice) {
        writeln!(out, "\n\nclass {}(StrEnum):", class(&kind.name))?;
        docstring(&mut out, 4, &doc(kind));
        out.push('\n');
        for option in &kind.options {
            writeln!(out, "    {} = \"{option}\"", constant(option))?;
        }
    }
    out.push_str("\n\n");
    for kind in kinds.iter() {
        let (name, constant) = (&kind.name, constant(&kind.name));
        match kind.value_type {
            ValueType::Marker if is_asked_only(kind) => writeln!(out, "{constant}: Final = TriggerKind(\"{name}\")")?,
            ValueType::Marker => writeln!(out, "{constant}: Final = Marker(\"{name}\")")?,
            ValueType::Event => writeln!(out, "{constant}: Final = EventKind(\"{name}\")")?,
            _ => writeln!(out, "{constant}: Final = Kind(\"{name}\", {}{})", value_type(kind)?, known(kind))?,
        }
        docstring(&mut out, 0, &doc(kind));
    }
    out += "\nKINDS: Final[dict[str, AnyKind]] = {\n    kind.name: kind\n    for kind in (\n";
    for kind in kinds.iter() {
        writeln!(out, "        {},", constant(&kind.name))?;
    }
    out += "    )\n}\n\"\"\"Every kind of the model, by its name.\"\"\"\n";
    Ok(out)
}

/// What else is known of a kind, as further arguments.
fn known(kind: &Kind) -> String {
    let mut more = String::new();
    if let Some(unit) = &kind.unit {
        let _ = write!(more, ", unit=\"{unit}\"");
    }
    if is_asked_only(kind) {
        more += ", access=Access.COMMAND";
    }
    more
}

/// `igloo/_builder.py`.
pub(super) fn builder(kinds: &Kinds) -> Result<String> {
    let mut out = HEAD.to_owned();
    out += "\"\"\"What an entity can have: one method for each component kind. See [`igloo.Entity`].\"\"\"\n\n\
            from __future__ import annotations\n\nimport datetime as dt\nfrom collections.abc import Iterable\n\
            from typing import TYPE_CHECKING, TypeVar, Unpack\n\nfrom igloo import kinds\n\
            from igloo._kind import EventKind, Kind, Marker, TriggerKind\n\
            from igloo._parts import Component, Event, Trigger\nfrom igloo.values import Color\n\n\
            if TYPE_CHECKING:\n    from typing import Self\n\n    from igloo._attributes import ComponentAttributes\n\n\
            T = TypeVar(\"T\")\n\n\n\
            class EntityKinds:\n    \"\"\"The methods of an entity that add a component.\"\"\"\n\n\
            \x20   def _component(\n        \
            self, kind: Kind[T], writable: bool, command_only: bool, attributes: ComponentAttributes\n    \
            ) -> Component[T]:\n        raise NotImplementedError\n\n\
            \x20   def _mark(self, kind: Marker) -> None:\n        raise NotImplementedError\n\n\
            \x20   def _event(self, kind: EventKind, events: tuple[str, ...], attributes: ComponentAttributes) -> Event:\n\
            \x20       raise NotImplementedError\n\n\
            \x20   def _trigger(self, kind: TriggerKind, attributes: ComponentAttributes) -> Trigger:\n\
            \x20       raise NotImplementedError\n";
    for kind in kinds.iter() {
        let (method, constant) = (method(&kind.name), constant(&kind.name));
        out.push('\n');
        match kind.value_type {
            ValueType::Marker if is_asked_only(kind) => {
                writeln!(out, "    def {method}(self, **attributes: Unpack[ComponentAttributes]) -> Trigger:")?;
                docstring(&mut out, 8, &doc(kind));
                writeln!(out, "        return self._trigger(kinds.{constant}, attributes)")?;
            }
            ValueType::Marker => {
                writeln!(out, "    def {method}(self) -> Self:")?;
                docstring(&mut out, 8, &doc(kind));
                writeln!(out, "        self._mark(kinds.{constant})\n        return self")?;
            }
            ValueType::Event => {
                writeln!(
                    out,
                    "    def {method}(self, events: Iterable[str], **attributes: Unpack[ComponentAttributes]) -> Event:"
                )?;
                docstring(&mut out, 8, &format!("{} `events` are what it emits, such as `press`.", doc(kind)));
                writeln!(out, "        return self._event(kinds.{constant}, tuple(events), attributes)")?;
            }
            _ => {
                let of = author_type(kind)?;
                let of = if kind.value_type == ValueType::Choice { format!("kinds.{of}") } else { of };
                let parameters = "self, *, writable: bool = False, command_only: bool = False, \
                                  **attributes: Unpack[ComponentAttributes]";
                let line = format!("    def {method}({parameters}) -> Component[{of}]:");
                if line.chars().count() <= WIDTH {
                    writeln!(out, "{line}")?;
                } else {
                    writeln!(out, "    def {method}(\n        {parameters}\n    ) -> Component[{of}]:")?;
                }
                docstring(&mut out, 8, &doc(kind));
                writeln!(out, "        return self._component(kinds.{constant}, writable, command_only, attributes)")?;
            }
        }
    }
    Ok(out)
}

/// `igloo/_attributes.py`.
pub(super) fn attributes(attributes: &[Attribute]) -> Result<String> {
    let mut out = HEAD.to_owned();
    out += "\"\"\"The attributes that devices, entities and components may have, as keyword arguments. None leaves one \
            out.\n\nOnly type checkers and readers need them.\n\"\"\"\n\nfrom __future__ import annotations\n\n\
            from collections.abc import Sequence\nfrom typing import TypedDict\n";
    for (class, on, text) in [
        ("DeviceAttributes", "device", "What a device may be told to be."),
        ("EntityAttributes", "entity", "What an entity may be told to be."),
        ("ComponentAttributes", "component", "What a component may be told to be."),
    ] {
        writeln!(out, "\n\nclass {class}(TypedDict, total=False):")?;
        docstring(&mut out, 4, text);
        out.push('\n');
        for attribute in attributes.iter().filter(|attribute| attribute.on.iter().any(|place| place == on)) {
            let of = match attribute.value.as_str() {
                "text" => "str",
                "real" => "float",
                "integer" => "int",
                "boolean" => "bool",
                "texts" => "Sequence[str]",
                other => bail!("attribute {}: the type {other} is not known to the SDK", attribute.key),
            };
            writeln!(out, "    {}: {of} | None", method(&attribute.key))?;
            docstring(&mut out, 4, &attribute.doc);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_constant_a_method_and_a_choice_an_enumeration() {
        let model = Kinds::parse(
            "[[kind]]\nname = 'pm2-5'\ntype = 'real'\ndoc = 'Dust.'\nunit = 'µg/m³'\n\
             [[kind]]\nname = 'fan-mode'\ntype = 'choice'\ndoc = 'How.'\noptions = ['on', 'half-on']\n\
             [[kind]]\nname = 'light'\ntype = 'marker'\ndoc = 'A light.'",
        )
        .unwrap();
        let page = kinds(&model).unwrap();
        assert!(page.contains("PM2_5: Final = Kind(\"pm2-5\", values.REAL, unit=\"µg/m³\")"), "{page}");
        assert!(
            page.contains("class FanMode(StrEnum):\n    \"\"\"`fan-mode`: How.\"\"\"\n\n    ON = \"on\"\n"),
            "{page}"
        );
        assert!(page.contains("    HALF_ON = \"half-on\"\n"), "{page}");
        let methods = builder(&model).unwrap();
        assert!(methods.contains(" -> Component[kinds.FanMode]:"), "{methods}");
        assert!(methods.contains("    def light(self) -> Self:"), "{methods}");
    }

    #[test]
    fn long_documentation_is_broken() {
        let mut out = String::new();
        docstring(&mut out, 4, &"word ".repeat(60));
        assert!(out.lines().all(|line| line.len() <= WIDTH), "{out}");
        assert!(out.starts_with("    \"\"\"word word") && out.ends_with("word\"\"\"\n"), "{out}");
    }
}
