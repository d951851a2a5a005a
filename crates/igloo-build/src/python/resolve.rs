//! Dependencies, for the interpreter that will import them.
//!
//! For a component, pip first chooses versions as it would for CPython 3.14 on any ordinary machine: otherwise it would
//! answer a package that lately has native code with the last version, years old, that had none. Only then is each of
//! these versions fetched in a form without native code: its pure wheel, or its source built without accelerators. A
//! package that has no such form is refused by name.
//!
//! For a process, pip is the one of the Python that will run it, and native code is welcome.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use super::{
    Told, bundle, cache,
    project::Project,
    pure::{self, Known, normal},
    sdk::Sdk,
    tools::{self, Python, Tools},
};
use crate::{Error, NativeCode, error::at};

/// The component's Python, for the choice of wheels.
const COMPONENT_PYTHON: &str = "3.14";
/// Machines whose wheels tell which versions there are. One architecture for all, so that all get the same versions.
const ORDINARY: [&str; 5] =
    ["manylinux_2_39_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux_2_5_x86_64", "linux_x86_64"];
/// Changes when bundles are made otherwise than before.
const FORMAT: u32 = 1;

/// What is written beside a bundle's modules.
const RESOLVED: &str = ".resolved.json";

/// Dependencies in a folder to import from.
#[derive(Debug, Clone)]
pub(super) struct Bundle {
    /// The folder.
    pub(super) folder: PathBuf,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: String,
}

/// For what dependencies are resolved.
#[derive(Debug, Clone, Copy)]
pub(super) enum For<'a> {
    Component,
    Process(&'a Python),
}

impl For<'_> {
    fn is_component(self) -> bool {
        matches!(self, Self::Component)
    }
}

/// What a resolution is made of.
pub(super) struct Resolver<'a> {
    pub(super) tools: &'a Tools,
    pub(super) sdk: &'a Sdk,
    pub(super) project: &'a Project,
    pub(super) told: &'a Told<'a>,
    /// Ask the index again, whatever the cache has.
    pub(super) anew: bool,
    /// A folder for what is not worth keeping.
    pub(super) work: &'a Path,
}

/// pip's report of what it would install (`pip install --report`, version 1).
#[derive(Deserialize)]
struct Report {
    install: Vec<Chosen>,
}

#[derive(Deserialize)]
struct Chosen {
    metadata: Metadata,
    download_info: Download,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    #[serde(default)]
    requires_dist: Vec<String>,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    vcs_info: Option<Vcs>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct Vcs {
    vcs: String,
    commit_id: String,
}

/// In which form pip chose a package.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A wheel without native code, by its tag.
    Pure,
    /// A wheel for a machine.
    Native,
    /// Something to build a wheel from.
    Source,
}

impl Chosen {
    fn form(&self) -> Form {
        match self.file() {
            file if file.ends_with("-any.whl") => Form::Pure,
            file if file.ends_with(".whl") => Form::Native,
            _ => Form::Source,
        }
    }

    fn file(&self) -> &str {
        self.download_info.url.rsplit('/').next().unwrap_or_default()
    }

    fn package(&self) -> Package {
        Package { name: self.metadata.name.clone(), version: self.metadata.version.clone() }
    }

    fn pinned(&self) -> String {
        format!("{}=={}", self.metadata.name, self.metadata.version)
    }

    /// A requirement of exactly what was chosen.
    fn exactly(&self) -> String {
        let Download { url, vcs_info, subdirectory } = &self.download_info;
        let mut url = match vcs_info {
            Some(Vcs { vcs, commit_id }) => format!("{vcs}+{url}@{commit_id}"),
            None => url.clone(),
        };
        if let Some(folder) = subdirectory {
            url += &format!("#subdirectory={folder}");
        }
        format!("{} @ {url}", self.metadata.name)
    }
}

impl Resolver<'_> {
    /// The project's dependencies: from the cache, or from the index.
    pub(super) fn resolve(&self, purpose: For<'_>) -> Result<Bundle, Error> {
        let pins = self.project.pins()?.unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        (FORMAT, &self.project.dependencies, &pins, pure::TEXT).hash(&mut hasher);
        if let For::Process(Python { program, version }) = purpose {
            (program, version).hash(&mut hasher);
        }
        // What a path leads to may be another thing tomorrow.
        let is_local = self.project.dependencies.iter().any(|requirement| requirement.contains("file:"));
        let kind = if purpose.is_component() { "component" } else { "process" };
        let folder = if is_local {
            self.work.join(format!("dependencies-{kind}"))
        } else {
            cache::root()?.join("python-bundles").join(format!("{kind}-{:016x}", hasher.finish()))
        };
        if is_local || self.anew {
            cache::forget(&folder)?;
        }
        cache::once(&folder, |folder| {
            let count = self.project.dependencies.len();
            self.told.step(&format!("Resolving {count} {}", if count == 1 { "dependency" } else { "dependencies" }));
            let packages = match purpose {
                For::Component => self.component(folder, &pins)?,
                For::Process(python) => self.process(folder, &pins, python)?,
            };
            let text = serde_json::to_string(&packages).unwrap_or_default();
            tools::write(&folder.join(RESOLVED), &text)
        })?;
        let path = folder.join(RESOLVED);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let packages: Vec<Package> = serde_json::from_str(&text)
            .map_err(|error| Error::Invalid { path, text: format!("{error}: remove the folder that it is in") })?;
        for Package { name, version } in &packages {
            self.told.note(&format!("{name} {version}"));
        }
        Ok(Bundle { folder })
    }

    fn component(&self, folder: &Path, pins: &str) -> Result<Vec<Package>, Error> {
        let known = Known::read()?;
        let room = Room::new(self, folder, &known, pins, true)?;
        let mut pip = self.for_component("install");
        pip.args(["--dry-run", "--ignore-installed"]);
        pip.arg("--target").arg(room.path("target")).arg("--report").arg(room.path("report.json"));
        pip.args(["--abi", "cp314", "--abi", "abi3", "--abi", "none", "--platform", "any"]);
        pip.args(ORDINARY.iter().flat_map(|platform| ["--platform", platform]));
        room.requirements(&mut pip);
        self.pip(&mut pip, &known)?;
        let report = room.path("report.json");
        let text = fs::read_to_string(&report).map_err(at(&report))?;
        let Report { install: chosen } =
            serde_json::from_str(&text).map_err(|error| Error::Invalid { path: report, text: error.to_string() })?;
        let wheels = room.path("wheels");
        self.fetch(&chosen, &known, &wheels)?;
        let mut unpack = self.tools.script(include_str!("unpack.py"));
        unpack.arg(folder).args(files(&wheels)?);
        tools::run(&mut unpack, "unpacking wheels")?;
        let found = bundle::native_code(folder)?;
        if !found.is_empty() {
            return Err(Error::NativeCode { packages: name_who_needs(found, &chosen) });
        }
        room.leave()?;
        Ok(chosen.iter().map(Chosen::package).collect())
    }

    /// Fetches each package without native code, as a wheel.
    fn fetch(&self, chosen: &[Chosen], known: &Known, wheels: &Path) -> Result<(), Error> {
        let build = |requirement: &str, environment: Option<&BTreeMap<String, String>>, options: &[&str]| {
            let mut pip = self.tools.python();
            pip.args(["-I", "-m", "pip", "wheel", "--no-deps", "--ignore-requires-python", "--quiet"]);
            pip.arg("--disable-pip-version-check").arg("--wheel-dir").arg(wheels).args(options).arg(requirement);
            if let Some(environment) = environment {
                // pip's cache may have a wheel of it that was built with native code.
                pip.arg("--no-cache-dir").envs(environment);
            }
            tools::run(&mut pip, "pip")
        };
        let (mut plain, mut native) = (Vec::new(), Vec::new());
        for one in chosen {
            match one.form() {
                Form::Pure => plain.push(one),
                Form::Native => native.push(one),
                Form::Source => {
                    self.told.step(&format!("Building {} from its source", one.pinned()));
                    let built = build(&one.exactly(), known.pure(&one.metadata.name), &[]);
                    built.map_err(|error| self.source_fails(one, &error))?;
                }
            }
        }
        if !plain.is_empty() {
            let mut pip = self.tools.python();
            pip.args(["-I", "-m", "pip", "wheel", "--no-deps", "--ignore-requires-python", "--quiet"]);
            pip.arg("--disable-pip-version-check").arg("--wheel-dir").arg(wheels);
            pip.args(plain.iter().map(|one| one.exactly()));
            tools::run(&mut pip, "pip")?;
        }
        let download = |which: &[&Chosen]| {
            let mut pip = self.for_component("download");
            pip.args(["--no-deps", "--only-binary", ":all:", "--abi", "none", "--platform", "any", "--dest"]);
            pip.arg(wheels);
            pip.args(which.iter().map(|one| one.pinned()));
            tools::run(&mut pip, "pip").is_ok()
        };
        let mut refused = Vec::new();
        // Most often each has a pure wheel too, and one look at the index does.
        if !native.is_empty() && !download(&native) {
            for one in native {
                if download(&[one]) {
                    continue;
                }
                let name = &one.metadata.name;
                let environment = known.pure(name);
                if environment.is_some() {
                    self.told.step(&format!("Building {} from its source, without native code", one.pinned()));
                }
                let built =
                    environment.map(|environment| build(&one.pinned(), Some(environment), &["--no-binary", name]));
                if !matches!(built, Some(Ok(_))) {
                    refused.push((one.package(), one.file().to_owned()));
                }
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        Err(Error::NativeCode { packages: name_who_needs(refused, chosen) })
    }

    /// A source that does not build most often wants a compiler.
    fn source_fails(&self, one: &Chosen, error: &Error) -> Error {
        let Package { name, version } = one.package();
        Error::Dependencies {
            text: format!(
                "{name} {version} is published as source alone, and that does not become a wheel here. If it has \
                 native code, a component cannot have it: build it for the process engine. pip says:\n{error}"
            ),
        }
    }

    fn process(&self, folder: &Path, pins: &str, python: &Python) -> Result<Vec<Package>, Error> {
        let known = Known::read()?;
        let room = Room::new(self, folder, &known, pins, false)?;
        let mut pip = self.tools.python();
        // pip itself runs in the Python that will import what it installs.
        pip.args(["-I", "-m", "pip", "--python"]).arg(&python.program);
        pip.args(["install", "--ignore-installed", "--no-compile", "--quiet", "--disable-pip-version-check"]);
        pip.arg("--target").arg(folder).arg("--report").arg(room.path("report.json"));
        room.requirements(&mut pip);
        self.pip(&mut pip, &known)?;
        let report = room.path("report.json");
        let text = fs::read_to_string(&report).map_err(at(&report))?;
        let Report { install } =
            serde_json::from_str(&text).map_err(|error| Error::Invalid { path: report, text: error.to_string() })?;
        bundle::strip(folder)?;
        room.leave()?;
        Ok(install.iter().map(Chosen::package).collect())
    }

    /// pip for the component's Python. As options, not as variables: pips that build a source would heed those.
    fn for_component(&self, subcommand: &str) -> Command {
        let mut pip = self.tools.script(include_str!("pip_for_component.py"));
        pip.args([subcommand, "--python-version", COMPONENT_PYTHON, "--implementation", "cp"]);
        pip.args(["--ignore-requires-python", "--disable-pip-version-check", "--quiet"]);
        pip
    }

    /// Runs pip to choose versions; if it cannot, its error without its traceback.
    fn pip(&self, pip: &mut Command, known: &Known) -> Result<(), Error> {
        let Err(error) = tools::run(pip, "pip") else { return Ok(()) };
        let Error::Program { text, .. } = error else { return Err(error) };
        let provided: Vec<String> = known
            .provided(true)
            .into_iter()
            .filter(|one| text.contains(one.split('=').next().unwrap_or(one)))
            .collect();
        let mut text = format!("pip does not find versions that fit together:\n{text}");
        if !provided.is_empty() {
            text += &format!(
                "\nIgloo itself brings {}: requirements and pins must allow this version",
                provided.join(", ").replace("==", " ")
            );
        }
        Err(Error::Dependencies { text })
    }
}

/// Files that a resolution needs, below its bundle until it is whole.
struct Room {
    folder: PathBuf,
}

impl Room {
    fn new(resolver: &Resolver<'_>, folder: &Path, known: &Known, pins: &str, component: bool) -> Result<Self, Error> {
        let room = Self { folder: folder.join(".resolving") };
        for inside in ["wheels", "provided"] {
            let path = room.path(inside);
            fs::create_dir_all(&path).map_err(at(path))?;
        }
        let provided = known.provided(component);
        let mut stand_in = resolver.tools.script(include_str!("stand_in.py"));
        stand_in.arg(room.path("provided")).args(&provided);
        tools::run(&mut stand_in, "writing stand-ins")?;
        let mut constraints = provided.join("\n") + "\n";
        for pin in versions(pins) {
            if !known.is_provided(name(&pin), component) {
                constraints += &(pin + "\n");
            }
        }
        tools::write(&room.path("constraints.txt"), &constraints)?;
        tools::write(&room.path("requirements.txt"), &(resolver.project.dependencies.join("\n") + "\n"))?;
        Ok(room)
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside)
    }

    fn requirements(&self, pip: &mut Command) {
        pip.arg("--find-links").arg(self.path("provided"));
        pip.arg("--constraint").arg(self.path("constraints.txt"));
        pip.arg("--requirement").arg(self.path("requirements.txt"));
    }

    fn leave(self) -> Result<(), Error> {
        cache::forget(&self.folder)
    }
}

/// The lines of a `requirements.txt` that pin versions, without their hashes: a package's pure form has another one.
fn versions(text: &str) -> Vec<String> {
    let whole = text.replace("\\\n", " ");
    let lines = whole.lines().map(|line| line.split(" #").next().unwrap_or(line));
    lines
        .map(|line| line.split("--hash").next().unwrap_or(line).trim())
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        // A constraint has no extras.
        .map(|line| match (line.find('['), line.find(']')) {
            (Some(begin), Some(end)) if begin < end => format!("{}{}", &line[..begin], &line[end + 1..]),
            _ => line.to_owned(),
        })
        .collect()
}

/// The name at the beginning of a requirement (PEP 508).
fn name(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    &requirement[..end.unwrap_or(requirement.len())]
}

/// Says for each package with native code which others brought it.
fn name_who_needs(found: Vec<(Package, String)>, chosen: &[Chosen]) -> Vec<NativeCode> {
    let needs = |one: &Package| -> BTreeSet<String> {
        let by = chosen.iter().filter(|other| {
            other.metadata.requires_dist.iter().any(|requirement| normal(name(requirement)) == normal(&one.name))
        });
        by.map(|other| other.metadata.name.clone()).collect()
    };
    found
        .into_iter()
        .map(|(package, file)| NativeCode { needed_by: needs(&package).into_iter().collect(), package, file })
        .collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        files.push(entry.map_err(at(folder))?.path());
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_versions() {
        let text =
            "# made by hand\naiohttp[speedups]==3.14.5 \\\n    --hash=sha256:00\n-r other.txt\nyarl==1 # why\n\n";
        assert_eq!(versions(text), ["aiohttp==3.14.5", "yarl==1"]);
        assert_eq!(name("dsmr-parser>=1"), "dsmr-parser");
        assert_eq!(name("a.b_c"), "a.b_c");
    }
}
