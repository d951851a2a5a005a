//! Clients that people use, unmodified.

use crate::{Outcome, Parameters, measure};
use futures_util::{SinkExt as _, StreamExt as _};
use igloo::{Context as _, json};
use std::{sync::Arc, time::Duration};
use tokio_tungstenite::tungstenite::Message;

/// A `GET` of `path` by `name`, whose address is given: names are the hub's to resolve.
pub(crate) async fn reqwest(p: &Parameters) -> Outcome {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(igloo::tls::client_config()?)
        .resolve(&p.name, p.address())
        .build()?;
    let response = client.get(format!("https://{}:{}{}", p.name, p.port, p.path)).send().await;
    Ok(match response {
        Ok(response) => json!({ "status": response.status().as_u16(), "body": response.text().await? }),
        Err(error) => json!({ "error": format!("{error:?}") }),
    })
}

/// A message over `wss`, to a server that says it back.
pub(crate) async fn websocket(p: &Parameters) -> Outcome {
    let stream = measure::connect(&Arc::new(igloo::tls::client_config()?), p.address(), &p.name).await?;
    let (mut socket, _) = tokio_tungstenite::client_async(format!("wss://{}/", p.name), stream).await?;
    socket.send(Message::text("over TLS")).await?;
    let answer = socket.next().await.context("an answer")??;
    socket.close(None).await?;
    Ok(json!({ "answer": answer.into_text()?.as_str() }))
}

/// The same by the hub's own client.
pub(crate) async fn hub_https(p: &Parameters) -> Outcome {
    let url = format!("https://{}:{}{}", p.name, p.port, p.path);
    Ok(match igloo::http::get(&url).timeout(Duration::from_secs(10)).send().await {
        Ok(response) => json!({ "status": response.status, "body": response.text()? }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}
