//! A lamp that speaks lines over TCP: it takes `on` and `off`, and says `on` or `off` whenever it changed.

use std::{net::SocketAddr, time::Duration};

use igloo::prelude::*;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::Mutex,
};

#[derive(serde::Deserialize)]
struct Config {
    address: SocketAddr,
}

struct Lamp {
    home: Home,
    address: SocketAddr,
    switch: Component<kinds::Switch>,
    /// Where commands go, while there is a connection.
    line: Mutex<Option<OwnedWriteHalf>>,
}

impl Provider for Lamp {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut device = Device::new("lamp", "Desk lamp").manufacturer("Acme");
        let switch = device.entity("bulb", "Bulb").light().switch().writable();
        home.describe(device)?;
        home.set_available("lamp", false);
        Ok(Self { home, address: config.address, switch, line: Mutex::default() })
    }

    async fn run(&self) -> igloo::Result<()> {
        loop {
            if let Err(error) = self.listen().await {
                igloo::warn!("the lamp is gone: {error}");
            }
            self.home.set_available("lamp", false);
            *self.line.lock().await = None;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let Some(on) = command.asks(&self.switch) else {
            return Err(CommandError::rejected("only the switch can be set"));
        };
        let mut line = self.line.lock().await;
        let line = line.as_mut().ok_or(CommandError::Unavailable)?;
        line.write_all(if on { b"on\n" } else { b"off\n" }).await?;
        Ok(())
    }
}

impl Lamp {
    /// Connects, and reports what the lamp says until it says no more.
    async fn listen(&self) -> igloo::Result<()> {
        let stream = TcpStream::connect(self.address).await.context("connecting")?;
        let (lines, line) = stream.into_split();
        *self.line.lock().await = Some(line);
        self.home.set_available("lamp", true);
        let mut lines = BufReader::new(lines).lines();
        while let Some(line) = lines.next_line().await? {
            match line.as_str() {
                "on" => self.switch.write(true)?,
                "off" => self.switch.write(false)?,
                other => igloo::debug!("not understood: {other}"),
            }
        }
        Ok(())
    }
}

igloo::provider!(Lamp);
