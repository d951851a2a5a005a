//! What is found, in a component: a stream of the hub's.

use crate::bindings::igloo::discovery::types::Finding;
use tokio::sync::mpsc;
use wit_bindgen::rt::async_support::{StreamReader, StreamResult};

/// Findings that are taken from the hub at a time.
const AT_A_TIME: usize = 16;

pub(super) type Findings = StreamReader<Finding>;

/// Carries findings until the hub ends the stream or nobody reads any more.
pub(super) async fn carry(mut findings: Findings, browser: mpsc::Sender<Vec<Finding>>) {
    loop {
        // A place first: what is not asked of the hub is kept there, as state.
        let Ok(place) = browser.reserve().await else { return };
        let (status, read) = tokio::select! {
            biased;
            () = browser.closed() => return,
            step = findings.read(Vec::with_capacity(AT_A_TIME)) => step,
        };
        if !read.is_empty() {
            place.send(read);
        }
        if status == StreamResult::Dropped {
            return;
        }
    }
}
