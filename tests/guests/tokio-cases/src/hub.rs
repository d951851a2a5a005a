//! What comes from the hub: names, HTTP, serial ports, the store, the private directory, the environment.

use crate::{Outcome, Parameters};
use igloo::{
    Context as _, Home, json,
    serial::{Buffers, ControlLines, Settings},
};
use std::{fs, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Against an echo server, by `name` and `port`.
pub(crate) async fn connect_name(p: &Parameters) -> Outcome {
    let name = p.name.as_deref().context("name")?;
    let mut stream = igloo::net::connect(&format!("{name}:{}", p.port)).await?;
    stream.write_all(b"named").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    Ok(json!({ "answer": String::from_utf8_lossy(&answer), "peer": stream.peer_addr()?.to_string() }))
}

/// The same as any crate does it: by tokio, with the name.
pub(crate) async fn tokio_connect_name(p: &Parameters) -> Outcome {
    let name = p.name.as_deref().context("name")?;
    let mut stream = match tokio::net::TcpStream::connect((name, p.port)).await {
        Ok(stream) => stream,
        Err(error) => return Ok(json!({ "error": error.to_string() })),
    };
    stream.write_all(b"named").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    let all: Vec<_> = tokio::net::lookup_host(format!("{name}:{}", p.port)).await?.map(|a| a.to_string()).collect();
    Ok(json!({ "answer": String::from_utf8_lossy(&answer), "all": all }))
}

/// std's own lookup, `count` times with a pause: the first cannot wait for its answer.
pub(crate) async fn std_lookup(p: &Parameters) -> Outcome {
    let mut answers = Vec::new();
    for _ in 0..p.count.unwrap_or(2) {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(p.name.as_deref().context("name")?, p.port));
        answers.push(found.map_or_else(|e| e.to_string(), |found| format!("{:?}", found.collect::<Vec<_>>())));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(json!({ "answers": answers }))
}

pub(crate) async fn resolve(p: &Parameters) -> Outcome {
    Ok(match igloo::net::resolve(p.name.as_deref().context("name")?).await {
        Ok(addresses) => json!({ "addresses": addresses.iter().map(ToString::to_string).collect::<Vec<_>>() }),
        Err(error) => json!({ "error": format!("{:?}", error.kind()), "text": error.to_string() }),
    })
}

/// A request to `url`; with a `name`, a `POST` of it.
pub(crate) async fn http(p: &Parameters) -> Outcome {
    let url = p.url.as_deref().context("url")?;
    let request = match &p.name {
        Some(body) => igloo::http::post(url).body(body.as_str()),
        None => igloo::http::get(url),
    };
    let limit = p.count.unwrap_or(1 << 20);
    Ok(match request.limit(limit).timeout(Duration::from_secs(5)).send().await {
        Ok(response) => json!({ "status": response.status, "body": response.text()? }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// Writes to a port and reads the same back.
pub(crate) async fn serial_echo(p: &Parameters) -> Outcome {
    let slot = p.slot.as_deref().unwrap_or("port");
    igloo::serial::wait_present(slot).await?;
    let mut port = igloo::serial::open(slot, Settings::new(115_200)).await?;
    let size = p.count.unwrap_or(1000);
    let sent: Vec<u8> = (0..size).map(|n| n as u8).collect();
    let mut received = vec![0; size];
    let (mut reader, mut writer) = tokio::io::split(&mut port);
    let both = async { tokio::try_join!(writer.write_all(&sent), reader.read_exact(&mut received)) };
    tokio::time::timeout(Duration::from_secs(10), both).await??;
    port.drain().await?;
    port.configure(Settings::new(9600)).await?;
    let lines = port.set_lines(ControlLines { data_terminal_ready: Some(true), request_to_send: None }).await;
    let modem = port.lines().await;
    port.discard(Buffers::Both).await?;
    let again = igloo::serial::open(slot, Settings::new(9600)).await;
    let slots = igloo::serial::slots();
    Ok(json!({
        "same": sent == received,
        "set_lines": lines.is_ok(),
        "lines": modem.map_or_else(|e| e.to_string(), |_| "ok".to_owned()),
        "second_open": again.map_or_else(|e| e.to_string(), |_| "ok".to_owned()),
        "slots": slots.iter().map(|slot| slot.name.clone()).collect::<Vec<_>>(),
    }))
}

/// Reads until the port ends or goes away.
pub(crate) async fn serial_until_gone(p: &Parameters) -> Outcome {
    let mut port = igloo::serial::open(p.slot.as_deref().unwrap_or("port"), Settings::new(115_200)).await?;
    let mut all = Vec::new();
    let end = match port.read_to_end(&mut all).await {
        Ok(_) => "end".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    Ok(json!({ "bytes": all.len(), "end": end }))
}

pub(crate) async fn store(home: &Home) -> Outcome {
    let store = home.store();
    store.set("case/a", "1").await?;
    store.set_json("case/b", &json!({ "n": 2 })).await?;
    let a = store.get("case/a").await?;
    let b: Option<igloo::Json> = store.get_json("case/b").await?;
    let keys = store.keys("case/").await?;
    store.delete("case/a").await?;
    let gone = store.get("case/a").await?.is_none();
    let too_large = store.set("case/c", vec![0; 2 << 20]).await;
    Ok(json!({
        "a": a.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "b": b,
        "keys": keys,
        "gone": gone,
        "too_large": too_large.err().map(|error| error.to_string()),
    }))
}

/// tokio's files, which take its blocking tasks.
pub(crate) async fn tokio_files() -> Outcome {
    tokio::fs::write("/data/async", "kept").await?;
    let text = tokio::fs::read_to_string("/data/async").await?;
    tokio::fs::remove_file("/data/async").await?;
    Ok(json!({ "text": text }))
}

/// The private directory is all there is.
pub(crate) fn files() -> Outcome {
    fs::create_dir_all("/data/case")?;
    fs::write("/data/case/file", "kept")?;
    let text = fs::read_to_string("/data/case/file")?;
    let names: Vec<String> = fs::read_dir("/data/case")?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    fs::remove_dir_all("/data/case")?;
    let kind = |result: std::io::Result<String>| result.map_or_else(|e| format!("{:?}", e.kind()), |_| "ok".to_owned());
    Ok(json!({
        "text": text,
        "names": names,
        "passwd": kind(fs::read_to_string("/etc/passwd")),
        "above": kind(fs::read_to_string("/data/../etc/passwd")),
    }))
}

#[allow(clippy::unnecessary_wraps, reason = "it is a case as the others are")]
pub(crate) fn environment() -> Outcome {
    Ok(json!({
        "variables": std::env::vars().count(),
        "arguments": std::env::args().count(),
        "directory": std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default(),
    }))
}
