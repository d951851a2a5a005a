//! The newest values on the disk: every few seconds and at a clean stop, so that the home is not blank after a restart.

use std::{sync::Arc, time::Duration};

use igloo_model::Tree;
use tokio_util::sync::CancellationToken;

use crate::{
    core::Core,
    error::Error,
    storage::rows::{self, ValueRow},
};

/// How often.
const EVERY: Duration = Duration::from_secs(5);
/// Values in one job, so that others need not wait long.
const CHUNK: usize = 2048;

/// Keeps values until the hub ends. The last snapshot is the hub's own to take.
pub(crate) async fn keep_taking(core: Arc<Core>, end: CancellationToken) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let result = core.take_snapshot().await;
        if let Err(error) = &result
            && !failing
        {
            tracing::error!("values cannot be kept on the disk now: {error}");
        }
        failing = result.is_err();
    }
}

impl Core {
    /// Keeps what was written since the last snapshot.
    pub(crate) async fn take_snapshot(&self) -> Result<(), Error> {
        let mut kept_to = self.snapshot.lock().await;
        let (revision, mut values) = self.tree.read(|tree| (tree.revision(), written_since(tree, *kept_to)));
        if values.is_empty() {
            *kept_to = revision;
            return Ok(());
        }
        // A value is kept only where its device is.
        self.registry.flush(&self.tree, &self.storage).await?;
        while !values.is_empty() {
            let chunk = values.split_off(values.len().saturating_sub(CHUNK));
            self.storage
                .run(move |connection| chunk.iter().try_for_each(|value| rows::keep_value(connection, value)))
                .await?;
        }
        *kept_to = revision;
        Ok(())
    }
}

fn written_since(tree: &Tree, revision: u64) -> Vec<ValueRow> {
    let written = tree.values().filter(|(_, _, component)| component.revision > revision && !component.stale);
    let row = written.map(|(device, entity, component)| ValueRow {
        device,
        entity: entity.to_owned(),
        kind: component.kind.name.clone(),
        value: component.value.clone(),
        updated: component.updated,
        time: component.time,
    });
    row.collect()
}
