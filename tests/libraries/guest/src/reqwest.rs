//! HTTP with JSON both ways, a redirect, and an error of the server.

use crate::{Outcome, Parameters};
use igloo::{Json, json};
use reqwest::{Client, Url};

pub(crate) async fn exchange(p: &Parameters, scheme: &str) -> Outcome {
    let base = Url::parse(&format!("{scheme}://{}", p.address))?;
    let client = Client::builder().build()?;
    let stated: Json = client.put(base.join("state")?).json(&json!({ "on": true })).send().await?.json().await?;
    let moved = client.get(base.join("moved")?).query(&[("room", "küche")]).send().await?;
    let path = moved.url().path().to_owned();
    let moved: Json = moved.json().await?;
    let error = client.get(base.join("broken")?).send().await?.error_for_status().err();
    Ok(json!({
        "stated": stated,
        "path": path,
        "moved": moved,
        "error": error.and_then(|error| error.status()).map(|status| status.as_u16()),
    }))
}
