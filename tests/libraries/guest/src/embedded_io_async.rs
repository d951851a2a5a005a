//! What embedded drivers are written for, on one of tokio's sockets: HTTP by hand, over these traits alone.

use crate::{Outcome, Parameters};
use embedded_io_adapters::tokio_1::FromTokio;
use embedded_io_async::{Read, ReadExactError, Write};
use igloo::{Error, json};
use std::fmt::Debug;
use tokio::net::TcpStream;

/// These errors are values, not `Error`s.
fn error(error: impl Debug) -> Error {
    Error::new(format!("{error:?}"))
}

/// A driver that knows no more of its connection than the traits.
async fn ask<T: Read + Write>(mut connection: T, text: &str) -> igloo::Result<(String, bool)> {
    let request = format!("POST /upper HTTP/1.0\r\nhost: lamp\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    connection.write_all(request.as_bytes()).await.map_err(error)?;
    connection.flush().await.map_err(error)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).await.map_err(error)?;
        answer.extend(byte);
    }
    let mut body = vec![0; text.len()];
    connection.read_exact(&mut body).await.map_err(error)?;
    let ended = matches!(connection.read_exact(&mut [0]).await, Err(ReadExactError::UnexpectedEof));
    Ok((String::from_utf8_lossy(&body).into_owned(), ended))
}

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let (answer, ended) = ask(FromTokio::new(TcpStream::connect(p.address).await?), &p.text).await?;
    Ok(json!({ "answer": answer, "ended": ended }))
}
