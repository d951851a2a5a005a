//! The root certificates that a home trusts: the system's, and the owner's own.
//!
//! Providers see them as `/etc/ssl/certs/ca-certificates.crt`, where TLS libraries look, in a directory that the hub
//! writes: nothing of the machine's own file system is shown to them. The hub's own client for providers' requests
//! trusts the same ones. A change holds for the next handshake, and a reader of the file sees all of it or nothing.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
use parking_lot::RwLock;
pub use rustls::pki_types::CertificateDer;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::pem::{self, PemObject as _},
};

/// Where the file is in the directory.
const FILE: &str = "certs/ca-certificates.crt";

/// See the module.
#[derive(Debug)]
pub struct Roots {
    directory: PathBuf,
    system: Vec<CertificateDer<'static>>,
    trusted: RwLock<Trusted>,
    /// Another process writes the file: what it says is looked up.
    foreign: bool,
}

/// The roots as a verifier takes them.
#[derive(Debug)]
struct Trusted {
    store: Arc<RootCertStore>,
    client: Arc<ClientConfig>,
    /// The file that they were read from: its number and when it was written.
    read: Option<(u64, SystemTime)>,
}

impl Roots {
    /// The system's roots and these, in this directory, which is the hub's own and made if it is not there.
    pub fn open(directory: PathBuf, own: &[CertificateDer<'_>]) -> io::Result<Arc<Self>> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a root certificate of the system cannot be read");
        }
        let trusted = RwLock::new(Trusted::new(found.certs.iter().chain(own), None)?);
        let roots = Self { directory, system: found.certs, trusted, foreign: false };
        roots.write(own)?;
        Ok(Arc::new(roots))
    }

    /// Those that the hub shows a worker, as they are at any time.
    pub(crate) fn shown(directory: PathBuf) -> io::Result<Arc<Self>> {
        let trusted = RwLock::new(Trusted::new([], None)?);
        Ok(Arc::new(Self { directory, system: Vec::new(), trusted, foreign: true }))
    }

    /// Takes these as the owner's own, in place of those that there were.
    pub fn replace_own(&self, own: &[CertificateDer<'_>]) -> io::Result<()> {
        let trusted = Trusted::new(self.system.iter().chain(own), None)?;
        self.write(own)?;
        *self.trusted.write() = trusted;
        Ok(())
    }

    /// What a provider sees as `/etc/ssl`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// For requests that the hub sends itself.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.trusted.read().client.clone()
    }

    /// For a verifier of connections that a guest makes.
    pub(crate) fn trusted(&self) -> Arc<RootCertStore> {
        if self.foreign
            && let Err(error) = self.look()
        {
            // Those of before hold on, as they do in a program that has read the file once.
            tracing::warn!(%error, "the roots of this home cannot be read");
        }
        self.trusted.read().store.clone()
    }

    /// Reads the file if it is another than the one that was read.
    fn look(&self) -> io::Result<()> {
        let path = self.directory.join(FILE);
        let metadata = fs::metadata(&path)?;
        let found = Some((metadata.ino(), metadata.modified()?));
        if self.trusted.read().read != found {
            let certificates = read_pem(&fs::read(&path)?).map_err(io::Error::other)?;
            *self.trusted.write() = Trusted::new(&certificates, found)?;
        }
        Ok(())
    }

    fn write(&self, own: &[CertificateDer<'_>]) -> io::Result<()> {
        let path = self.directory.join(FILE);
        let folder = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(folder)?;
        let new = folder.join(".new");
        let mut file = fs::File::create(&new)?;
        file.write_all(write_pem(self.system.iter().chain(own)).as_bytes())?;
        // Before the name: a file that is there is whole, whenever the machine stops.
        file.sync_all()?;
        fs::rename(&new, &path)
    }
}

impl Trusted {
    fn new<'a>(
        certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>,
        read: Option<(u64, SystemTime)>,
    ) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.into_iter().map(|root| root.clone().into_owned()));
        let store = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(io::Error::other)?;
        let client = Arc::new(versions.with_root_certificates(store.clone()).with_no_client_auth());
        Ok(Self { store, client, read })
    }
}

/// Whether a verifier can use this certificate as a root.
pub fn check(certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
    RootCertStore::empty().add(certificate.clone().into_owned())
}

/// The certificates of a text (RFC 7468). What stands around them is skipped.
pub fn read_pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(text).collect()
}

/// Certificates as text.
pub fn write_pem<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        // 48 bytes are a line of 64 characters.
        for line in certificate.chunks(48) {
            STANDARD.encode_string(line, &mut text);
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let certificates: Vec<CertificateDer<'static>> =
            (0..200_usize).map(|length| (0..length).map(|n| n as u8).collect::<Vec<u8>>().into()).collect();
        let text = write_pem(&certificates);
        assert_eq!(read_pem(text.as_bytes()).unwrap(), certificates);
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn the_file_is_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let own = CertificateDer::from(vec![7; 100]);
        let roots = Roots::open(directory.path().to_owned(), &[]).unwrap();
        let path = directory.path().join(FILE);
        let before = fs::read_to_string(&path).unwrap();
        roots.replace_own(std::slice::from_ref(&own)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}{}", write_pem([&own])));
        roots.replace_own(&[]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_worker_follows_what_the_hub_writes() {
        let directory = tempfile::tempdir().unwrap();
        let hub = Roots::open(directory.path().to_owned(), &[]).unwrap();
        let worker = Roots::shown(directory.path().to_owned()).unwrap();
        let system = hub.trusted().len();
        assert_eq!(worker.trusted().len(), system);
        // The same file is read once.
        assert!(Arc::ptr_eq(&worker.trusted(), &worker.trusted()));
        let Some(own) = rustls_native_certs::load_native_certs().certs.pop() else { return };
        hub.replace_own(std::slice::from_ref(&own)).unwrap();
        assert_eq!((hub.trusted().len(), worker.trusted().len()), (system + 1, system + 1));
        // What cannot be read changes nothing.
        fs::remove_file(directory.path().join(FILE)).unwrap();
        assert_eq!(worker.trusted().len(), system + 1);
    }
}
