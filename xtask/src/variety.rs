//! Twenty different providers in Python, for `cargo xtask bench python`: each has a module, devices and parts of the
//! standard library of its own, so that no two components are the same.

use std::{fs, path::PathBuf};

use anyhow::Result;
use igloo_build::{
    package::{Engine, Source},
    python::Told,
};

use crate::{places, say};

/// As many as the benchmark installs.
const COUNT: usize = 20;
/// What a driver might import; each provider takes three.
const MODULES: [&str; 20] = [
    "csv",
    "decimal",
    "fractions",
    "statistics",
    "xml.etree.ElementTree",
    "configparser",
    "html.parser",
    "gzip",
    "zipfile",
    "difflib",
    "textwrap",
    "string",
    "calendar",
    "colorsys",
    "plistlib",
    "tomllib",
    "urllib.parse",
    "http.cookies",
    "email.message",
    "uuid",
];

/// Makes those that are not there yet, or older than the SDK in this program.
pub(crate) fn build() -> Result<()> {
    let program = fs::metadata(std::env::current_exe()?)?.modified()?;
    let (step, note) = (|_: &str| (), |_: &str| ());
    for number in 1..=COUNT {
        let name = format!("variety-{number}");
        let made = places::packages().join(&name).join("variety.wasm");
        if fs::metadata(&made).and_then(|file| file.modified()).is_ok_and(|when| when > program) {
            continue;
        }
        say::step(format!("Building {name} of {COUNT}"));
        let source = Source::read(&write(number, &name)?)?;
        let built = source.build(Engine::Component, &Told { step: &step, note: &note }, false)?;
        source.assemble(Engine::Component, &built, &places::packages())?;
    }
    Ok(())
}

fn write(number: usize, name: &str) -> Result<PathBuf> {
    let folder = places::root().join("target/variety").join(name);
    fs::create_dir_all(&folder)?;
    let imports: String = (0..3)
        .filter_map(|step| MODULES.get((number + step * 7) % MODULES.len()))
        .map(|module| format!("import {module}  # noqa: F401\n"))
        .collect();
    let class = format!("Variety{number}");
    let module = format!(
        "import asyncio\n{imports}\nfrom igloo import Command, Device, Provider\n\n\nclass {class}(Provider[None]):\n    \
         async def setup(self) -> None:\n        device = Device(\"bench\", \"Variety {number}\")\n        \
         self.switch = device.entity(\"switch\", \"Switch\").switch(writable=True)\n        \
         self.others = [device.entity(f\"other-{{n}}\", f\"Other {{n}}\").power() for n in range({number})]\n        \
         self.home.describe(device)\n\n    \
         async def run(self) -> None:\n        await asyncio.Event().wait()\n\n    \
         async def command(self, command: Command) -> None:\n        \
         if (on := command.asks(self.switch)) is not None:\n            self.switch.write(on)\n"
    );
    fs::write(folder.join(format!("variety_{number}.py")), module)?;
    fs::write(
        folder.join("pyproject.toml"),
        format!(
            "[project]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n[tool.igloo]\nprovider = \"variety_{number}:{class}\"\n"
        ),
    )?;
    fs::write(
        folder.join("igloo.toml"),
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\ndescription = \"One of {COUNT}.\"\n\
             license = \"MIT OR Apache-2.0\"\n\n[provider]\nengine = \"component\"\ncomponent = \"variety.wasm\"\n"
        ),
    )?;
    Ok(folder)
}
