//! `igloo:discovery`: asked of the policy, and not brokered yet.

use wasmtime::component::{Accessor, StreamReader};

use crate::component::{
    bindings::igloo::discovery::{
        browser::{Host, HostWithStore},
        types::{self, ErrorCode, Finding},
    },
    state::{Everything, State},
};

impl types::Host for State {}
impl Host for State {}

impl<T: Send> HostWithStore<T> for Everything {
    async fn browse(
        store: &Accessor<T, Self>,
        service_type: String,
    ) -> wasmtime::Result<Result<StreamReader<Finding>, ErrorCode>> {
        Ok(Err(ask(store, &service_type)))
    }

    async fn search(
        store: &Accessor<T, Self>,
        target: String,
    ) -> wasmtime::Result<Result<StreamReader<Finding>, ErrorCode>> {
        Ok(Err(ask(store, &target)))
    }
}

fn ask<T: Send>(store: &Accessor<T, Everything>, service: &str) -> ErrorCode {
    store.with(|mut access| {
        let state = access.get();
        if state.policy.discovery(&*state.home, service) { ErrorCode::Unavailable } else { ErrorCode::AccessDenied }
    })
}
