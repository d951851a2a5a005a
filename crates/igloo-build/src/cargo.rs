//! cargo, as providers are built with it: for a component with what that takes, for a process as it is.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{Error, TARGET, overlay, wrapper};

/// cargo's `subcommand` for components: with the overlays and the flags that a component needs. The caller adds the
/// packages, the profile and the folder. This program must begin with [`wrapper::run_if_asked`].
pub fn command(subcommand: &str) -> Result<Command, Error> {
    let this = env::current_exe().map_err(|source| Error::Start { program: "this program".to_owned(), source })?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // mio and tokio have sockets here only behind tokio's unstable flag. The overlays' number is there so that cargo
    // compiles again what was compiled with others.
    let flags = format!(
        r#"target.{TARGET}.rustflags=["--cfg", "tokio_unstable", "--cfg", "igloo_overlays=\"{}\""]"#,
        overlay::fingerprint()
    );
    cargo.args([subcommand, "--target", TARGET, "--config", &flags]);
    cargo.env("RUSTC_WRAPPER", this).env(wrapper::ASKED, "1");
    // Flags meant for the host's compiler would take the place of these.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(cargo)
}

/// cargo for one crate's executable: its library, a `cdylib` for components, is compiled as a program instead, which
/// begins in the `main` of `igloo::provider!`. The caller adds the package, the profile and the folder.
#[must_use]
pub fn native() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Naming the machine's own target keeps this apart from other builds in the same folder.
    cargo.args(["rustc", "--target", "host-tuple", "--lib", "--crate-type", "bin"]);
    cargo
}

/// What cargo made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The crate's `Cargo.toml`.
    pub manifest: PathBuf,
    /// The component or the executable.
    pub file: PathBuf,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// Runs a build to its end, cargo's progress and errors going where ours do: the components or executables that it made.
pub fn build(mut cargo: Command, what: &str) -> Result<Vec<Artifact>, Error> {
    let start = |source| Error::Start { program: "cargo".to_owned(), source };
    cargo.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().map_err(start)?;
    let mut made = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        if let Ok(Message::CompilerArtifact { manifest_path: manifest, target, filenames }) =
            serde_json::from_str(&line.map_err(start)?)
        {
            let is_program = target.crate_types.iter().any(|kind| kind == "bin");
            let is_wanted = |file: &PathBuf| match file.extension() {
                Some(end) => end == "wasm",
                None => is_program,
            };
            made.extend(filenames.into_iter().find(is_wanted).map(|file| Artifact { manifest, file }));
        }
    }
    let status = child.wait().map_err(start)?;
    if status.success() { Ok(made) } else { Err(Error::Cargo { what: what.to_owned() }) }
}
