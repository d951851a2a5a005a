//! `igloo:discovery/browser`. What WIT has as a stream is a [`Browse`] here.

use super::types::{ErrorCode, Finding};
use crate::{
    bindings::igloo::provider::home::unexpected,
    process::current::{current, no_hub},
};
use igloo_wire::message::{Request, RequestError};
use tokio::sync::mpsc;

pub async fn browse(service_type: String) -> Result<Browse, ErrorCode> {
    Browse::begin(Request::Browse { service_type }).await
}

pub async fn search(target: String) -> Result<Browse, ErrorCode> {
    Browse::begin(Request::Search { target }).await
}

/// What is found, as it is found. Dropping it ends the browse.
#[derive(Debug)]
pub struct Browse {
    id: u64,
    findings: mpsc::Receiver<Finding>,
}

impl Browse {
    async fn begin(request: Request) -> Result<Self, ErrorCode> {
        let begun = match current() {
            Some(current) => current.connection.browse(request).await,
            None => Err(no_hub()),
        };
        match begun {
            Ok((id, findings)) => Ok(Self { id, findings }),
            Err(RequestError::Discovery(error)) => Err(error),
            Err(other) => Err(ErrorCode::Other(unexpected(Err(other)))),
        }
    }

    /// The next finding.
    pub async fn next(&mut self) -> Option<Finding> {
        self.findings.recv().await
    }
}

impl Drop for Browse {
    fn drop(&mut self) {
        if let Some(current) = current() {
            current.connection.stop_browse(self.id);
        }
    }
}
