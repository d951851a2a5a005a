//! docs/rust-libraries.md, made from what ran and from the versions in the guest's Cargo.lock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// A line of the table.
pub(crate) struct Row {
    library: &'static str,
    ran: bool,
    counterpart: &'static str,
    what: String,
}

impl Row {
    /// It ran. `what` it did with its counterpart is what the case has checked.
    pub(crate) fn ran(library: &'static str, counterpart: &'static str, what: &str) -> Self {
        Self { library, ran: true, counterpart, what: what.to_owned() }
    }

    /// It did not, because of this.
    pub(crate) fn blocked(library: &'static str, counterpart: &'static str, what: String) -> Self {
        Self { library, ran: false, counterpart, what }
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The version of each crate that is locked; the newest where there are several.
fn versions() -> BTreeMap<String, String> {
    let text = fs::read_to_string(workspace().join("tests/libraries/Cargo.lock")).unwrap();
    let lock: Lock = toml::from_str(&text).unwrap();
    // They are in the order of their versions.
    lock.package.into_iter().map(|package| (package.name, package.version)).collect()
}

fn page(rows: &[Row]) -> String {
    let versions = versions();
    let mut page = String::from(
        "# Rust libraries in a component\n\n\
         Written by `cargo xtask libraries`, which runs every one of them: crates as they are on crates.io, built as \
         `igloo build` does it ([how](rust-libraries-how.md)), in a component with the SDK and nothing granted but what \
         the exchange needs. What is said to have happened is what the test has checked. The code is in \
         `tests/libraries` and `tests/real/tests/libraries`.\n\n\
         | crate | version | result | with | what happened |\n|---|---|---|---|---|\n",
    );
    for Row { library, ran, counterpart, what } in rows {
        let version = versions.get(*library).unwrap_or_else(|| panic!("{library} is not in Cargo.lock"));
        let result = if *ran { "ran" } else { "blocked" };
        writeln!(page, "| `{library}` | {version} | {result} | {counterpart} | {what} |").unwrap();
    }
    page
}

/// Compares the page with what it would be now, or writes it.
pub(crate) fn check(rows: &[Row]) {
    let path = workspace().join("docs/rust-libraries.md");
    let page = page(rows);
    if env::var_os("IGLOO_WRITE_DOCS").is_some() {
        fs::write(path, page).unwrap();
    } else {
        let written = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, page, "docs/rust-libraries.md is not what happens: run `cargo xtask libraries`");
    }
}
