//! The owner's own root certificates: of a broker, a gateway or a home's authority, trusted beside the system's.
//!
//! A root that was acknowledged is on the disk, and what providers see is written anew before the answer.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use igloo_engine::roots::{self, CertificateDer};
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Certificate, Version,
    der::Decode as _,
    ext::pkix::{BasicConstraints, KeyUsage},
    name::Name,
    spki::ObjectIdentifier,
};

use crate::{
    core::Core,
    error::Error,
    events::HubEvent,
    info::RootInfo,
    storage::rows::{self, RootRow},
};

/// Bytes in a root's name.
const NAME_BYTES: usize = 128;
/// Roots of the owner's.
const ROOTS: usize = 256;
/// Bytes of a certificate.
const CERTIFICATE_BYTES: usize = 64 << 10;
/// The attribute of a subject that is its common name.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// The owner's roots, by name.
#[derive(Debug, Default)]
pub(crate) struct OwnRoots(RwLock<BTreeMap<String, Root>>);

#[derive(Debug)]
struct Root {
    info: RootInfo,
    certificate: CertificateDer<'static>,
}

impl OwnRoots {
    /// What was kept. A certificate that this hub cannot read is left where it is, and said.
    pub(crate) fn new(rows: Vec<RootRow>) -> Self {
        let mut roots = BTreeMap::new();
        for row in rows {
            match read(Some(row.name.clone()), &row.certificate) {
                Ok(root) => drop(roots.insert(row.name, root)),
                Err(error) => tracing::error!("the root '{}' is skipped: {error}", row.name),
            }
        }
        Self(RwLock::new(roots))
    }

    pub(crate) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.0.read().values().map(|root| root.certificate.clone()).collect()
    }
}

impl Core {
    pub(crate) fn root_list(&self) -> Vec<RootInfo> {
        self.own_roots.0.read().values().map(|root| root.info.clone().aged()).collect()
    }

    /// Adds a root, under this name or its subject's own.
    pub(crate) async fn add_root(&self, name: Option<String>, pem: &str) -> Result<RootInfo, Error> {
        let certificate = one_certificate(pem)?;
        let mut root = read(None, &certificate)?;
        if let Some(name) = name {
            root.info.name = name;
        }
        check_name(&root.info.name)?;
        let _one = self.changes.lock().await;
        {
            let roots = self.own_roots.0.read();
            if roots.contains_key(&root.info.name) {
                return Err(Error::Conflict(format!(
                    "there is a root '{}' already: choose another name, or remove that one first",
                    root.info.name
                )));
            }
            if let Some(same) = roots.values().find(|known| known.info.sha256 == root.info.sha256) {
                return Err(Error::Conflict(format!("this certificate is there already, as '{}'", same.info.name)));
            }
            if roots.len() >= ROOTS {
                return Err(Error::Conflict(format!("a home has at most {ROOTS} roots of its own")));
            }
        }
        let row = RootRow { name: root.info.name.clone(), certificate: certificate.to_vec() };
        self.storage.run(move |connection| rows::add_root(connection, &row)).await?;
        let info = root.info.clone();
        self.own_roots.0.write().insert(info.name.clone(), root);
        self.show_roots().await?;
        Ok(info)
    }

    pub(crate) async fn remove_root(&self, name: &str) -> Result<(), Error> {
        let _one = self.changes.lock().await;
        if !self.own_roots.0.read().contains_key(name) {
            return Err(Error::NotFound(format!("there is no root '{}'", name.escape_debug())));
        }
        let gone = name.to_owned();
        self.storage.run(move |connection| rows::remove_root(connection, &gone)).await?;
        self.own_roots.0.write().remove(name);
        self.show_roots().await
    }

    /// Writes what providers see.
    async fn show_roots(&self) -> Result<(), Error> {
        let (shown, own) = (self.roots.clone(), self.own_roots.certificates());
        let written = self.runtime.spawn_blocking(move || shown.replace_own(&own)).await;
        self.tell(HubEvent::Roots);
        written.map_err(std::io::Error::other).flatten().map_err(|error| {
            Error::Storage(format!(
                "the change is kept, but {} could not be written: providers see it after the hub's next start ({error})",
                self.roots.directory().display()
            ))
        })
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("a root's name has 1 to {NAME_BYTES} bytes and no control characters")));
    }
    Ok(())
}

/// The subject's common name; the whole subject if it has none.
fn common_name(subject: &Name) -> String {
    let attributes = subject.0.iter().flat_map(|part| part.0.iter());
    let found = attributes.filter(|attribute| attribute.oid == COMMON_NAME).find_map(|attribute| {
        std::str::from_utf8(attribute.value.value()).ok().filter(|name| check_name(name).is_ok()).map(str::to_owned)
    });
    let mut name = found.unwrap_or_else(|| subject.to_string());
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    name
}

/// The certificate of a file's text.
fn one_certificate(pem: &str) -> Result<CertificateDer<'static>, Error> {
    let invalid = |text: &str| Error::Invalid(text.to_owned());
    if pem.contains("PRIVATE KEY-----") {
        return Err(invalid("this is a private key: keep it secret, and give the authority's certificate instead"));
    }
    let certificates = roots::read_pem(pem.as_bytes());
    let mut certificates = certificates.map_err(|error| Error::Invalid(format!("this is no certificate: {error}")))?;
    match (certificates.pop(), certificates.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => {
            Err(invalid("there is no certificate in it: a file in PEM has a line -----BEGIN CERTIFICATE-----"))
        }
        (Some(_), others) => Err(Error::Invalid(format!(
            "there are {} certificates in it: add each root by itself, and leave out what it has signed",
            others + 1
        ))),
    }
}

/// What a certificate says, if it is an authority's. Without a name it has its subject's.
fn read(name: Option<String>, der: &[u8]) -> Result<Root, Error> {
    if der.len() > CERTIFICATE_BYTES {
        return Err(Error::Invalid(format!("a certificate has at most {} KiB", CERTIFICATE_BYTES >> 10)));
    }
    let parsed =
        Certificate::from_der(der).map_err(|error| Error::Invalid(format!("this is no certificate: {error}")))?;
    let tbs = &parsed.tbs_certificate;
    let subject = tbs.subject.to_string();
    let not_an_authority = |why: &str| {
        Error::Invalid(format!(
            "'{subject}' is not an authority's certificate ({why}): a root is what has signed a server's certificate"
        ))
    };
    let broken = |error| Error::Invalid(format!("an extension of '{subject}' is malformed: {error}"));
    match tbs.get::<BasicConstraints>().map_err(broken)? {
        Some((_, constraints)) if constraints.ca => {}
        Some(_) => return Err(not_an_authority("it says that it may not sign others")),
        // Version 1 has no extensions; such roots are old, and a verifier takes them.
        None if tbs.version == Version::V1 => {}
        None => return Err(not_an_authority("it does not say that it may sign others")),
    }
    if tbs.get::<KeyUsage>().map_err(broken)?.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
        return Err(not_an_authority("its key may not sign certificates"));
    }
    let certificate = CertificateDer::from(der.to_vec());
    roots::check(&certificate).map_err(|error| Error::Invalid(format!("'{subject}' cannot be a root: {error}")))?;
    let sha256 = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    let expires = nanoseconds(tbs.validity.not_after.to_unix_duration());
    let name = name.unwrap_or_else(|| common_name(&tbs.subject));
    Ok(Root { info: RootInfo { name, subject, expires, expired: false, sha256 }.aged(), certificate })
}

fn nanoseconds(since_1970: Duration) -> i64 {
    i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX)
}

impl RootInfo {
    /// As it is now.
    fn aged(mut self) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.expired = self.expires < nanoseconds(now);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_subject() {
        let name = |subject: &str| common_name(&subject.parse().unwrap());
        assert_eq!(name("CN=Home,O=Me"), "Home");
        assert_eq!(name("CN=Home\\, sweet home,O=Me"), "Home, sweet home");
        assert_eq!(name("O=Only me"), "O=Only me");
        assert_eq!(name(&format!("O={}", "é".repeat(100))).len(), NAME_BYTES);
    }

    #[test]
    fn what_is_no_certificate_says_what_it_is() {
        for (text, says) in [
            ("", "BEGIN CERTIFICATE"),
            ("hello", "BEGIN CERTIFICATE"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "private key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        ] {
            let error = one_certificate(text).and_then(|der| read(None, &der)).unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        for length in 0..300 {
            for fill in [0x00, 0x30, 0x82, 0xff] {
                assert!(read(None, &vec![fill; length]).is_err());
            }
        }
    }
}
