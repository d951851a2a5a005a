//! Finding what is on the network: one browser at a time, kept between actions.

use crate::{Outcome, Parameters};
use igloo::{
    Context as _,
    discovery::{self, Browser, Finding},
    json,
};
use tokio::sync::Mutex;

/// The browser that the actions share.
pub(crate) type Browsing = Mutex<Option<Browser>>;

/// Begins to look for services of the type `name`.
pub(crate) async fn browse(p: &Parameters, browsing: &Browsing) -> Outcome {
    begin(discovery::browse(p.name.as_deref().context("name")?).await, browsing).await
}

/// Begins to look for devices that answer to the target `name`.
pub(crate) async fn search(p: &Parameters, browsing: &Browsing) -> Outcome {
    begin(discovery::search(p.name.as_deref().context("name")?).await, browsing).await
}

async fn begin(browser: Result<Browser, discovery::DiscoveryError>, browsing: &Browsing) -> Outcome {
    match browser {
        Ok(browser) => {
            *browsing.lock().await = Some(browser);
            Ok(json!({ "begun": true }))
        }
        Err(error) => Ok(json!({ "error": format!("{error:?}") })),
    }
}

/// Waits for the next finding.
pub(crate) async fn next(browsing: &Browsing) -> Outcome {
    let mut browsing = browsing.lock().await;
    Ok(match browsing.as_mut().context("nothing is looked for")?.next().await {
        Some(Finding::Found(service)) => json!({ "found": {
            "kind": service.kind,
            "name": service.name,
            "host": service.host,
            "port": service.port,
            "addresses": service.addresses,
            "colour": service.text("colour"),
            "flag": service.property("flag"),
        } }),
        Some(Finding::Lost { kind, name }) => json!({ "lost": { "kind": kind, "name": name } }),
        Some(Finding::DeviceFound(device)) => json!({ "device": {
            "target": device.target,
            "usn": device.usn,
            "location": device.location,
        } }),
        Some(Finding::DeviceLost { usn }) => json!({ "device_lost": usn }),
        other => json!({ "other": format!("{other:?}") }),
    })
}

/// Begins to look for the same `count` times: how often that worked, and why not the next time.
pub(crate) async fn many(p: &Parameters) -> Outcome {
    let name = p.name.as_deref().context("name")?;
    let mut browsers = Vec::new();
    let error = loop {
        match discovery::browse(name).await {
            Ok(browser) if browsers.len() < p.count.unwrap_or(100) => browsers.push(browser),
            Ok(_) => break String::new(),
            Err(error) => break error.to_string(),
        }
    };
    Ok(json!({ "begun": browsers.len(), "error": error }))
}

pub(crate) async fn stop(browsing: &Browsing) -> Outcome {
    Ok(json!({ "stopped": browsing.lock().await.take().is_some() }))
}
