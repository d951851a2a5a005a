//! Libraries that do not compile for a component, each in a crate of its own below `tests/libraries/blocked`. What the
//! compiler says about each is written down for the test, which cannot compile for components itself.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{places, process};

/// Where the crates are, in the workspace of the libraries.
const FOLDER: &str = "tests/libraries/blocked";

/// A line of cargo's JSON.
#[derive(Deserialize)]
struct Line {
    package_id: Option<String>,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
}

/// Tries to compile each, and writes `target/libraries/blocked.json`: the first error by the library's name, or null if
/// there is none any more.
pub(super) fn check(cargo: impl Fn(&str) -> Result<Command>) -> Result<()> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(places::root().join(FOLDER))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let mut command = cargo("check")?;
        let target = format!("--target-dir={}", places::guest_target().display());
        let package = format!("--package=blocked-{name}");
        command.args(["--quiet", "--keep-going", "--profile=guest", "--message-format=json", &target, &package]);
        let output = command.stdin(Stdio::null()).output().context("cargo did not start")?;
        let errors = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let error = compiler(&errors.0).or_else(|| build_script(&errors.1));
        let unknown = || format!("{} failed, and did not say why:\n{}", process::text(&command), errors.1);
        let error = if output.status.success() { None } else { Some(error.with_context(unknown)?) };
        found.insert(name, error);
    }
    let folder = places::root().join("target/libraries");
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join("blocked.json"), serde_json::to_vec_pretty(&found)?)?)
}

/// The compiler's first error in the first crate that has one, in the order of their names: the order in which crates
/// are compiled is another one each time.
fn compiler(output: &str) -> Option<String> {
    let lines = output.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let errors = lines.filter_map(|line| Some((line.package_id?, line.message?)));
    let errors = errors.filter(|(_, error)| error.level == "error").map(|(id, error)| (crate_of(&id), error.message));
    let (place, message) = errors.reduce(|first, next| if next.0 < first.0 { next } else { first })?;
    Some(format!("in {place}: {}", message.lines().next().unwrap_or_default()))
}

/// `registry+https://…#name@1.2.3` → `name 1.2.3`.
fn crate_of(id: &str) -> String {
    id.rsplit_once('#').map_or(id, |(_, name)| name).replace('@', " ")
}

/// The build script that failed; what it says depends on the machine.
fn build_script(errors: &str) -> Option<String> {
    let scripts = errors.lines().filter_map(|line| line.split_once("custom build command for `")?.1.split('`').next());
    let name = scripts.min()?;
    Some(format!("the build script of {} fails", name.replace(" v", " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found() {
        let line = |package: &str, level: &str, message: &str| {
            let id = format!("registry+https://host/index#{package}");
            serde_json::json!({ "package_id": id, "message": { "level": level, "message": message } }).to_string()
        };
        let lines = [
            line("b@2.0.0", "error", "no socket\nmore"),
            line("a@1.0.0", "warning", "unused"),
            line("a@1.0.0", "error", "first"),
            line("a@1.0.0", "error", "second"),
            r#"{"reason":"build-finished"}"#.to_owned(),
        ];
        assert_eq!(compiler(&lines.join("\n")).as_deref(), Some("in a 1.0.0: first"));
        let script = "error: failed to run custom build command for `x-sys v0.1.2`\n\nCaused by:\n  it did";
        assert_eq!(build_script(script).as_deref(), Some("the build script of x-sys 0.1.2 fails"));
        assert_eq!((compiler(""), build_script("")), (None, None));
    }
}
