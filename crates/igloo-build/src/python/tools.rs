//! The tools in Python that a build takes, in an environment of their own: pip and componentize-py.

use std::{
    collections::hash_map::DefaultHasher,
    env,
    ffi::OsStr,
    hash::{Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{Told, cache};
use crate::{Error, error::at};

/// Makes a component of CPython 3.14 and modules. One version for everybody: what it takes from the contract is ours.
pub(super) const COMPONENTIZE: &str = "0.25.1";
/// Pinned, because `pip_for_component.py` corrects parts of it.
const PIP: &str = "26.3";
/// What these two need.
const OLDEST: (u32, u32) = (3, 10);

/// The environment with the tools.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    folder: PathBuf,
}

/// What a Python says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    /// The program.
    pub(super) program: PathBuf,
    /// Major and minor version.
    pub(super) version: (u32, u32),
}

impl Python {
    /// Asks a program what it is.
    pub(super) fn ask(program: impl AsRef<OsStr>) -> Option<Self> {
        let ask = "import sys; print(*sys.version_info[:2], sys.executable)";
        let output = Command::new(program).args(["-I", "-c", ask]).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut words = text.trim().splitn(3, ' ');
        let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { program: words.next()?.into(), version })
    }
}

impl Tools {
    /// The tools, made first if this is the first build on the machine.
    pub(super) fn get(told: &Told<'_>) -> Result<Self, Error> {
        let python = Python::ask("python3").filter(|python| python.version >= OLDEST).ok_or_else(|| Error::Tools {
            text: format!(
                "building Python providers needs python3, {}.{} or newer, on the PATH: install it with the system's \
                 packages (Debian: `apt install python3 python3-venv`)",
                OLDEST.0, OLDEST.1
            ),
        })?;
        let mut hasher = DefaultHasher::new();
        (&python.program, python.version).hash(&mut hasher);
        let name = format!("python-tools-{COMPONENTIZE}-{PIP}-{:08x}", hasher.finish() as u32);
        let tools = Self { folder: cache::root()?.join(name) };
        cache::once(&tools.folder, |folder| {
            told.step(&format!("Getting componentize-py {COMPONENTIZE} and pip {PIP} (once)"));
            let mut venv = Command::new(&python.program);
            venv.args(["-I", "-m", "venv"]).arg(folder);
            run(&mut venv, "python3 -m venv").map_err(|error| Error::Tools {
                text: format!(
                    "{error}\npython3 needs its modules `venv` and `ensurepip` (Debian: `apt install python3-venv`)"
                ),
            })?;
            let mut pip = tools.python();
            pip.args(["-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            pip.args([format!("pip=={PIP}"), format!("componentize-py=={COMPONENTIZE}")]);
            run(&mut pip, "pip").map(drop)
        })?;
        Ok(tools)
    }

    /// The environment's Python. pip's own settings of the user (an index, certificates) are kept.
    pub(super) fn python(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/python"));
        for variable in env::vars_os().map(|(name, _)| name) {
            // PYTHONPATH, PYTHONHOME…: what is imported is nobody's choice but ours.
            if variable.to_string_lossy().starts_with("PYTHON") {
                command.env_remove(variable);
            }
        }
        command.env_remove("VIRTUAL_ENV").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// componentize-py in an empty environment: it would put the packages of a VIRTUAL_ENV or of pipenv into the
    /// component.
    pub(super) fn componentize(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/componentize-py"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("VIRTUAL_ENV", "").env("LC_ALL", "C.UTF-8");
        command.envs(env::var_os("TMPDIR").map(|folder| ("TMPDIR", folder)));
        command
    }

    /// The environment's Python with one of our scripts.
    pub(super) fn script(&self, text: &str) -> Command {
        let mut command = self.python();
        command.args(["-I", "-c", text]);
        command
    }
}

/// Runs a program to its end: what it printed, or an error with that.
pub(super) fn run(command: &mut Command, name: &str) -> Result<Output, Error> {
    ended(command.stdin(Stdio::null()).output(), name)
}

/// The same, with something to read.
pub(super) fn run_with(command: &mut Command, name: &str, input: &[u8]) -> Result<Output, Error> {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| Error::Start { program: name.to_owned(), source })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends early says why by itself.
        let _ = stdin.write_all(input);
    }
    ended(child.wait_with_output(), name)
}

fn ended(output: std::io::Result<Output>, name: &str) -> Result<Output, Error> {
    let output = output.map_err(|source| Error::Start { program: name.to_owned(), source })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Program { program: name.to_owned(), text: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// Writes a file that a tool reads.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(at(path))
}
