//! `cargo xtask generate`: what people read about `model/*.toml`, and what Python's SDK knows of them. Rust's SDK generates
//! its code when it is built.

mod python;

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, bail};
use igloo_model::{Kind, Kinds};
use serde::Deserialize;

use crate::{places, say};

const PAGE: &str = "docs/component-kinds.md";

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

/// Writes what is generated, or with `check` fails if it is not what it would be.
pub(crate) fn generate(check: bool) -> Result<()> {
    let kinds = Kinds::parse(&text("model/components.toml")?).context("model/components.toml")?;
    let attributes: Attributes = toml::from_str(&text("model/attributes.toml")?).context("model/attributes.toml")?;
    let files = [
        (PAGE, page(&kinds, &attributes.attribute)?),
        ("sdk/python/src/igloo/kinds.py", python::kinds(&kinds)?),
        ("sdk/python/src/igloo/_builder.py", python::builder(&kinds)?),
        ("sdk/python/src/igloo/_attributes.py", python::attributes(&attributes.attribute)?),
    ];
    for (name, content) in files {
        let path = places::root().join(name);
        if check {
            if !fs::read(&path).is_ok_and(|old| old == content.as_bytes()) {
                bail!("{name} is not what model/*.toml say. Run `cargo xtask generate` and commit it");
            }
        } else {
            let written = igloo_build::package::write_if_changed(&path, content.as_bytes(), 0o644)?;
            say::note(format!("{name}: {}", if written { "written" } else { "unchanged" }));
        }
    }
    Ok(())
}

fn text(path: &'static str) -> Result<String> {
    fs::read_to_string(places::root().join(path)).context(path)
}

fn page(kinds: &Kinds, attributes: &[Attribute]) -> Result<String> {
    let mut page = String::from(
        "# Component kinds and attributes\n\n\
         Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.\n\n\
         A component of an entity has a *kind* and a *value*. Values travel in the kind's one canonical unit; the unit \
         shown to people, a narrower range and the like are [attributes](#attributes). Both lists only grow.\n\n\
         | kind | value | unit | range | meaning |\n|---|---|---|---|---|\n",
    );
    for kind in kinds.iter() {
        let value = serde_json::to_value(kind.value_type)?;
        let value = value.as_str().unwrap_or_default();
        let unit = kind.unit.as_ref().map(|unit| format!("`{}`", cell(unit))).unwrap_or_default();
        writeln!(page, "| `{}` | {} | {unit} | {} | {} |", kind.name, value, range(kind), meaning(kind))?;
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
        let kinds = Kinds::parse(
            "[[kind]]\nname = 'target-x'\ntype = 'real'\ndoc = 'A | B.'\nunit = 'K'\nminimum = 0\ntarget-of = 'x'\n\
             [[kind]]\nname = 'c'\ntype = 'choice'\ndoc = 'C.'\noptions = ['a', 'b']",
        )
        .unwrap();
        let page = page(&kinds, &[]).unwrap();
        assert!(page.contains("| `target-x` | real | `K` | from 0 | A \\| B. What is wished for `x`. |"), "{page}");
        assert!(page.contains("| `c` | choice |  |  | C. One of `a`, `b`. |"), "{page}");
    }
}
