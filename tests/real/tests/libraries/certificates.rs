//! Certificates by OpenSSL: an authority of a case's own, which this home's owner trusts, and a server's.

use std::path::{Path, PathBuf};

use igloo_real_tests::ask;
use tempfile::TempDir;

use crate::bench::Bench;

/// A server's certificate for 127.0.0.1, and its key.
pub(crate) struct Certificate {
    folder: TempDir,
}

async fn make(certificate: &Path, key: &Path, arguments: &[&str]) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    let files = ["-out", certificate.to_str().unwrap(), "-keyout", key.to_str().unwrap()];
    ask("openssl", new.split(' ').chain(files).chain(arguments.iter().copied()), b"").await;
}

impl Certificate {
    /// One of a new authority, which the owner adds to the home's roots.
    pub(crate) async fn trusted(bench: &Bench, case: &str) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let (root, root_key) = (made.file("root.pem"), made.file("root.key"));
        let subject = format!("/CN=Authority for {case}");
        make(&root, &root_key, &["-subj", &subject, "-addext", "keyUsage=critical,keyCertSign"]).await;
        let signed = ["-CA", root.to_str().unwrap(), "-CAkey", root_key.to_str().unwrap(), "-subj", "/CN=server"];
        let usable = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"];
        make(&made.file("server.pem"), &made.file("server.key"), &[signed.as_slice(), &usable].concat()).await;
        let pem = std::fs::read_to_string(root).unwrap();
        bench.0.hub.add_root(None, &pem).await.unwrap();
        made
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The paths of the certificate and its key.
    pub(crate) fn files(&self) -> [String; 2] {
        ["server.pem", "server.key"].map(|name| self.file(name).display().to_string())
    }
}
