//! What happened in the hub, told to whoever listens: states, denials, and that lists changed.
//!
//! Nothing waits for a slow listener: it is told how many it missed.

use igloo_model::{InstanceId, InstanceName};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{denials::DenialRecord, info::State};

/// Events kept for a slow listener.
pub(crate) const KEPT: usize = 1024;

/// Something that happened in the hub.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum HubEvent {
    /// An instance is in another state.
    InstanceState {
        /// Which.
        instance: InstanceId,
        /// Its name.
        name: InstanceName,
        /// The state.
        #[serde(flatten)]
        state: State,
    },
    /// An instance was added, removed, renamed, configured or granted something.
    Instances,
    /// A package was added or removed, or its compilation ended.
    Packages,
    /// A group was added, changed or removed.
    Groups,
    /// A root certificate was added or removed.
    Roots,
    /// An instance asked for something that is not granted.
    Denial(DenialRecord),
    /// The listener was slow and missed so many events.
    Missed {
        /// How many.
        count: u64,
    },
}

/// What happens from now on. Ends with the hub.
#[derive(Debug)]
pub struct EventStream(pub(crate) broadcast::Receiver<HubEvent>);

impl EventStream {
    /// The next event; nothing more once the hub is gone.
    pub async fn next(&mut self) -> Option<HubEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(HubEvent::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
