//! Packages on disk, and what their configuration may be.

use std::path::{Path, PathBuf};

use anyhow::Context;
use igloo_hub::PackageFiles;
use igloo_protocol::Manifest;
use serde_json::{Map, Value};

use crate::{failure::Failure, show};

/// A package, read and checked.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) manifest: Manifest,
    pub(crate) text: String,
    pub(crate) files: PackageFiles,
}

/// Reads the package in a folder.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Package> {
    let path = folder.join("igloo.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "name the folder of a package: it has igloo.toml and the files that this names",
        )
    })?;
    let manifest = Manifest::parse(&text).with_context(|| folder.display().to_string())?;
    let path = |name: &Option<String>| name.as_ref().map(|name| folder.join(name));
    let (component, executable) = (path(&manifest.provider.component), path(&manifest.provider.executable));
    // Of two one is enough: the file of the engine that it is to run with.
    let is_there = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.exists());
    let file = |path: &Option<PathBuf>, other: &Option<PathBuf>| match path {
        Some(path) if path.exists() || !is_there(other) => read_file(path).map(Some),
        _ => Ok(None),
    };
    let mut files = PackageFiles {
        component: file(&component, &executable)?,
        executable: file(&executable, &component)?,
        files: None,
    };
    if let (Some(name), Some(_)) = (&manifest.provider.files, &files.executable) {
        files.files = Some(read_file(&folder.join(name))?);
    }
    Ok(Package { manifest, text, files })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "build the package first: `igloo build` makes one from a crate; in this repository, \
             `cargo xtask build-guests` puts packages into target/packages",
        )
    })?;
    let largest = igloo_api::LARGEST_PACKAGE_FILE;
    if bytes.len() > largest {
        let (size, largest) = (show::bytes(bytes.len() as u64), show::bytes(largest as u64));
        anyhow::bail!("{} has {size}: a hub takes at most {largest}", path.display());
    }
    Ok(bytes)
}

/// Configuration in a JSON or TOML file.
pub(crate) fn config_file(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if path.extension().is_some_and(|extension| extension == "toml") {
        return toml::from_str(&text).with_context(|| path.display().to_string());
    }
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Adds `key=value` and `key.key=@FILE` to a configuration, as changes: an empty value takes the key away.
pub(crate) fn configure(config: &mut Value, parts: &[String]) -> anyhow::Result<()> {
    for part in parts {
        let Some((key, text)) = part.split_once('=') else {
            return Err(Failure::usage(format!("'{part}' is not a part of a configuration"), "write KEY=VALUE"));
        };
        let value = match text.strip_prefix('@') {
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
                Value::String(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            None if text.is_empty() => Value::Null,
            // What is JSON is meant as JSON: numbers, lists, true; everything else is text.
            None => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        let names: Vec<&str> = key.split('.').collect();
        put(config, &names, value);
    }
    Ok(())
}

/// Puts a value where the names lead, making objects on the way.
fn put(config: &mut Value, names: &[&str], value: Value) {
    let Some((first, rest)) = names.split_first() else {
        *config = value;
        return;
    };
    if !config.is_object() {
        *config = Value::Object(Map::new());
    }
    if let Some(object) = config.as_object_mut() {
        put(object.entry(*first).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configuration_from_arguments() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let parts = [
            String::from("host=10.0.0.1"),
            String::from("port=502"),
            String::from("mqtt.topic=a/b"),
            String::from("list=[1,2]"),
            String::from("old="),
            format!("password=@{}", file.path().display()),
        ];
        let mut config = json!({"kept": true});
        configure(&mut config, &parts).unwrap();
        assert_eq!(
            config,
            json!({"kept": true, "host": "10.0.0.1", "port": 502, "mqtt": {"topic": "a/b"}, "list": [1, 2],
                   "old": null, "password": "hunter2"})
        );
        assert!(configure(&mut config, &[String::from("x")]).is_err());
    }

    #[test]
    fn a_folder_without_a_package() {
        let folder = tempfile::tempdir().unwrap();
        let (text, way_out, _) = crate::failure::report(&read(folder.path()).unwrap_err());
        assert!(text.contains("igloo.toml") && way_out.is_some(), "{text}");
    }
}
