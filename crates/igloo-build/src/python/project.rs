//! An author's project: `pyproject.toml`, and the folder of modules.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{Error, error::at};

/// Folders of a project without `src/` that are not the provider.
const NOT_SOURCES: [&str; 9] =
    ["__pycache__", "build", "dist", "docs", "node_modules", "target", "test", "tests", "venv"];

/// A provider in Python, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The project's name.
    pub(crate) name: String,
    /// The module of the provider's class.
    pub(super) module: String,
    /// The provider's class.
    pub(super) class: String,
    /// Modules that are imported late where a scan cannot see it.
    pub(super) imports: Vec<String>,
    /// Requirements, as PEP 508 writes them.
    pub(super) dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<Table>,
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    dynamic: Vec<String>,
}

#[derive(Deserialize)]
struct Tool {
    igloo: Option<Igloo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Igloo {
    provider: String,
    #[serde(default)]
    imports: Vec<String>,
}

impl Project {
    /// The project in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("pyproject.toml");
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let invalid = |text: String| Error::Invalid { path: path.clone(), text };
        let read: PyProject = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let project = read.project.ok_or_else(|| invalid("it has no [project] with a name".to_owned()))?;
        if project.dynamic.iter().any(|field| field == "dependencies") {
            return Err(invalid("its dependencies are dynamic: list them in [project]".to_owned()));
        }
        let igloo = read.tool.and_then(|tool| tool.igloo).ok_or_else(|| {
            invalid("it does not say which class is the provider: `[tool.igloo]`, `provider = \"module:Class\"`".into())
        })?;
        let names = igloo.provider.split_once(':');
        let (module, class) = names.filter(|(module, class)| is_module(module) && is_name(class)).ok_or_else(|| {
            invalid(format!("`{}` does not name a class: write `provider = \"module:Class\"`", igloo.provider))
        })?;
        if let Some(wrong) = igloo.imports.iter().find(|name| !is_module(name)) {
            return Err(invalid(format!("`{wrong}` in `imports` is not the name of a module")));
        }
        let project = Self {
            folder: folder.to_owned(),
            name: project.name,
            module: module.to_owned(),
            class: class.to_owned(),
            imports: igloo.imports,
            dependencies: project.dependencies,
        };
        let file = project.sources().join(module.replace('.', "/"));
        if file.join("__init__.py").is_file() || file.with_extension("py").is_file() {
            Ok(project)
        } else {
            let sources = project.sources();
            Err(invalid(format!("there is no module `{module}` in {}", sources.display())))
        }
    }

    /// Where its modules are: `src/`, or the project's folder.
    pub(super) fn sources(&self) -> PathBuf {
        let src = self.folder.join("src");
        if src.is_dir() { src } else { self.folder.clone() }
    }

    /// Where builds put everything that they make.
    pub(crate) fn build_folder(&self) -> PathBuf {
        self.folder.join("build/igloo")
    }

    /// `requirements.txt`, if there is one: it pins versions.
    pub(super) fn pins(&self) -> Result<Option<String>, Error> {
        let path = self.folder.join("requirements.txt");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(path)(error)),
        }
    }

    /// Copies its modules, and what lies beside them, into an empty folder.
    pub(super) fn copy_sources(&self, to: &Path) -> Result<(), Error> {
        let sources = self.sources();
        copy(&sources, to, sources == self.folder)
    }
}

/// An identifier, as far as ASCII goes; anything else would be code in the generated module.
fn is_name(text: &str) -> bool {
    text.chars().enumerate().all(|(at, c)| c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit()))
        && !text.is_empty()
}

fn is_module(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// Copies a folder. Hidden files, what Python leaves behind and virtual environments stay; in the project's own folder,
/// so does what is beside the provider.
fn copy(from: &Path, to: &Path, beside: bool) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "__pycache__" || name.ends_with(".egg-info") {
            continue;
        }
        if source.is_dir() {
            let other = source.join("pyvenv.cfg").is_file() || (beside && NOT_SOURCES.contains(&name.as_ref()));
            if !other {
                copy(&source, &to.join(&*name), false)?;
            }
        } else if source.is_file() {
            fs::copy(&source, to.join(&*name)).map_err(at(&source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> (tempfile::TempDir, Result<Project, Error>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pyproject.toml"), text).unwrap();
        fs::write(folder.path().join("lamp.py"), "").unwrap();
        let read = Project::read(folder.path());
        (folder, read)
    }

    fn error(text: &str) -> String {
        project(text).1.unwrap_err().to_string()
    }

    #[test]
    fn what_it_says() {
        let text = "[project]\nname = \"a-lamp\"\ndependencies = [\"aiohttp>=3\"]\n[tool.igloo]\nprovider = \
                    \"lamp:Lamp\"\nimports = [\"a.b\"]\n";
        let (folder, project) = project(text);
        let project = project.unwrap();
        assert_eq!((project.module.as_str(), project.class.as_str()), ("lamp", "Lamp"));
        assert_eq!((project.dependencies, project.imports), (vec!["aiohttp>=3".to_owned()], vec!["a.b".to_owned()]));
        assert_eq!(project.folder, folder.path());
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(error("").contains("[project]"));
        assert!(error("[project]\nname = \"a\"\n").contains("provider = \"module:Class\""));
        let igloo = |provider: &str| format!("[project]\nname = \"a\"\n[tool.igloo]\nprovider = \"{provider}\"\n");
        for wrong in ["lamp", "lamp:", ":Lamp", "lamp:Lamp()", "la-mp:Lamp", "lamp;import os:Lamp", "1:L"] {
            assert!(error(&igloo(wrong)).contains("module:Class"), "{wrong}");
        }
        assert!(error(&igloo("other:Lamp")).contains("no module `other`"));
        let dynamic = "[project]\nname = \"a\"\ndynamic = [\"dependencies\"]\n";
        assert!(error(dynamic).contains("dynamic"));
    }

    #[test]
    fn only_sources_are_copied() {
        let text = "[project]\nname = \"a\"\n[tool.igloo]\nprovider = \"lamp:Lamp\"\n";
        let (folder, project) = project(text);
        for other in ["tests", "env", ".git", "__pycache__", "lamps/tests", "lamps/__pycache__"] {
            fs::create_dir_all(folder.path().join(other)).unwrap();
            fs::write(folder.path().join(other).join("x.py"), "").unwrap();
        }
        fs::write(folder.path().join("env/pyvenv.cfg"), "").unwrap();
        let to = tempfile::tempdir().unwrap();
        project.unwrap().copy_sources(to.path()).unwrap();
        let there = |path: &str| to.path().join(path).exists();
        assert!(there("lamp.py") && there("lamps/tests/x.py"));
        assert!(!there("tests") && !there("env") && !there(".git") && !there("lamps/__pycache__"));
    }
}
