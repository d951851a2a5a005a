//! Guests: the crates under `providers/` and `tests/guests/` that become WebAssembly components. They are built in one
//! go and assembled into packages: a folder with `igloo.toml` and the component.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use wasmparser::{Parser, Payload};

use crate::{places, process, say};

/// A guest crate.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The crate's name.
    pub(crate) name: String,
    /// Whether it is of `providers/`, not a test's.
    pub(crate) first_party: bool,
    /// Its package; `None` for a crate that only helps others.
    package: Option<Package>,
}

#[derive(Debug)]
struct Package {
    name: String,
    manifest: PathBuf,
    component: String,
}

#[derive(Deserialize)]
struct CargoToml {
    package: Named,
}

#[derive(Deserialize)]
struct IglooToml {
    package: Named,
    provider: Provider,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Provider {
    component: String,
}

/// All guests, in the order of their folders' names.
pub(crate) fn all() -> Result<Vec<Guest>> {
    let mut folders = BTreeSet::new();
    for room in ["providers", "tests/guests"] {
        let Ok(entries) = fs::read_dir(places::root().join(room)) else { continue };
        for entry in entries {
            folders.insert(entry?.path());
        }
    }
    folders.iter().filter(|folder| folder.join("Cargo.toml").is_file()).map(|folder| read(folder)).collect()
}

/// The guests of these names; all of them if there are none.
pub(crate) fn named(names: &[String]) -> Result<Vec<Guest>> {
    let guests = all()?;
    if names.is_empty() {
        return Ok(guests);
    }
    if let Some(unknown) = names.iter().find(|name| guests.iter().all(|guest| guest.name != **name)) {
        let known: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
        bail!("there is no guest '{unknown}'. There are: {}", known.join(", "));
    }
    Ok(guests.into_iter().filter(|guest| names.contains(&guest.name)).collect())
}

/// Builds guests and assembles their packages in `target/packages`.
pub(crate) fn build(names: &[String]) -> Result<()> {
    let guests = named(names)?;
    let began = Instant::now();
    say::step(format!("Building {} guests for {}", guests.len(), places::WASM));
    if guests.is_empty() {
        return Ok(());
    }
    let mut command = cargo("build");
    command.args(arguments(&guests));
    process::run(
        command,
        "If it says that the target may not be installed, run `cargo xtask setup --run-only`; if one guest is \
         broken, `cargo xtask build-guests NAME…` builds the others.",
    )?;
    let mut changed = 0;
    for guest in &guests {
        changed += usize::from(assemble(guest).with_context(|| format!("the guest {}", guest.name))?);
    }
    say::note(format!("target/packages: {changed} changed, {}", say::time(began.elapsed())));
    Ok(())
}

/// cargo, for guests: flags meant for the host's compiler would take the place of those in `.cargo/config.toml`.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = process::cargo(&[subcommand]);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// What cargo must be told to build these guests, or to check them.
pub(crate) fn arguments(guests: &[Guest]) -> Vec<String> {
    let mut arguments: Vec<String> = ["--profile", "guest", "--target", places::WASM].map(String::from).into();
    arguments.push(format!("--target-dir={}", places::guest_target().display()));
    for guest in guests {
        arguments.extend(["--package".to_owned(), guest.name.clone()]);
    }
    arguments
}

fn read(folder: &Path) -> Result<Guest> {
    let name = parse::<CargoToml>(&folder.join("Cargo.toml"))?.package.name;
    let manifest = folder.join("igloo.toml");
    let package = if manifest.is_file() {
        let toml: IglooToml = parse(&manifest)?;
        Some(Package { name: toml.package.name, component: toml.provider.component, manifest })
    } else {
        None
    };
    Ok(Guest { name, first_party: folder.starts_with(places::root().join("providers")), package })
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// Copies what changed. True if anything did.
fn assemble(guest: &Guest) -> Result<bool> {
    let Some(package) = &guest.package else { return Ok(false) };
    let file = format!("{}.wasm", guest.name.replace('-', "_"));
    let built = places::guest_target().join(places::WASM).join("guest").join(file);
    let component = fs::read(&built).with_context(|| {
        format!("cargo made no {}: the crate must have `crate-type = [\"cdylib\"]` or a `main.rs`", built.display())
    })?;
    let refused = refused_imports(&component)?;
    if !refused.is_empty() {
        bail!(
            "the component imports {}, which the hub does not offer: something in it uses std::net's sockets, or \
             tokio's without the SDK's runtime. `cargo tree -p {} --target {}` shows what it depends on",
            refused.join(", "),
            guest.name,
            places::WASM
        );
    }
    let folder = places::packages().join(&package.name);
    let wasm = places::write_if_changed(&folder.join(&package.component), &component)?;
    let manifest = places::write_if_changed(&folder.join("igloo.toml"), &fs::read(&package.manifest)?)?;
    Ok(wasm || manifest)
}

/// Imports of WASI 0.2's sockets: the hub links only the parts of 0.2 that the standard library needs.
fn refused_imports(component: &[u8]) -> Result<Vec<String>> {
    let mut refused = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("not a WebAssembly component")? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import?.name.name;
                    if name.starts_with("wasi:sockets/") && name.contains("@0.2") {
                        refused.push(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that imports one instance of this name: written by hand, byte for byte.
    fn component(name: &str) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        // Component type section (7): one instance type (0x42) with nothing in it.
        bytes.extend([7, 3, 1, 0x42, 0]);
        // Component import section (10): the name, then "instance of type 0".
        let length = u8::try_from(name.len()).unwrap();
        bytes.extend([10, length + 5, 1, 0, length]);
        bytes.extend(name.as_bytes());
        bytes.extend([5, 0]);
        bytes
    }

    #[test]
    fn sockets_of_wasi_0_2_are_refused() {
        assert_eq!(refused_imports(&component("wasi:sockets/tcp@0.2.6")).unwrap(), ["wasi:sockets/tcp@0.2.6"]);
        assert!(refused_imports(&component("wasi:sockets/types@0.3.0")).unwrap().is_empty());
        assert!(refused_imports(&component("wasi:io/poll@0.2.6")).unwrap().is_empty());
        assert!(refused_imports(b"no component").is_err());
    }

    #[test]
    fn every_guest_is_read() {
        for guest in all().unwrap() {
            assert!(!guest.name.is_empty());
        }
        assert!(named(&["no-such-guest".to_owned()]).unwrap_err().to_string().contains("no-such-guest"));
    }
}
