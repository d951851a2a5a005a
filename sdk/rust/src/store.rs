//! A small key-value store that belongs to the instance and outlives it.

use crate::{error::StoreError, host};
use serde::{Serialize, de::DeserializeOwned};

/// The instance's store. What is set or deleted is durable when the call returns.
#[derive(Debug, Clone)]
pub struct Store(());

impl Store {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// The bytes under `key`.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        host::store_get(key.to_owned()).await
    }

    /// Sets the bytes under `key`.
    pub async fn set(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        host::store_set(key.to_owned(), value.into()).await
    }

    /// Forgets `key`. One that is not there is no error.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        host::store_delete(key.to_owned()).await
    }

    /// The keys that begin with `prefix`, in byte order.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        host::store_keys(prefix.to_owned()).await
    }

    /// The value under `key`, stored as JSON. What is there but is no `T` is an error with the code `format`.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.get(key).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(format_error)
    }

    /// Sets the value under `key` as JSON.
    pub async fn set_json<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), StoreError> {
        self.set(key, serde_json::to_vec(value).map_err(format_error)?).await
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn format_error(error: serde_json::Error) -> StoreError {
    StoreError::Other { code: "format".to_owned(), text: error.to_string() }
}
