//! Bearer tokens: who may ask for what.
//!
//! A token is `igloo_` and 256 random bits. It is shown once, when it is made; only its SHA-256 is kept, in
//! `<data>/tokens.json` (0600, replaced atomically). The local command's token is the file `<data>/token` (0600), made
//! at the first start and made anew when it does not work any more. Tokens are never logged.

use std::{
    fmt,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::wire;

/// Where the local command's token is, in the data directory.
pub const LOCAL_TOKEN_FILE: &str = "token";
const TOKENS_FILE: &str = "tokens.json";
const LOCAL_NAME: &str = "local";
const PREFIX: &str = "igloo_";
/// More tokens than anybody can keep an eye on.
const MAX_TOKENS: usize = 256;

/// What a token allows. Each allows what those before it do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Seeing the home.
    Read,
    /// Commands and actions.
    Control,
    /// Everything: installs, grants, removals, tokens.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Control => "control",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Self::Read),
            "control" => Ok(Self::Control),
            "admin" => Ok(Self::Admin),
            _ => Err(format!("'{}' is not a scope: use read, control or admin", text.escape_debug())),
        }
    }
}

/// Why tokens cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file has been changed by something else.
    #[error("{path} is not a list of tokens ({error}): move it away to begin with none")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// Too many.
    #[error("there are {MAX_TOKENS} tokens already: revoke some that are not used")]
    TooMany,
    /// No such token.
    #[error("there is no token '{0}'")]
    NotFound(String),
    /// Not a name.
    #[error("a token's name has 1 to 64 characters, none of them a control character")]
    Name,
}

/// A token as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    id: u64,
    name: String,
    scope: Scope,
    /// Nanoseconds since 1970 UTC.
    created: i64,
    /// SHA-256 of the token, in hexadecimal.
    hash: String,
}

impl Kept {
    fn shown(&self) -> wire::Token {
        wire::Token {
            id: format!("t{}", self.id),
            name: self.name.clone(),
            scope: self.scope,
            created: igloo_model::value::timestamp_text(self.created),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    /// Ids are never used again.
    next: u64,
    tokens: Vec<Kept>,
}

/// The tokens of a hub.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    file: RwLock<File>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    changed: tokio::sync::watch::Sender<()>,
}

impl Tokens {
    /// Reads the tokens of a data directory, and makes the local command's token where there is none that works.
    pub fn open(data: &Path) -> Result<Self, TokenError> {
        let path = data.join(TOKENS_FILE);
        let file = match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| TokenError::Unreadable { path: path.clone(), error })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File { next: 1, tokens: Vec::new() },
            Err(error) => return Err(TokenError::File { path, error }),
        };
        let tokens = Self {
            path,
            file: RwLock::new(file),
            changing: tokio::sync::Mutex::new(()),
            changed: tokio::sync::watch::Sender::new(()),
        };
        tokens.ensure_local(&data.join(LOCAL_TOKEN_FILE))?;
        Ok(tokens)
    }

    fn ensure_local(&self, path: &Path) -> Result<(), TokenError> {
        let known = std::fs::read_to_string(path).ok();
        if known.is_some_and(|token| self.scope(token.trim()) == Some(Scope::Admin)) {
            return std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
                .map_err(|error| TokenError::File { path: path.to_owned(), error });
        }
        let mut file = self.file.read().clone();
        file.tokens.retain(|kept| kept.name != LOCAL_NAME);
        let (token, _) = add(&mut file, LOCAL_NAME, Scope::Admin)?;
        // First the list: a token file without an entry is made anew at the next start.
        self.store(file)?;
        replace(path, format!("{token}\n").as_bytes())
    }

    /// What a token allows; `None` if it is none of ours.
    #[must_use]
    pub fn scope(&self, token: &str) -> Option<Scope> {
        if !token.starts_with(PREFIX) || token.len() != PREFIX.len() + 64 {
            return None;
        }
        // Comparing hashes of random numbers tells an attacker nothing by its timing.
        let hash = hash(token);
        self.file.read().tokens.iter().find(|kept| kept.hash == hash).map(|kept| kept.scope)
    }

    /// Tells of every change of the list.
    pub(crate) fn changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// All tokens, without the tokens themselves.
    #[must_use]
    pub fn list(&self) -> Vec<wire::Token> {
        self.file.read().tokens.iter().map(Kept::shown).collect()
    }

    /// Makes a token. Durable when it answers.
    pub async fn create(&self, name: &str, scope: Scope) -> Result<wire::NewToken, TokenError> {
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(TokenError::Name);
        }
        let _one = self.changing.lock().await;
        let mut file = self.file.read().clone();
        if file.tokens.len() >= MAX_TOKENS {
            return Err(TokenError::TooMany);
        }
        let (token, kept) = add(&mut file, name, scope)?;
        self.store(file)?;
        Ok(wire::NewToken { token, about: kept.shown() })
    }

    /// Takes a token back. Durable, and in force, when it answers.
    pub async fn revoke(&self, id: &str) -> Result<(), TokenError> {
        let _one = self.changing.lock().await;
        let mut file = self.file.read().clone();
        let before = file.tokens.len();
        file.tokens.retain(|kept| format!("t{}", kept.id) != id);
        if file.tokens.len() == before {
            return Err(TokenError::NotFound(id.escape_debug().to_string()));
        }
        self.store(file)
    }

    /// Writes the list, then believes it. A list has at most some tens of kilobytes.
    fn store(&self, file: File) -> Result<(), TokenError> {
        let bytes = serde_json::to_vec_pretty(&file)
            .map_err(|error| TokenError::File { path: self.path.clone(), error: error.into() })?;
        replace(&self.path, &bytes)?;
        *self.file.write() = file;
        self.changed.send_replace(());
        Ok(())
    }
}

fn add(file: &mut File, name: &str, scope: Scope) -> Result<(String, Kept), TokenError> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|_| TokenError::NoRandomness)?;
    let token = format!("{PREFIX}{}", hexadecimal(&random));
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let kept = Kept {
        id: file.next,
        name: name.to_owned(),
        scope,
        created: i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX),
        hash: hash(&token),
    };
    file.next += 1;
    file.tokens.push(kept.clone());
    Ok((token, kept))
}

fn hash(token: &str) -> String {
    hexadecimal(&Sha256::digest(token.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner may read, whole or not at all, and durable.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), TokenError> {
    let failed = |error| TokenError::File { path: path.to_owned(), error };
    let new = path.with_extension("new");
    // A leftover may have other permissions.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)?;
    path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn tokens_survive_a_restart_as_hashes() {
        let data = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(data.path()).unwrap();
        let local = std::fs::read_to_string(data.path().join("token")).unwrap();
        assert_eq!(tokens.scope(local.trim()), Some(Scope::Admin));
        let made = tokens.create("panel", Scope::Read).await.unwrap();
        assert_eq!(tokens.scope(&made.token), Some(Scope::Read));

        let again = Tokens::open(data.path()).unwrap();
        assert_eq!(again.scope(&made.token), Some(Scope::Read));
        assert_eq!(std::fs::read_to_string(data.path().join("token")).unwrap(), local, "the local token stays");
        let stored = std::fs::read_to_string(data.path().join("tokens.json")).unwrap();
        assert!(!stored.contains(&made.token) && !stored.contains(local.trim()));
        assert_eq!((mode(&data.path().join("token")), mode(&data.path().join("tokens.json"))), (0o600, 0o600));

        again.revoke(&made.about.id).await.unwrap();
        assert_eq!(again.scope(&made.token), None);
        assert!(again.revoke(&made.about.id).await.is_err());
        assert_eq!(Tokens::open(data.path()).unwrap().list().len(), 1);
    }

    #[tokio::test]
    async fn a_lost_local_token_is_made_anew() {
        let data = tempfile::tempdir().unwrap();
        Tokens::open(data.path()).unwrap();
        let old = std::fs::read_to_string(data.path().join("token")).unwrap();
        std::fs::remove_file(data.path().join("token")).unwrap();
        let tokens = Tokens::open(data.path()).unwrap();
        assert_eq!(tokens.scope(old.trim()), None);
        assert_eq!(tokens.list().len(), 1);
    }

    #[tokio::test]
    async fn nonsense_is_no_token() {
        let data = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(data.path()).unwrap();
        for text in ["", "igloo_", "x", &"igloo_".repeat(100), &format!("igloo_{}", "0".repeat(64))] {
            assert_eq!(tokens.scope(text), None, "{text}");
        }
        assert!(tokens.create("", Scope::Read).await.is_err());
        assert!(tokens.create("a\u{1b}[2J", Scope::Read).await.is_err());
        std::fs::write(data.path().join("tokens.json"), "{").unwrap();
        let error = Tokens::open(data.path()).unwrap_err().to_string();
        assert!(error.contains("move it away"), "{error}");
    }
}
