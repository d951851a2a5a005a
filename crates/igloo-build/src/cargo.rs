//! cargo, as providers are built with it.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{Error, TARGET, overlay, wrapper};

/// cargo's `subcommand` for providers: with the overlays and the flags that a component needs. The caller adds the
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

/// What cargo made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The crate's `Cargo.toml`.
    pub manifest: PathBuf,
    /// The component.
    pub component: PathBuf,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        filenames: Vec<PathBuf>,
    },
    #[serde(other)]
    Other,
}

/// Runs a `build` to its end, cargo's progress and errors going where ours do: the components that it made.
pub fn build(mut cargo: Command, what: &str) -> Result<Vec<Artifact>, Error> {
    let start = |source| Error::Start { program: "cargo".to_owned(), source };
    cargo.arg("--message-format=json-render-diagnostics").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = cargo.spawn().map_err(start)?;
    let mut made = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        if let Ok(Message::CompilerArtifact { manifest_path, filenames }) = serde_json::from_str(&line.map_err(start)?)
        {
            let component = filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"));
            made.extend(component.map(|component| Artifact { manifest: manifest_path, component }));
        }
    }
    let status = child.wait().map_err(start)?;
    if status.success() { Ok(made) } else { Err(Error::Cargo { what: what.to_owned() }) }
}
