//! The baseline that benchmarks compare with: the same component and the same call, by wasmtime alone on one thread.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use igloo_protocol::Command;

use super::{ComponentEngine, Launch, Prepared, convert, state::State};
use crate::instance::Meters;

impl ComponentEngine {
    /// Calls a provider's `command` one after the other while its `run` is pending; answers how long each took.
    #[doc(hidden)]
    pub async fn bare_commands(
        &self,
        prepared: &Prepared,
        launch: Launch,
        command: &Command,
        count: usize,
    ) -> wasmtime::Result<Vec<Duration>> {
        let mut store = State::new(&launch, Arc::new(Meters::default()), &self.shared)?.into_store(&self.shared.engine);
        let provider = prepared.pre.instantiate_async(&mut store).await?;
        store
            .run_concurrent(async |accessor| {
                let driver = provider.igloo_provider_driver();
                let calls = async {
                    let mut times = Vec::with_capacity(count);
                    while times.len() < count {
                        let command = convert::command(command.clone());
                        let before = Instant::now();
                        let result = driver.call_command(accessor, command).await?;
                        let took = before.elapsed();
                        // Until `run` has got going the provider is unavailable.
                        if result.is_ok() {
                            times.push(took);
                        } else {
                            tokio::task::yield_now().await;
                        }
                    }
                    wasmtime::error::Ok(times)
                };
                let run = pin!(driver.call_run(accessor));
                let calls = pin!(calls);
                match futures::future::select(run, calls).await {
                    futures::future::Either::Left((ended, _)) => Err(wasmtime::format_err!("run ended: {ended:?}")),
                    futures::future::Either::Right((times, _)) => times,
                }
            })
            .await?
    }
}
