//! A package: a folder with the manifest and the component, the executable or both that it names.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use wasmparser::{Parser, Payload};

use crate::{
    Error,
    cargo::{self, Artifact},
    error::at,
    python::{Program, Project, Told},
};

/// How a provider runs, and so what it is compiled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// A WebAssembly component.
    Component,
    /// A native executable.
    Process,
}

/// What a provider is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Language {
    /// A crate: it has Cargo.toml.
    Rust,
    /// A project with pyproject.toml.
    Python(Project),
}

/// A provider's crate, or its project in Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder of the crate or the project.
    pub folder: PathBuf,
    /// The name of the crate or the project.
    pub name: String,
    /// The package's name, from the manifest.
    pub package: String,
    /// The engine that the manifest names.
    pub engine: Engine,
    /// The component's file name in the package, from the manifest.
    component: Option<String>,
    /// The executable's.
    executable: Option<String>,
    /// That of the archive which the executable needs.
    files: Option<String>,
    language: Language,
}

/// A file of a package as it was built, before it has its name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The component or the executable.
    pub file: PathBuf,
    /// The archive that the executable needs.
    pub files: Option<PathBuf>,
}

/// What was built of a crate.
impl From<Artifact> for Built {
    fn from(artifact: Artifact) -> Self {
        Self { file: artifact.file, files: None }
    }
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
    engine: Engine,
    component: Option<String>,
    executable: Option<String>,
    files: Option<String>,
}

impl Source {
    /// The crate or the project in a folder, if it has a manifest `igloo.toml`.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        // A crate with a binding for Python is a crate.
        let is_python = !folder.join("Cargo.toml").is_file() && folder.join("pyproject.toml").is_file();
        let (name, language) = if is_python {
            let project = Project::read(folder)?;
            (project.name.clone(), Language::Python(project))
        } else {
            let CargoToml { package } = parse(&folder.join("Cargo.toml"))?;
            (package.name, Language::Rust)
        };
        let igloo: IglooToml = parse(&folder.join("igloo.toml"))?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            package: igloo.package.name,
            engine: igloo.provider.engine,
            component: igloo.provider.component,
            executable: igloo.provider.executable,
            files: igloo.provider.files,
            language,
        })
    }

    /// Whether it is a project in Python.
    #[must_use]
    pub fn is_python(&self) -> bool {
        matches!(self.language, Language::Python(_))
    }

    /// The folder of packages that builds are assembled in unless somebody says otherwise, if that depends on the project
    /// alone: cargo has its own opinion of a crate's.
    #[must_use]
    pub fn packages(&self) -> Option<PathBuf> {
        match &self.language {
            Language::Rust => None,
            Language::Python(project) => Some(project.build_folder()),
        }
    }

    /// What the manifest has a file for: what is built unless somebody says otherwise.
    #[must_use]
    pub fn engines(&self) -> Vec<Engine> {
        let all = [Engine::Component, Engine::Process];
        all.into_iter().filter(|engine| *engine == self.engine || self.file(*engine).is_some()).collect()
    }

    fn file(&self, engine: Engine) -> Option<&String> {
        match engine {
            Engine::Component => self.component.as_ref(),
            Engine::Process => self.executable.as_ref(),
        }
    }

    /// The file name in the package, which the manifest must have.
    fn named(&self, engine: Engine) -> Result<&String, Error> {
        let file = self.file(engine).ok_or_else(|| {
            let (engine, line) = match engine {
                Engine::Component => ("component", format!("component = \"{}.wasm\"", self.name.replace('-', "_"))),
                Engine::Process => ("process", format!("executable = \"{}\"", self.name)),
            };
            format!("a package for the engine `{engine}` names its file: `{line}` in [provider]")
        });
        self.beside(file)
    }

    /// That of the archive.
    fn named_files(&self) -> Result<&String, Error> {
        let example = self.name.replace('-', "_");
        self.beside(self.files.as_ref().ok_or_else(|| {
            format!(
                "a process in Python needs its modules: name their archive, `files = \"{example}.tar\"` in [provider]"
            )
        }))
    }

    fn beside<'a>(&self, file: Result<&'a String, String>) -> Result<&'a String, Error> {
        let file = file.and_then(|file| match Path::new(file).file_name() {
            Some(name) if name == file.as_str() && name != "igloo.toml" => Ok(file),
            _ => Err(format!("`{file}` is not the name of a file beside the manifest")),
        });
        file.map_err(|text| Error::Invalid { path: self.folder.join("igloo.toml"), text })
    }

    /// Builds the crate by itself, in its release profile, or the project in Python; `anew` asks for the newest
    /// dependencies of the latter. cargo shows its own progress.
    pub fn build(&self, engine: Engine, told: &Told<'_>, anew: bool) -> Result<Built, Error> {
        self.named(engine)?;
        match (&self.language, engine) {
            (Language::Rust, _) => self.compile(engine).map(Built::from),
            (Language::Python(project), Engine::Component) => {
                Ok(Built { file: project.component(told, anew)?, files: None })
            }
            (Language::Python(project), Engine::Process) => {
                self.named_files()?;
                let Program { executable, files } = project.program(told, anew)?;
                Ok(Built { file: executable, files: Some(files) })
            }
        }
    }

    fn compile(&self, engine: Engine) -> Result<Artifact, Error> {
        let mut cargo = match engine {
            Engine::Component => cargo::command("build")?,
            Engine::Process => cargo::native(),
        };
        cargo.args(["--release", "--manifest-path"]).arg(self.folder.join("Cargo.toml"));
        if engine == Engine::Process {
            cargo.args(["--config", "profile.release.strip=\"symbols\""]);
        }
        self.made(engine, cargo::build(cargo, &self.name)?)
    }

    /// This crate's own among what cargo made.
    pub fn made(&self, engine: Engine, mut made: Vec<Artifact>) -> Result<Artifact, Error> {
        let own = |artifact: &Artifact| artifact.manifest.canonicalize().ok() == self.cargo_toml();
        match made.iter().position(own) {
            Some(at) => Ok(made.swap_remove(at)),
            None if engine == Engine::Process => Err(Error::NoExecutable { package: self.name.clone() }),
            None => Err(Error::NoComponent { package: self.name.clone() }),
        }
    }

    fn cargo_toml(&self) -> Option<PathBuf> {
        self.folder.join("Cargo.toml").canonicalize().ok()
    }

    /// Checks what was built and puts it with its manifest into `packages`, in a folder of the package's name. True if
    /// anything there is another one now.
    pub fn assemble(&self, engine: Engine, built: &Built, packages: &Path) -> Result<bool, Error> {
        let Built { file: built, files } = built;
        let bytes = fs::read(built).map_err(at(built))?;
        // CPython's own imports of them are there to be linked, and the runtime has others in their place.
        if engine == Engine::Component && !self.is_python() {
            let imports = refused_imports(&bytes)
                .map_err(|text| Error::Invalid { path: built.to_owned(), text: format!("no component: {text}") })?;
            if !imports.is_empty() {
                return Err(Error::Imports { package: self.name.clone(), imports });
            }
        }
        let folder = self.place(packages);
        let manifest = self.folder.join("igloo.toml");
        let manifest = fs::read(&manifest).map_err(at(manifest))?;
        let put = |file: &str, content: &[u8], mode: u32| {
            let path = folder.join(file);
            write_if_changed(&path, content, mode).map_err(at(path))
        };
        let mode = if engine == Engine::Process { 0o755 } else { 0o644 };
        let mut changed = put(self.named(engine)?, &bytes, mode)? | put("igloo.toml", &manifest, 0o644)?;
        if let Some(files) = files {
            changed |= put(self.named_files()?, &fs::read(files).map_err(at(files))?, 0o644)?;
        }
        Ok(changed)
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
pub fn write_if_changed(path: &Path, content: &[u8], mode: u32) -> io::Result<bool> {
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
    fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
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

    fn whole(file: &Path) -> Built {
        Built { file: file.to_owned(), files: None }
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
        assert!(source.assemble(Engine::Component, &whole(&built), packages.path()).unwrap());
        assert!(!source.assemble(Engine::Component, &whole(&built), packages.path()).unwrap());
        assert!(packages.path().join("lamp/lamp.wasm").is_file());
        fs::write(&built, component("wasi:sockets/udp@0.2.6")).unwrap();
        let error = source.assemble(Engine::Component, &whole(&built), packages.path()).unwrap_err().to_string();
        assert!(error.contains("lamp-crate") && error.contains("wasi:sockets/udp@0.2.6"), "{error}");
    }

    #[test]
    fn a_manifest_may_name_an_executable_too() {
        let (crate_folder, packages) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let component_only = source(crate_folder.path());
        assert_eq!(component_only.engines(), [Engine::Component]);
        let built = crate_folder.path().join("lamp_crate");
        fs::write(&built, b"a program").unwrap();
        let error = component_only.assemble(Engine::Process, &whole(&built), packages.path()).unwrap_err().to_string();
        assert!(error.contains("executable = \"lamp-crate\""), "{error}");
        let manifest = |executable: &str| {
            let text = format!(
                "[package]\nname = \"lamp\"\n[provider]\nengine = \"process\"\ncomponent = \"lamp.wasm\"\n\
                 executable = \"{executable}\"\n"
            );
            fs::write(crate_folder.path().join("igloo.toml"), text).unwrap();
            Source::read(crate_folder.path()).unwrap()
        };
        let both = manifest("lamp");
        assert_eq!((both.engine, both.engines()), (Engine::Process, vec![Engine::Component, Engine::Process]));
        assert!(both.assemble(Engine::Process, &whole(&built), packages.path()).unwrap());
        let mode = fs::metadata(packages.path().join("lamp/lamp")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        for outside in ["../lamp", "/lamp", "", "..", "igloo.toml"] {
            assert!(manifest(outside).assemble(Engine::Process, &whole(&built), packages.path()).is_err(), "{outside}");
        }
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
        assert!(write_if_changed(&file, b"one", 0o644).unwrap());
        assert!(!write_if_changed(&file, b"one", 0o644).unwrap());
        assert!(write_if_changed(&file, b"two", 0o644).unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }
}
