//! An HTTP client by hand: one connection, two requests, an answer in chunks.

use crate::{Outcome, Parameters};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use igloo::json;
use tokio::net::TcpStream;

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let stream = TcpStream::connect(p.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get("/chunks").header(header::HOST, "lamp").body(Full::<Bytes>::default())?;
    let mut response = sender.send_request(request).await?;
    let chunked = response.headers().get(header::TRANSFER_ENCODING).is_some_and(|value| value == "chunked");
    let mut parts = Vec::new();
    while let Some(frame) = response.frame().await {
        if let Ok(data) = frame?.into_data() {
            parts.push(String::from_utf8_lossy(&data).into_owned());
        }
    }
    let body = Full::new(Bytes::from(p.text.clone()));
    let request = Request::post("/upper").header(header::HOST, "lamp").body(body)?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let upper = answer.into_body().collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok(json!({
        "chunked": chunked,
        "parts": parts.concat(),
        "status": status,
        "upper": String::from_utf8_lossy(&upper),
    }))
}
