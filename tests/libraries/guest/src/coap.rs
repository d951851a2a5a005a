//! A CoAP client: requests, an answer in blocks, what there is, and a resource that is watched.

use crate::{Outcome, Parameters};
use coap::UdpCoAPClient;
use igloo::{Context as _, json};
use tokio::sync::mpsc;

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let url = |path: &str| format!("coap://{}/{path}", p.address);
    let text = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    let resources = UdpCoAPClient::discover(&url("")).await?;
    let client = UdpCoAPClient::new(p.address).await?;
    let (changes, mut changed) = mpsc::unbounded_channel();
    let watch = client.observe("/lamp", move |message| {
        let _ = changes.send(message.map(|message| message.payload));
    });
    let stop = watch.await?;
    let first = changed.recv().await.context("a first state")??;
    let put = UdpCoAPClient::put(&url("lamp"), p.text.clone().into_bytes()).await?;
    let second = changed.recv().await.context("a change")??;
    drop(stop);
    let long = UdpCoAPClient::get(&url("long")).await?;
    let missing = UdpCoAPClient::get(&url("nothing")).await?;
    Ok(json!({
        "resources": resources.into_iter().map(|link| link.href).collect::<Vec<_>>(),
        "put": format!("{:?}", put.get_status()),
        "states": [text(&first), text(&second)],
        "long": long.message.payload.len(),
        "same": long.message.payload.iter().all(|byte| *byte == b'x'),
        "missing": format!("{:?}", missing.get_status()),
    }))
}
