//! Ordinary tokio on the network. The same functions run in a component and natively, beside each other: `bench/` has
//! this very file as a module, because the SDK as its dependency would have wasmtime compiled anew for it.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends this many bytes through an echo server, both ways at once, and answers how long that took.
pub(crate) async fn echo(address: SocketAddr, bytes: usize) -> io::Result<Duration> {
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let began = Instant::now();
    let write = tokio::spawn(async move {
        let chunk = vec![7; 64 * 1024];
        for _ in 0..bytes / chunk.len() {
            writer.write_all(&chunk).await?;
        }
        writer.shutdown().await
    });
    let mut received = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        received += count;
    }
    write.await??;
    if received != bytes {
        return Err(io::Error::other(format!("{received} of {bytes} bytes came back")));
    }
    Ok(began.elapsed())
}

/// Connects, echoes and closes this many times, one after the other.
pub(crate) async fn cycles(address: SocketAddr, count: u32) -> io::Result<Duration> {
    let began = Instant::now();
    for n in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&n.to_le_bytes()).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if answer != n.to_le_bytes() {
            return Err(io::Error::other("another number came back"));
        }
    }
    Ok(began.elapsed())
}

/// What a driver does all day: so many connections with an exchange every few milliseconds, and a timer. It ends with an
/// error only.
pub(crate) async fn work(address: SocketAddr, connections: u32) -> io::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            let mut every = tokio::time::interval(Duration::from_millis(5));
            let mut buffer = [0; 64];
            loop {
                every.tick().await;
                stream.write_all(&[1; 64]).await?;
                stream.read_exact(&mut buffer).await?;
            }
        });
    }
    match tasks.join_next().await {
        Some(ended) => ended.map_err(io::Error::other)?,
        None => Ok(()),
    }
}
