//! The Noise handshake that ESPHome has, and messages after it.

use crate::{Outcome, Parameters};
use igloo::json;
use snow::Builder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

/// What both sides know.
const KEY: [u8; 32] = *b"the key of a lamp and of its hub";

async fn send(stream: &mut TcpStream, frame: &[u8]) -> igloo::Result<()> {
    stream.write_u16(u16::try_from(frame.len())?).await?;
    Ok(stream.write_all(frame).await?)
}

async fn receive(stream: &mut TcpStream) -> igloo::Result<Vec<u8>> {
    let mut frame = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address).await?;
    let mut buffer = vec![0; 65_535];
    let mut handshake = Builder::new(PATTERN.parse()?).prologue(b"igloo")?.psk(0, &KEY)?.build_initiator()?;
    let length = handshake.write_message(&[], &mut buffer)?;
    send(&mut stream, &buffer[..length]).await?;
    handshake.read_message(&receive(&mut stream).await?, &mut buffer)?;
    let mut session = handshake.into_transport_mode()?;
    let mut answers = Vec::new();
    for text in [p.text.as_str(), "and again"] {
        let length = session.write_message(text.as_bytes(), &mut buffer)?;
        send(&mut stream, &buffer[..length]).await?;
        let length = session.read_message(&receive(&mut stream).await?, &mut buffer)?;
        answers.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    let mut forged = receive(&mut stream).await?;
    forged[0] ^= 1;
    Ok(json!({ "answers": answers, "forged": session.read_message(&forged, &mut buffer).is_err() }))
}
