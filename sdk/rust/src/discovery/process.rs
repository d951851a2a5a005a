//! What is found, in a process: messages of the hub's.

use crate::bindings::igloo::discovery::{browser::Browse, types::Finding};
use tokio::sync::mpsc;

pub(super) type Findings = Browse;

/// Carries findings until nobody reads any more.
pub(super) async fn carry(mut findings: Findings, browser: mpsc::Sender<Vec<Finding>>) {
    loop {
        let Ok(place) = browser.reserve().await else { return };
        let finding = tokio::select! {
            biased;
            () = browser.closed() => return,
            finding = findings.next() => finding,
        };
        match finding {
            Some(finding) => place.send(vec![finding]),
            None => return,
        }
    }
}
