//! An ordinary tokio: in a process the loop of `process::current`, in a unit test the test's own.

use std::future::Future;

pub(crate) async fn run<T: 'static>(life: impl Future<Output = T> + 'static) -> T {
    life.await
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
