//! The Python SDK and the contract, as they were when this program was built, in the cache.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use super::cache;
use crate::{Error, error::at};

/// Names and contents, below `sdk/` and `wit/`.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The runtime's extension module, written in WebAssembly's text format, and what CPython 3.14 finds on WASI.
const INTRINSICS_TEXT: &str = "sdk/igloo_runtime/intrinsics.wat";
const INTRINSICS: &str = "sdk/igloo_intrinsics.cpython-314-wasm32-wasi.so";

/// Where the SDK and the contract are on the disk.
#[derive(Debug, Clone)]
pub(super) struct Sdk {
    folder: PathBuf,
}

impl Sdk {
    /// Puts them into the cache, once for each content.
    pub(super) fn unpack() -> Result<Self, Error> {
        let mut hasher = DefaultHasher::new();
        FILES.hash(&mut hasher);
        let folder = cache::root()?.join(format!("python-sdk-{:016x}", hasher.finish()));
        cache::once(&folder, |new| {
            for (name, content) in FILES {
                let path = new.join(name);
                if let Some(above) = path.parent() {
                    fs::create_dir_all(above).map_err(at(above))?;
                }
                fs::write(&path, content).map_err(at(path))?;
            }
            let path = new.join(INTRINSICS);
            let text = FILES.iter().find(|(name, _)| *name == INTRINSICS_TEXT).map(|(_, content)| *content);
            let invalid = |text: String| Error::Invalid { path: INTRINSICS_TEXT.into(), text };
            let text = text.ok_or_else(|| invalid("this program was built without it".to_owned()))?;
            let module = wat::parse_bytes(text).map_err(|error| invalid(error.to_string()))?;
            fs::write(&path, module).map_err(at(path))
        })?;
        Ok(Self { folder })
    }

    /// Another one for each content.
    pub(super) fn fingerprint(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The contract's WIT.
    pub(super) fn wit(&self) -> PathBuf {
        self.folder.join("wit")
    }

    /// What a component imports from, in this order: what stands in for parts of the standard library, then the SDK.
    pub(super) fn component(&self) -> Vec<PathBuf> {
        let sdk = self.folder.join("sdk");
        [sdk.join("igloo_runtime/overlay"), sdk].into_iter().filter(|folder| folder.is_dir()).collect()
    }

    /// The SDK without what only a component has.
    pub(super) fn native(&self) -> PathBuf {
        self.folder.join("sdk/igloo")
    }

    /// Whether a file is part of it.
    pub(super) fn contains(&self, file: &Path) -> bool {
        file.starts_with(&self.folder)
    }
}
