//! Why a provider was not built.

use std::{io, path::PathBuf};

/// Why a provider was not built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{}: {text}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        text: String,
    },
    /// A program did not start.
    #[error("{program} did not start: {source}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// cargo said why, on its own standard error.
    #[error("cargo could not build {what}")]
    Cargo {
        /// What it was to build.
        what: String,
    },
    /// The crate is compiled to something else than a component.
    #[error(
        "cargo made no WebAssembly component of {package}: its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`"
    )]
    NoComponent {
        /// The crate.
        package: String,
    },
    /// The crate has no library to compile as a program.
    #[error("cargo made no executable of {package}: its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`")]
    NoExecutable {
        /// The crate.
        package: String,
    },
    /// The component would go around the hub's policy.
    #[error(
        "the component of {package} imports {}, which the hub does not offer. Something in it uses the standard \
         library's sockets without the SDK's runtime: it must depend on igloo-provider and invoke `igloo::provider!`. \
         `cargo tree -p {package} --target {}` shows what it depends on",
        imports.join(", "), crate::TARGET
    )]
    Imports {
        /// The crate.
        package: String,
        /// What it imports.
        imports: Vec<String>,
    },
    /// An overlay does not fit the version of a crate.
    #[error(
        "the SDK's overlay for `{name}` does not fit version {version}: {file} does not contain\n{find}\nUse a version \
         that it was made for (`cargo update -p {name} --precise VERSION`; docs/rust-libraries.md names one that runs), \
         or a newer SDK"
    )]
    Overlay {
        /// The crate.
        name: String,
        /// Its version.
        version: String,
        /// The file in it.
        file: String,
        /// What was looked for.
        find: String,
    },
}

/// Names the file of an I/O error.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { path: path.into(), source }
}
