//! UDP.

use crate::{Outcome, Parameters};
use igloo::json;
use std::time::Duration;
use tokio::{net::UdpSocket, time::timeout};

/// The unspecified address of the target's family.
fn any(p: &Parameters) -> &'static str {
    if p.host.as_deref().is_some_and(|host| host.starts_with('[')) { "[::]:0" } else { "0.0.0.0:0" }
}

/// Against an echo server, unconnected and connected.
pub(crate) async fn echo(p: &Parameters) -> Outcome {
    let mut buffer = [0; 64];
    let socket = UdpSocket::bind(any(p)).await?;
    socket.send_to(b"ping", p.address()).await?;
    let (count, from) = timeout(Duration::from_secs(3), socket.recv_from(&mut buffer)).await??;
    let unconnected = String::from_utf8_lossy(&buffer[..count]).into_owned();
    socket.connect(p.address()).await?;
    socket.send(b"pong").await?;
    let count = timeout(Duration::from_secs(3), socket.recv(&mut buffer)).await??;
    let connected = String::from_utf8_lossy(&buffer[..count]).into_owned();
    Ok(json!({ "unconnected": unconnected, "connected": connected, "from": from.to_string() }))
}

/// Two sockets of its own.
pub(crate) async fn pair(p: &Parameters) -> Outcome {
    let a = UdpSocket::bind(p.address()).await?;
    let b = UdpSocket::bind(p.address()).await?;
    a.send_to(b"ping", b.local_addr()?).await?;
    let mut buffer = [0; 64];
    let (count, from) = timeout(Duration::from_secs(3), b.recv_from(&mut buffer)).await??;
    Ok(json!({ "bytes": count, "from_a": from == a.local_addr()? }))
}

/// Sends `count` datagrams to a port as fast as possible, and reads none of what comes back for a while.
pub(crate) async fn flood(p: &Parameters) -> Outcome {
    let socket = UdpSocket::bind(any(p)).await?;
    socket.connect(p.address()).await?;
    let data = [7; 1000];
    let mut sent = 0;
    for _ in 0..p.count.unwrap_or(10_000) {
        sent += usize::from(socket.send(&data).await.is_ok());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut buffer = [0; 2000];
    let mut received = 0;
    while timeout(Duration::from_millis(100), socket.recv(&mut buffer)).await.is_ok_and(|read| read.is_ok()) {
        received += 1;
    }
    Ok(json!({ "sent": sent, "received": received }))
}

/// A port where nobody listens: the refusal comes back as an error.
pub(crate) async fn refused(p: &Parameters) -> Outcome {
    let socket = UdpSocket::bind(any(p)).await?;
    socket.connect(p.address()).await?;
    socket.send(b"x").await?;
    let result = timeout(Duration::from_secs(2), socket.recv(&mut [0; 8])).await;
    let result = match result {
        Err(_) => "timeout".to_owned(),
        Ok(Ok(_)) => "ok".to_owned(),
        Ok(Err(error)) => format!("{:?}", error.kind()),
    };
    Ok(json!({ "result": result }))
}
