//! A serial line: two pseudo-terminals that socat connects. To unplug it is to kill socat.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::PATIENCE;

/// A line with two ends.
#[derive(Debug)]
pub struct Line {
    folder: TempDir,
    socat: Option<Child>,
}

impl Line {
    /// A plugged line.
    pub async fn new() -> Self {
        let mut line = Self { folder: tempfile::tempdir().unwrap(), socat: None };
        line.plug().await;
        line
    }

    /// The provider's end.
    #[must_use]
    pub fn near(&self) -> PathBuf {
        self.folder.path().join("near")
    }

    /// The counterpart's end.
    #[must_use]
    pub fn far(&self) -> PathBuf {
        self.folder.path().join("far")
    }

    /// A counterpart that sends back what it gets, for as long as the answer lives.
    #[must_use]
    pub fn echo(&self) -> Child {
        self.counterpart("EXEC:cat")
    }

    /// A counterpart by socat's words for it.
    #[must_use]
    pub fn counterpart(&self, address: &str) -> Child {
        let far = format!("{},rawer", self.far().display());
        let mut socat = Command::new("socat");
        socat.args([far.as_str(), address]).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap()
    }

    /// Plugs it in again, at the same paths.
    pub async fn plug(&mut self) {
        let end = |path: &Path| format!("pty,rawer,link={}", path.display());
        let socat = Command::new("socat")
            .args([end(&self.near()), end(&self.far())])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("socat: run `cargo xtask setup`");
        self.socat = Some(socat);
        let deadline = Instant::now() + PATIENCE;
        while !(self.near().exists() && self.far().exists()) {
            assert!(Instant::now() < deadline, "socat makes no line");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Unplugs it: both ends are gone.
    pub async fn unplug(&mut self) {
        if let Some(mut socat) = self.socat.take() {
            socat.kill().await.unwrap();
        }
        for end in [self.near(), self.far()] {
            let _ = std::fs::remove_file(end);
        }
    }
}
