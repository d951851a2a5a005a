//! Why a provider was not built.

use std::{fmt, io, path::PathBuf};

use crate::python::Package;

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
    /// The tools of a build are not there.
    #[error("{text}")]
    Tools {
        /// Which, and how to get them.
        text: String,
    },
    /// A program failed that has no progress of its own.
    #[error("{program} failed:\n{text}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        text: String,
    },
    /// Dependencies cannot be had.
    #[error("{text}")]
    Dependencies {
        /// Why, and what to do.
        text: String,
    },
    /// Dependencies have native code, which a component cannot have.
    #[error(
        "a component cannot have native code, and there is none without it of:\n{}\nUse another package, or build for \
         the process engine: `engine = \"process\"` in [provider] of igloo.toml, or `igloo build --engine process`",
        packages.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    )]
    NativeCode {
        /// Which.
        packages: Vec<NativeCode>,
    },
    /// The provider's modules cannot be imported.
    #[error("importing {module} failed:\n{traceback}\n{remedy}")]
    Import {
        /// The provider's module.
        module: String,
        /// The frames of the author's and of dependencies, and the exception.
        traceback: String,
        /// What most likely helps.
        remedy: String,
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

/// A package with native code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeCode {
    /// The package.
    pub package: Package,
    /// A file of it that is native code: in the package, or a wheel of the package for one kind of machine.
    pub file: String,
    /// What requires it; empty if the project itself does.
    pub needed_by: Vec<String>,
}

impl fmt::Display for NativeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, file, needed_by } = self;
        write!(f, "  {} {} ({file})", package.name, package.version)?;
        if needed_by.is_empty() { Ok(()) } else { write!(f, ", which {} requires", needed_by.join(" and ")) }
    }
}

/// Names the file of an I/O error.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { path: path.into(), source }
}
