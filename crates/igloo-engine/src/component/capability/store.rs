//! `igloo:provider/store`: the instance's key-value store. Quotas and durability are the home's.

use wasmtime::component::Accessor;

use crate::{
    component::{
        bindings::igloo::provider::store::{ErrorCode, Host, HostWithStore},
        state::{Everything, State},
    },
    convert::wit::store_error,
};

impl Host for State {}

impl<T: Send> HostWithStore<T> for Everything {
    async fn get(store: &Accessor<T, Self>, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, ErrorCode>> {
        let answer = store.with(|mut access| access.get().home.store_get(key));
        Ok(answer.await.map_err(store_error))
    }

    async fn set(store: &Accessor<T, Self>, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), ErrorCode>> {
        let answer = store.with(|mut access| access.get().home.store_set(key, value));
        Ok(answer.await.map_err(store_error))
    }

    async fn delete(store: &Accessor<T, Self>, key: String) -> wasmtime::Result<Result<(), ErrorCode>> {
        let answer = store.with(|mut access| access.get().home.store_delete(key));
        Ok(answer.await.map_err(store_error))
    }

    async fn keys(store: &Accessor<T, Self>, prefix: String) -> wasmtime::Result<Result<Vec<String>, ErrorCode>> {
        let answer = store.with(|mut access| access.get().home.store_keys(prefix));
        Ok(answer.await.map_err(store_error))
    }
}
