//! The part of a `RUSTC_WRAPPER`: cargo starts this program instead of rustc, and it starts rustc, for a few crates with
//! another source ([`overlay`](crate::overlay)).
//!
//! This is the one place where a dependency can be changed for one target alone, without a fork and without a
//! `[patch]` that the author's `Cargo.toml` and `Cargo.lock` would have to carry.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{Error, TARGET, overlay};

/// Set for cargo by [`cargo::command`](crate::cargo::command), and so for the wrapper.
pub(crate) const ASKED: &str = "IGLOO_RUSTC_WRAPPER";

/// Does rustc's work if cargo started this program for it; `None` if it did not. Every program that builds providers
/// begins with it.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    env::var_os(ASKED)?;
    let mut arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.is_empty() {
        return None;
    }
    let rustc = arguments.remove(0);
    let error = match put_overlay(&mut arguments) {
        // Only comes back if it fails.
        Ok(()) => Command::new(&rustc).args(&arguments).exec().to_string(),
        Err(error) => error.to_string(),
    };
    #[allow(clippy::print_stderr, reason = "in rustc's place, an error is told as rustc would")]
    {
        eprintln!("error: {error}");
    }
    Some(ExitCode::FAILURE)
}

/// Puts an overlay's root module in place of the crate's, if there is one.
fn put_overlay(arguments: &mut [OsString]) -> Result<(), Error> {
    let variable = |name| env::var(name).unwrap_or_default();
    let (name, version) = (variable("CARGO_PKG_NAME"), variable("CARGO_PKG_VERSION"));
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    put(arguments, &name, &version, &package)
}

fn put(arguments: &mut [OsString], name: &str, version: &str, package: &Path) -> Result<(), Error> {
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(OsString::as_os_str)
    };
    // Not a crate for the machine itself, but for the build script of one that may be for the component.
    let is_build_script = value("--crate-name") == Some(OsStr::new("build_script_build"));
    if value("--target") != Some(OsStr::new(TARGET)) && !is_build_script {
        return Ok(());
    }
    let Some(out) = value("--out-dir").map(PathBuf::from) else { return Ok(()) };
    let Some(root) = arguments.iter_mut().find(|argument| Path::new(argument).extension() == Some(OsStr::new("rs")))
    else {
        return Ok(());
    };
    let folder = out.join("../igloo-overlays");
    if let Some(instead) = overlay::apply(name, version, package, Path::new(root), &folder)? {
        *root = instead.into();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn arguments(target: &str, package: &Path, out: &Path) -> Vec<OsString> {
        let root = package.join("src/lib.rs");
        ["--crate-name", "rustls_native_certs", root.to_str().unwrap(), "--out-dir"]
            .into_iter()
            .chain([out.join("deps").to_str().unwrap(), "--target", target])
            .map(OsString::from)
            .collect()
    }

    #[test]
    fn only_the_components_target_gets_an_overlay() {
        let (package, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(package.path().join("src")).unwrap();
        fs::write(package.path().join("src/lib.rs"), "").unwrap();
        for (target, changed) in [("x86_64-unknown-linux-gnu", false), (TARGET, true)] {
            let mut after = arguments(target, package.path(), out.path());
            put(&mut after, "rustls-native-certs", "0.8.5", package.path()).unwrap();
            assert_eq!(after != arguments(target, package.path(), out.path()), changed, "{target}");
        }
    }
}
