//! A package: a folder with the manifest and the component that it names.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use wasmparser::{Parser, Payload};

use crate::{
    Error,
    cargo::{self, Artifact},
    error::at,
};

/// A provider's crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The crate's folder.
    pub folder: PathBuf,
    /// The crate's name.
    pub name: String,
    /// The package's name, from the manifest.
    pub package: String,
    /// The component's file name in the package, from the manifest.
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

impl Source {
    /// The crate in a folder, if it has a manifest `igloo.toml`.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let CargoToml { package } = parse(&folder.join("Cargo.toml"))?;
        let igloo: IglooToml = parse(&folder.join("igloo.toml"))?;
        Ok(Self {
            folder: folder.to_owned(),
            name: package.name,
            package: igloo.package.name,
            component: igloo.provider.component,
        })
    }

    /// Compiles the crate by itself, in its release profile.
    pub fn build(&self) -> Result<Artifact, Error> {
        let mut cargo = cargo::command("build")?;
        cargo.args(["--release", "--manifest-path"]).arg(self.folder.join("Cargo.toml"));
        let mut made = cargo::build(cargo, &self.name)?;
        let own = |artifact: &Artifact| artifact.manifest.canonicalize().ok() == self.cargo_toml();
        match made.iter().position(own) {
            Some(at) => Ok(made.swap_remove(at)),
            None => Err(Error::NoComponent { package: self.name.clone() }),
        }
    }

    fn cargo_toml(&self) -> Option<PathBuf> {
        self.folder.join("Cargo.toml").canonicalize().ok()
    }

    /// Checks a component and puts it with its manifest into `packages`, in a folder of the package's name. True if
    /// anything there is another one now.
    pub fn assemble(&self, component: &Path, packages: &Path) -> Result<bool, Error> {
        let bytes = fs::read(component).map_err(at(component))?;
        let imports = refused_imports(&bytes)
            .map_err(|text| Error::Invalid { path: component.to_owned(), text: format!("no component: {text}") })?;
        if !imports.is_empty() {
            return Err(Error::Imports { package: self.name.clone(), imports });
        }
        let folder = self.place(packages);
        let manifest = self.folder.join("igloo.toml");
        let manifest = fs::read(&manifest).map_err(at(manifest))?;
        let put = |file: &str, content: &[u8]| {
            let path = folder.join(file);
            write_if_changed(&path, content).map_err(at(path))
        };
        Ok(put(&self.component, &bytes)? | put("igloo.toml", &manifest)?)
    }

    /// Where the package is among `packages`.
    #[must_use]
    pub fn place(&self, packages: &Path) -> PathBuf {
        packages.join(&self.package)
    }
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    toml::from_str(&text).map_err(|error| Error::Invalid { path: path.to_owned(), text: error.to_string() })
}

/// Imports of WASI 0.2's sockets: the hub links only the parts of 0.2 that the standard library needs, and these would
/// be a second way around its policy.
fn refused_imports(component: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut refused = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
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

/// Writes a file if its content is another one; a reader sees the old or the new file, never half of one.
/// True if it was written.
pub fn write_if_changed(path: &Path, content: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    fs::write(&new, content)?;
    fs::rename(&new, path)?;
    Ok(true)
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

    fn source(folder: &Path) -> Source {
        fs::write(folder.join("Cargo.toml"), "[package]\nname = \"lamp-crate\"\n").unwrap();
        let manifest = "[package]\nname = \"lamp\"\n[provider]\nengine = \"component\"\ncomponent = \"lamp.wasm\"\n";
        fs::write(folder.join("igloo.toml"), manifest).unwrap();
        Source::read(folder).unwrap()
    }

    #[test]
    fn sockets_of_wasi_0_2_are_refused() {
        assert_eq!(refused_imports(&component("wasi:sockets/tcp@0.2.6")).unwrap(), ["wasi:sockets/tcp@0.2.6"]);
        assert!(refused_imports(&component("wasi:sockets/types@0.3.0")).unwrap().is_empty());
        assert!(refused_imports(&component("wasi:io/poll@0.2.6")).unwrap().is_empty());
        assert!(refused_imports(b"no component").is_err());
    }

    #[test]
    fn a_package_is_assembled_from_what_the_manifest_names() {
        let (crate_folder, packages) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = source(crate_folder.path());
        let built = crate_folder.path().join("lamp_crate.wasm");
        fs::write(&built, component("wasi:io/poll@0.2.6")).unwrap();
        assert!(source.assemble(&built, packages.path()).unwrap());
        assert!(!source.assemble(&built, packages.path()).unwrap());
        assert!(packages.path().join("lamp/lamp.wasm").is_file());
        fs::write(&built, component("wasi:sockets/udp@0.2.6")).unwrap();
        let error = source.assemble(&built, packages.path()).unwrap_err().to_string();
        assert!(error.contains("lamp-crate") && error.contains("wasi:sockets/udp@0.2.6"), "{error}");
    }

    #[test]
    fn a_folder_that_is_no_provider_says_which_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Source::read(folder.path()).unwrap_err().to_string().contains("Cargo.toml"));
        source(folder.path());
        fs::write(folder.path().join("igloo.toml"), "[package]\n").unwrap();
        assert!(Source::read(folder.path()).unwrap_err().to_string().contains("igloo.toml"));
    }

    #[test]
    fn unchanged_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }
}
