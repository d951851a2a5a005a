//! `wasi:sockets/ip-name-lookup`: wasmtime's own allows all names or none; this one asks the
//! outside for each.

use wasmtime::component::{Accessor, Linker};
use wasmtime_wasi::p3::bindings::sockets::{
    ip_name_lookup::{self, ErrorCode, Host, HostWithStore},
    types::IpAddress,
};

use crate::{
    component::state::{Everything, State},
    policy::ResolveError,
};

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    ip_name_lookup::add_to_linker::<_, Everything>(linker, |state| state)
}

impl Host for State {}

impl<T: Send> HostWithStore<T> for Everything {
    async fn resolve_addresses(
        store: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<IpAddress>, ErrorCode>> {
        let found = store.with(|mut access| access.get().outside.resolve(name));
        let addresses = found.await.map_err(|error| match error {
            ResolveError::Denied => ErrorCode::AccessDenied,
            ResolveError::NotFound => ErrorCode::NameUnresolvable,
            ResolveError::Timeout => ErrorCode::TemporaryResolverFailure,
            ResolveError::Invalid => ErrorCode::InvalidArgument,
        });
        Ok(addresses.map(|addresses| addresses.into_iter().map(Into::into).collect()))
    }
}
