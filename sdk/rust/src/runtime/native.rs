//! An ordinary tokio, for unit tests and for providers that run as processes of their own.

use std::future::Future;
use tokio::task::LocalSet;

pub(crate) async fn run<T: 'static>(life: impl Future<Output = T> + 'static) -> T {
    LocalSet::new().run_until(life).await
}

pub(crate) async fn call<T: 'static>(future: impl Future<Output = T> + 'static) -> Option<T> {
    Some(future.await)
}

pub(crate) async fn host_call<T: 'static>(import: impl Future<Output = T> + 'static) -> T {
    import.await
}

pub(crate) fn start(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(future);
}
