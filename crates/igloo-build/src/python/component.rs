//! A WebAssembly component of a provider in Python.
//!
//! componentize-py runs the interpreter, imports one module, and keeps the interpreter's memory as the component: what
//! is not imported by then never is, for a component has no files. So the module that is generated here imports the
//! provider, then everything that it and its dependencies would import later, as far as a scan finds it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use super::{Told, cache, project::Project, resolve::Bundle, sdk::Sdk, tools, tools::Tools, trace};
use crate::{Error, error::at};

/// The generated module. componentize-py wants another name than the world's.
const ENTRY: &str = "igloo_entry";
/// What the generated module writes beside itself: late imports that failed, a line each.
const NOTES: &str = "notes.txt";
/// Ends the interpreter that only compiles.
const ENOUGH: &str = "\nraise SystemExit(\"compiled\")\n";
/// In the contract.
const WORLD: &str = "provider";

/// Modules that only C code imports, when it needs them: codecs, which are looked up by name (the event loop encodes host
/// names, protocols their texts), and what parses times.
const UNSEEN: [&str; 6] =
    ["_strptime", "encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.utf_16", "encodings.utf_8"];

/// What a component is made of.
pub(super) struct Parts<'a> {
    pub(super) tools: &'a Tools,
    pub(super) sdk: &'a Sdk,
    pub(super) project: &'a Project,
    pub(super) bundle: &'a Bundle,
    pub(super) told: &'a Told<'a>,
    /// A folder for what is not worth keeping.
    pub(super) work: &'a Path,
}

#[derive(Serialize)]
struct Ask<'a> {
    roots: &'a [PathBuf],
    own: usize,
    start: Vec<&'a str>,
}

/// What `scan.py` found.
#[derive(Debug, Deserialize)]
struct Scan {
    /// Modules that are imported late, and whether the author's own code relies on it.
    late: BTreeMap<String, bool>,
    /// Files in a newer Python than the one that reads them.
    unread: Vec<String>,
    modules: usize,
}

impl Parts<'_> {
    /// Makes the component. It is a new file, for one that is in use elsewhere.
    pub(super) fn make(&self) -> Result<PathBuf, Error> {
        let folder = self.work.join("component");
        cache::forget(&folder)?;
        let (author, entry) = (folder.join("provider"), folder.join("entry"));
        self.project.copy_sources(&author)?;
        fs::create_dir_all(&entry).map_err(at(&entry))?;

        let scan = self.scan(&author)?;
        for file in &scan.unread {
            self.told.note(&format!("{file}: not searched for late imports, it is in a newer Python"));
        }
        self.told.note(&format!("{} modules searched, {} imported late", scan.modules, scan.late.len()));
        let text = self.entry(&scan);
        let mut path = vec![entry.clone()];
        path.extend(self.sdk.component());
        path.extend([author, self.bundle.folder.clone()]);
        let made = folder.join("made.wasm");

        // Compiling modules leaves the interpreter's memory larger by half than importing compiled ones does, and all of
        // it would be in the component. So they are compiled before, by an interpreter that is thrown away.
        let compiled = self.bundle.folder.join(format!(".compiled-{}", self.sdk.fingerprint()));
        let compiles = !compiled.exists();
        if compiles {
            self.told.step("Compiling the modules");
            tools::write(&entry.join(ENTRY).with_extension("py"), &(text.clone() + ENOUGH))?;
            // If something is wrong it says so once more.
            let _ = tools::run(&mut self.componentize(&path, &made), "componentize-py");
        }
        self.told.step("Making the component");
        tools::write(&entry.join(ENTRY).with_extension("py"), &text)?;
        tools::run(&mut self.componentize(&path, &made), "componentize-py").map_err(|error| match error {
            Error::Program { text, .. } => trace::explain(&text, &path, self.project, self.sdk),
            other => other,
        })?;
        if let Ok(notes) = fs::read_to_string(entry.join(NOTES)) {
            notes.lines().for_each(|line| self.told.note(line));
        }
        if compiles {
            tools::write(&compiled, "")?;
        }
        Ok(made)
    }

    fn componentize(&self, path: &[PathBuf], made: &Path) -> Command {
        let mut command = self.tools.componentize();
        command.arg("--quiet").arg("--wit-path").arg(self.sdk.wit()).args(["--world", WORLD]);
        command.args(["componentize", ENTRY]).arg("--output").arg(made);
        for folder in path {
            command.arg("--python-path").arg(folder);
        }
        command
    }

    fn scan(&self, author: &Path) -> Result<Scan, Error> {
        let mut roots = vec![author.to_owned()];
        roots.extend(self.sdk.component());
        roots.push(self.bundle.folder.clone());
        let mut start = vec![self.project.module.as_str(), "igloo_runtime", "igloo._component.entry"];
        start.extend(self.project.imports.iter().map(String::as_str));
        let ask = serde_json::to_vec(&Ask { roots: &roots, own: 1, start }).unwrap_or_default();
        let output = tools::run_with(&mut self.tools.script(include_str!("scan.py")), "the scan for imports", &ask)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Error::Invalid { path: "scan.py".into(), text: error.to_string() })
    }

    /// The module that the component begins with.
    fn entry(&self, scan: &Scan) -> String {
        let Project { module, class, .. } = self.project;
        let mut late: BTreeMap<&str, bool> = scan.late.iter().map(|(name, own)| (name.as_str(), *own)).collect();
        late.extend(self.project.imports.iter().map(|name| (name.as_str(), true)));
        for codec in UNSEEN {
            late.entry(codec).or_default();
        }
        let mut lines = String::new();
        for (name, own) in late {
            let _ = writeln!(lines, "    ({name:?}, {}),", if own { "True" } else { "False" });
        }
        format!(
            r#""""Generated by `igloo build`. What is imported here is all that this component ever imports."""

import igloo_runtime  # First: it gives the standard library what it lacks here.
import igloo  # Then: libraries that are imported after it find slots and discovery.
import {module}
from igloo._component.entry import driver
from igloo_runtime.immortal import make_immortal

import importlib
import os

# Modules, and whether the provider itself relies on them.
LATE = [
{lines}]

_failed = []
for _name, _own in LATE:
    try:
        importlib.import_module(_name)
    except BaseException as error:
        if _own:
            raise
        _failed.append(f"not imported: {{_name}}: {{type(error).__name__}}: {{error}}".replace("\n", " "))

with open(os.path.join(os.path.dirname(__file__), "{NOTES}"), "w") as _notes:
    _notes.write("\n".join(_failed))

Driver = driver({module}.{class})

make_immortal()
"#
        )
    }
}
