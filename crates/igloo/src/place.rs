//! Where a hub keeps its data, and where it answers.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where a hub listens unless it is told otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:4466";
/// The file in the data directory that says where the running hub answers.
pub(crate) const ADDRESS_FILE: &str = "address";

/// The data directory: as given, or `igloo` in the user's data home.
pub(crate) fn data(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        return std::path::absolute(&path).with_context(|| path.display().to_string());
    }
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(|| {
        std::env::var_os("HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .map(|home| home.join(".local/share"))
    });
    home.map(|home| home.join("igloo"))
        .context("neither XDG_DATA_HOME nor HOME is set: say where the data is with --data DIR or IGLOO_DATA")
}

/// Where the hub of a data directory answers: `127.0.0.1:4466`.
pub(crate) fn address(data: &Path) -> String {
    match std::fs::read_to_string(data.join(ADDRESS_FILE)) {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => LISTEN.to_owned(),
    }
}
