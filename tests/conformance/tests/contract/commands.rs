//! Commands and actions: what is asked of a provider, and how that ends.

use std::time::Duration;

use futures::future::join_all;
use igloo_conformance::{Subject, conformance};
use igloo_hub::{CommandFailure, CommandOutcome, CommandRequest, State};
use igloo_protocol::RunAs;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

conformance!(
    what_a_command_writes_is_there_before_its_outcome,
);

async fn what_a_command_writes_is_there_before_its_outcome(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    for round in 0..100 {
        let request = subject.request("count", "count", json!(round));
        assert_eq!(subject.home.hub.command(request).await.outcome, CommandOutcome::Ok);
        assert_eq!(subject.component("count", "count").value, json!(round));
    }
    assert_eq!(subject.info().commands, 100);
}
