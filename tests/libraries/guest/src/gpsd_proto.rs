//! Where gpsd says that we are.

use crate::{Outcome, Parameters};
use gpsd_proto::{ENABLE_WATCH_CMD, Mode, UnifiedResponse};
use igloo::{Context as _, json, serde_json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut stream = BufReader::new(TcpStream::connect(p.address).await?);
    stream.write_all(ENABLE_WATCH_CMD.as_bytes()).await?;
    let mut lines = stream.lines();
    let mut protocol = None;
    loop {
        let line = lines.next_line().await?.context("a line")?;
        match serde_json::from_str(&line)? {
            UnifiedResponse::Version(version) => protocol = Some(version.proto_major),
            UnifiedResponse::Tpv(fix) if matches!(fix.mode, Mode::Fix3d) && fix.time.is_some() => {
                return Ok(json!({ "protocol": protocol, "place": [fix.lat, fix.lon], "time": fix.time }));
            }
            _ => {}
        }
    }
}
