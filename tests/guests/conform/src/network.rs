//! Sockets by tokio, names, HTTP, discovery.

use crate::{Outcome, Parameters};
use igloo::{
    Json,
    discovery::{self, Browser, DiscoveryError, Finding},
    json,
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Mutex,
    time::timeout,
};

/// What is looked for, at most one thing.
pub(crate) type Browsing = Mutex<Option<Browser>>;

/// Longer than anything granted takes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn case(name: &str, p: &Parameters, browsing: &Browsing) -> Outcome {
    Ok(match name {
        "tcp" => told(timeout(PATIENCE, async { ask(TcpStream::connect(&p.name).await?, &p.text).await }).await?),
        "connect" => told(timeout(PATIENCE, async { ask(igloo::net::connect(&p.name).await?, &p.text).await }).await?),
        "listen" => told(TcpListener::bind(&p.name).await.map(|_| String::from("listens"))),
        "udp" => told(udp(p).await),
        "resolve" => told(igloo::net::resolve(&p.name).await.map(|all| format!("{all:?}"))),
        "http" => http(p).await,
        "browse" => begin(discovery::browse(&p.name).await, browsing).await,
        "search" => begin(discovery::search(&p.name).await, browsing).await,
        "next-finding" => match &mut *browsing.lock().await {
            Some(browser) => finding(browser.next().await),
            None => json!("nothing is looked for"),
        },
        _ => return Err(igloo::Error::new(format_args!("no such case: {name}"))),
    })
}

/// Sends a text and reads as much.
async fn ask(mut stream: TcpStream, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn udp(p: &Parameters) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.send_to(p.text.as_bytes(), &p.name).await?;
    let mut buffer = [0; 1500];
    let (count, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await??;
    Ok(String::from_utf8_lossy(&buffer[..count]).into_owned())
}

/// A `POST` of the text, or a `GET` if there is none.
async fn http(p: &Parameters) -> Json {
    let request =
        if p.text.is_empty() { igloo::http::get(&p.url) } else { igloo::http::post(&p.url).body(p.text.as_str()) };
    let limit = if p.count == 0 { 1 << 20 } else { p.count };
    match request.header("x-case", "conform").timeout(PATIENCE).limit(limit).send().await {
        Ok(response) => {
            let header = |name: &str| response.header(name).map(str::to_owned);
            let (kind, location) = (header("content-type"), header("location"));
            let size = response.body.len();
            let text = String::from_utf8_lossy(&response.body[..size.min(100)]).into_owned();
            json!({ "status": response.status, "type": kind, "location": location, "size": size, "text": text })
        }
        Err(error) => json!({ "error": format!("{error:?}") }),
    }
}

async fn begin(browser: Result<Browser, DiscoveryError>, browsing: &Browsing) -> Json {
    match browser {
        Ok(browser) => {
            *browsing.lock().await = Some(browser);
            json!("begun")
        }
        Err(error) => json!(format!("{error:?}")),
    }
}

fn finding(finding: Option<Finding>) -> Json {
    match finding {
        Some(Finding::Found(service)) => json!({ "found": {
            "kind": service.kind,
            "name": service.name,
            "host": service.host,
            "port": service.port,
            "addresses": service.addresses,
            "colour": service.text("colour"),
        } }),
        Some(Finding::Lost { kind, name }) => json!({ "lost": { "kind": kind, "name": name } }),
        Some(Finding::DeviceFound(device)) => {
            json!({ "device": { "target": device.target, "usn": device.usn, "location": device.location } })
        }
        other => json!(format!("{other:?}")),
    }
}

/// `{"ok": …}`, or the error's kind.
fn told(result: io::Result<String>) -> Json {
    match result {
        Ok(text) => json!({ "ok": text }),
        Err(error) => json!({ "error": format!("{:?}", error.kind()) }),
    }
}
