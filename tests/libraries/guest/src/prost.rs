//! Messages that the other side has described in its own way.

use crate::{Outcome, Parameters};
use igloo::json;
use prost::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[derive(Clone, PartialEq, Message)]
struct Reading {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(sint32, tag = "2")]
    offset: i32,
    #[prost(double, repeated, tag = "3")]
    history: Vec<f64>,
    #[prost(message, optional, tag = "4")]
    from: Option<Source>,
    #[prost(bool, optional, tag = "5")]
    valid: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
struct Source {
    #[prost(fixed64, tag = "1")]
    address: u64,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
}

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address).await?;
    let reading = Reading {
        name: p.text.clone(),
        offset: -40,
        history: vec![20.5, -3.25],
        from: Some(Source { address: 0x0012_4B00_1234_5678, key: vec![0, 255] }),
        valid: None,
    };
    let message = reading.encode_to_vec();
    stream.write_u16(u16::try_from(message.len())?).await?;
    stream.write_all(&message).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    let answer = Reading::decode(answer.as_slice())?;
    Ok(json!({
        "name": answer.name,
        "offset": answer.offset,
        "history": answer.history,
        "from": answer.from.map(|from| (format!("{:016x}", from.address), from.key)),
        "valid": answer.valid,
    }))
}
