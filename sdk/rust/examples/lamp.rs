//! A lamp without hardware: the provider that the SDK's own tests run as a process, from its hello to its end.

use igloo::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(serde::Deserialize)]
struct Config {
    name: String,
}

struct Lamp {
    home: Home,
    switch: Component<kinds::Switch>,
    button: Component<kinds::Button>,
    end: tokio::sync::Notify,
}

impl Provider for Lamp {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut lamp = Device::new("lamp-1", config.name);
        let switch = lamp.entity("bulb", "Bulb").light().switch().writable();
        let button = lamp.entity("button", "Button").button().events(["press"]);
        home.describe(lamp)?;
        switch.write(false)?;
        Ok(Self { home, switch, button, end: tokio::sync::Notify::new() })
    }

    async fn run(&self) -> igloo::Result<()> {
        self.end.notified().await;
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let on = command.asks(&self.switch).ok_or_else(|| CommandError::rejected("only the switch"))?;
        self.switch.write(on)?;
        Ok(())
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        Ok(match name {
            "press" => json!(self.button.emit("press").map_err(|error| error.to_string())),
            "available" => json!(self.home.set_available("lamp-1", parameters == true)),
            "store" => {
                let store = self.home.store();
                store.set_json("key", &parameters).await.map_err(CommandError::rejected)?;
                store.get_json("key").await.map_err(CommandError::rejected)?.unwrap_or_default()
            }
            "resolve" => json!(igloo::net::resolve("lamp.local").await.map_err(|error| error.to_string())),
            "fetch" => {
                let answer = igloo::http::get("http://lamp.local/").timeout(Duration::from_secs(20)).send().await;
                json!(answer.and_then(igloo::http::Response::text).map_err(|error| error.to_string()))
            }
            "serial" => serial().await.map_err(|error| CommandError::rejected(format_args!("{error}")))?,
            "thread" => {
                let sum = tokio::task::spawn_blocking(|| {
                    igloo::info!("from a thread");
                    1 + 1
                });
                json!(sum.await.ok())
            }
            #[allow(clippy::panic, reason = "as a mistake would")]
            "panic" => panic!("as asked"),
            "end" => {
                self.end.notify_one();
                Json::Null
            }
            other => return Err(CommandError::rejected(format_args!("there is no action `{other}`"))),
        })
    }

    async fn stop(&self) {
        igloo::info!("good night");
    }
}

/// What arrives is echoed until the port goes away: how much that was, and why it ended.
async fn serial() -> igloo::Result<Json> {
    let mut port = igloo::serial::open("meter", igloo::serial::Settings::new(9600)).await?;
    let lines = port.lines().await?;
    let (mut count, mut buffer) = (0, [0; 256]);
    let end = loop {
        match port.read(&mut buffer).await {
            Ok(0) => break "end".to_owned(),
            Ok(read) => {
                count += read;
                port.write_all(&buffer[..read]).await?;
                port.flush().await?;
            }
            Err(error) => break error.to_string(),
        }
    };
    Ok(json!({ "count": count, "end": end, "clear": lines.clear_to_send }))
}

igloo::provider!(Lamp);
