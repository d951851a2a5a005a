//! TCP.

use crate::{Outcome, Parameters};
use igloo::json;
use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

fn kind<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Against an echo server.
pub(crate) async fn echo(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address()).await?;
    stream.set_nodelay(true)?;
    stream.write_all(b"hello").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    Ok(json!({
        "answer": String::from_utf8_lossy(&answer),
        "local": stream.local_addr()?.to_string(),
        "peer": stream.peer_addr()?.to_string(),
    }))
}

/// `count` MiB through an echo server and back, both ways at once.
pub(crate) async fn bulk(p: &Parameters) -> Outcome {
    let size = p.count.unwrap_or(16) << 20;
    let stream = TcpStream::connect(p.address()).await?;
    let (mut reader, mut writer) = stream.into_split();
    let start = Instant::now();
    let write = tokio::spawn(async move {
        let chunk: Vec<u8> = (0..65_536u32).map(|n| n as u8).collect();
        for _ in 0..size / chunk.len() {
            writer.write_all(&chunk).await?;
        }
        writer.shutdown().await
    });
    let (mut received, mut wrong) = (0usize, 0usize);
    let mut buffer = vec![0; 65_536];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        wrong += buffer[..count].iter().zip(received..).filter(|(byte, at)| **byte != *at as u8).count();
        received += count;
    }
    write.await??;
    Ok(json!({ "received": received, "wrong": wrong, "ms": start.elapsed().as_millis() as u64 }))
}

/// A port where nobody listens.
pub(crate) async fn refused(p: &Parameters) -> Outcome {
    let result = TcpStream::connect(p.address()).await;
    Ok(json!({ "result": kind(&result) }))
}

/// An address that is not granted.
pub(crate) async fn denied(p: &Parameters) -> Outcome {
    let connect = TcpStream::connect(p.address()).await;
    let listen = TcpListener::bind(p.address()).await;
    Ok(json!({ "connect": kind(&connect), "listen": kind(&listen) }))
}

/// Listens, connects to itself, and echoes.
pub(crate) async fn listen(p: &Parameters) -> Outcome {
    let listener = TcpListener::bind(p.address()).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let (mut stream, peer) = listener.accept().await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        stream.write_all(&all).await?;
        io::Result::Ok(peer)
    });
    let mut client = TcpStream::connect(address).await?;
    let local = client.local_addr()?;
    client.write_all(b"abc").await?;
    client.shutdown().await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    let peer = server.await??;
    Ok(json!({ "answer": answer, "peer_is_client": peer == local, "address": address.to_string() }))
}

/// Against a server that reads to the end and then answers: writing ends, reading goes on.
pub(crate) async fn half_close(p: &Parameters) -> Outcome {
    let (mut reader, mut writer) = TcpStream::connect(p.address()).await?.into_split();
    writer.write_all(b"all of it").await?;
    writer.shutdown().await?;
    let late = writer.write_all(b"more").await;
    let mut answer = String::new();
    reader.read_to_string(&mut answer).await?;
    Ok(json!({ "answer": answer, "late_write": kind(&late) }))
}

/// Against a server that resets the connection after the first byte.
pub(crate) async fn reset(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address()).await?;
    stream.write_all(b"x").await?;
    let mut buffer = [0; 16];
    let read = timeout(Duration::from_secs(3), stream.read(&mut buffer)).await?;
    let bytes = read.as_ref().ok().copied();
    let mut write = Ok(());
    for _ in 0..20 {
        write = stream.write_all(b"y").await;
        if write.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(json!({ "read": kind(&read), "bytes": bytes, "write": kind(&write), "peer": kind(&stream.peer_addr()) }))
}

/// Against an echo server: a read that is dropped loses nothing.
pub(crate) async fn cancel(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address()).await?;
    let mut buffer = [0; 8];
    let mut cancelled = 0;
    for _ in 0..20 {
        if timeout(Duration::from_millis(2), stream.read(&mut buffer)).await.is_err() {
            cancelled += 1;
        }
    }
    stream.write_all(b"late").await?;
    stream.read_exact(&mut buffer[..4]).await?;
    Ok(json!({ "cancelled": cancelled, "answer": String::from_utf8_lossy(&buffer[..4]) }))
}

/// Connects that never succeed, dropped by a timeout.
pub(crate) async fn connect_timeout(p: &Parameters) -> Outcome {
    let mut timed_out = 0;
    for _ in 0..p.count.unwrap_or(20) {
        timed_out += usize::from(timeout(Duration::from_millis(5), TcpStream::connect(p.address())).await.is_err());
    }
    Ok(json!({ "timed_out": timed_out }))
}

/// `count` connections to an echo server, all open at once.
pub(crate) async fn many(p: &Parameters) -> Outcome {
    let start = Instant::now();
    let count = p.count.unwrap_or(1000);
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(TcpStream::connect(p.address()).await?);
    }
    let connected = start.elapsed();
    for (n, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&(n as u32).to_le_bytes()).await?;
    }
    let mut right = 0;
    for (n, stream) in streams.iter_mut().enumerate() {
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        right += usize::from(u32::from_le_bytes(answer) == n as u32);
    }
    let (connect_ms, ms) = (connected.as_millis() as u64, start.elapsed().as_millis() as u64);
    Ok(json!({ "right": right, "connect_ms": connect_ms, "ms": ms, "memory": memory() }))
}

/// `count` connections to an echo server, one after the other: memory must not grow.
pub(crate) async fn churn(p: &Parameters) -> Outcome {
    let count = p.count.unwrap_or(2000);
    let mut after_a_tenth = 0;
    for n in 0..count as u32 {
        let mut stream = TcpStream::connect(p.address()).await?;
        stream.write_all(&n.to_le_bytes()).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if n as usize == count / 10 {
            after_a_tenth = memory();
        }
    }
    Ok(json!({ "count": count, "memory_before": after_a_tenth, "memory_after": memory() }))
}

/// Against a server that sends without end: what is not read must not pile up.
pub(crate) async fn slow_reader(p: &Parameters) -> Outcome {
    let mut stream = TcpStream::connect(p.address()).await?;
    let mut byte = [0; 1];
    stream.read_exact(&mut byte).await?;
    let before = memory();
    tokio::time::sleep(Duration::from_millis(p.ms.unwrap_or(300))).await;
    Ok(json!({ "memory_before": before, "memory_after": memory() }))
}

/// Listens on `port` and accepts `count` connections slowly, whatever the number of those that wait.
pub(crate) async fn accept_flood(p: &Parameters) -> Outcome {
    let listener = TcpListener::bind(p.address()).await?;
    let mut accepted = 0;
    while accepted < p.count.unwrap_or(100) {
        let (mut stream, _) = timeout(Duration::from_secs(5), listener.accept()).await??;
        stream.write_all(b"hi").await?;
        accepted += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(json!({ "accepted": accepted }))
}

/// std's own blocking sockets cannot work: they must say so, not stand still.
pub(crate) fn std_blocking(p: &Parameters) -> Outcome {
    let mut stream = std::net::TcpStream::connect(p.address())?;
    stream.write_all(b"x")?;
    let count = stream.read(&mut [0; 1])?;
    Ok(json!({ "read": count }))
}

/// Bytes of linear memory.
fn memory() -> u64 {
    #[cfg(target_family = "wasm")]
    {
        core::arch::wasm32::memory_size::<0>() as u64 * 65_536
    }
    #[cfg(not(target_family = "wasm"))]
    {
        0
    }
}
