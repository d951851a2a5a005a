//! `cargo xtask generate`: what people read about `model/*.toml`. The SDKs generate their code when they are built.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{places, say};

const PAGE: &str = "docs/component-kinds.md";

#[derive(Deserialize)]
struct Components {
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kind {
    name: String,
    #[serde(rename = "type")]
    value: String,
    doc: String,
    unit: Option<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    step: Option<f64>,
    #[serde(default)]
    options: Vec<String>,
    target_of: Option<String>,
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

/// Writes the page, or with `check` fails if it is not what it would be.
pub(crate) fn generate(check: bool) -> Result<()> {
    let components: Components = read("model/components.toml")?;
    let attributes: Attributes = read("model/attributes.toml")?;
    let page = page(&components.kind, &attributes.attribute)?;
    let path = places::root().join(PAGE);
    if check {
        if fs::read(&path).is_ok_and(|old| old == page.as_bytes()) {
            return Ok(());
        }
        bail!("{PAGE} is not what model/*.toml say. Run `cargo xtask generate` and commit it");
    }
    let written = places::write_if_changed(&path, page.as_bytes())?;
    say::note(format!("{PAGE}: {}", if written { "written" } else { "unchanged" }));
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &str) -> Result<T> {
    let text = fs::read_to_string(places::root().join(Path::new(path))).with_context(|| path.to_owned())?;
    toml::from_str(&text).with_context(|| path.to_owned())
}

fn page(kinds: &[Kind], attributes: &[Attribute]) -> Result<String> {
    let mut page = String::from(
        "# Component kinds and attributes\n\n\
         Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.\n\n\
         A component of an entity has a *kind* and a *value*. Values travel in the kind's one canonical unit; the unit \
         shown to people, a narrower range and the like are [attributes](#attributes). Both lists only grow.\n\n\
         | kind | value | unit | range | meaning |\n|---|---|---|---|---|\n",
    );
    for kind in kinds {
        let unit = kind.unit.as_ref().map(|unit| format!("`{}`", cell(unit))).unwrap_or_default();
        writeln!(page, "| `{}` | {} | {unit} | {} | {} |", kind.name, kind.value, range(kind), meaning(kind))?;
    }
    page += "\n## Attributes\n\n| key | of | value | meaning |\n|---|---|---|---|\n";
    for Attribute { key, on, value, doc } in attributes {
        writeln!(page, "| `{key}` | {} | {value} | {} |", on.join(", "), cell(doc))?;
    }
    Ok(page)
}

fn range(kind: &Kind) -> String {
    let mut text = match (kind.minimum, kind.maximum) {
        (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
        (Some(minimum), None) => format!("from {minimum}"),
        (None, Some(maximum)) => format!("up to {maximum}"),
        (None, None) => String::new(),
    };
    if let Some(step) = kind.step {
        text += &format!(", step {step}");
    }
    text
}

fn meaning(kind: &Kind) -> String {
    let mut text = cell(&kind.doc);
    if !kind.options.is_empty() {
        let options: Vec<String> = kind.options.iter().map(|option| format!("`{option}`")).collect();
        text += &format!(" One of {}.", options.join(", "));
    }
    if let Some(measured) = &kind.target_of {
        text += &format!(" What is wished for `{measured}`.");
    }
    text
}

/// Text that stays inside its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_row() {
        let kinds: Components = toml::from_str(
            "[[kind]]\nname = 'target-x'\ntype = 'real'\ndoc = 'A | B.'\nunit = 'K'\nminimum = 0\ntarget-of = 'x'\n\
             [[kind]]\nname = 'c'\ntype = 'choice'\ndoc = 'C.'\noptions = ['a', 'b']",
        )
        .unwrap();
        let page = page(&kinds.kind, &[]).unwrap();
        assert!(page.contains("| `target-x` | real | `K` | from 0 | A \\| B. What is wished for `x`. |"), "{page}");
        assert!(page.contains("| `c` | choice |  |  | C. One of `a`, `b`. |"), "{page}");
    }
}
