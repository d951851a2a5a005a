//! Which protections this machine offers, found by making a sandbox in which nothing is run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tokio::sync::OnceCell;

use crate::error::Error;
use crate::protection::Report;
use crate::spec::{Launcher, Limits, Spec};
use crate::start::{Prepared, START_DEADLINE};

/// What the machine offers.
#[derive(Debug, Clone)]
pub struct Machine {
    report: Report,
}

impl Machine {
    /// Finds it out, once in a process's life; an error is not kept.
    ///
    /// # Errors
    /// If not even an unprotected process can be started.
    pub async fn probe(launcher: &Launcher) -> Result<&'static Self, Error> {
        static FOUND: OnceCell<Machine> = OnceCell::const_new();
        FOUND.get_or_try_init(|| Self::find(launcher)).await
    }

    /// Each protection with its outcome.
    pub fn report(&self) -> &Report {
        &self.report
    }

    async fn find(launcher: &Launcher) -> Result<Self, Error> {
        let name = "probe".to_owned();
        let empty = Empty::new().map_err(|error| Error::Setup {
            name: name.clone(),
            what: "make a directory".to_owned(),
            error,
        })?;
        let spec = Spec {
            name: name.clone(),
            executable: empty.0.join("nothing"),
            arguments: Vec::new(),
            program_directory: empty.0.clone(),
            private_directory: empty.0.clone(),
            roots_directory: None,
            environment: Vec::new(),
            limits: Limits {
                memory_bytes: Some(64 * 1024 * 1024),
                cpu_percent: Some(100),
                processes: Some(16),
                open_files: Some(64),
                file_size_bytes: Some(1024 * 1024),
            },
            required: BTreeSet::new(),
            accept_lacking: BTreeSet::new(),
            without: BTreeSet::new(),
            extra_fds: Vec::new(),
        };
        let prepared = tokio::time::timeout(START_DEADLINE, Prepared::new(launcher, spec)).await;
        let prepared = prepared.unwrap_or(Err(Error::Deadline { name, seconds: START_DEADLINE.as_secs() }))?;
        Ok(Self { report: prepared.report().clone() })
    }
}

/// An empty directory that is removed with it.
struct Empty(PathBuf);

impl Empty {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("igloo-probe-{}", std::process::id()));
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Self(path)),
        }
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}
