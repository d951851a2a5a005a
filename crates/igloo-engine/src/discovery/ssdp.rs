//! SSDP (UPnP Device Architecture 1.1, section 1).
use std::sync::Arc;
use super::{kind::SearchTarget, topic::Topic};

pub(super) async fn look(_target: SearchTarget, _topic: Arc<Topic>) {}
