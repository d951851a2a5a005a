//! Measures the way of a command and of writes: one switch, a hundred reals, a button; and the network.

mod net;

use igloo::{EmitError, Update, prelude::*};
use std::{net::SocketAddr, time::Instant};

struct Bench {
    work: Option<SocketAddr>,
    home: Home,
    switch: Component<kinds::Switch>,
    button: Component<kinds::Button>,
    reals: Vec<Component<kinds::Real>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Config {
    /// Of an echo server to work with all the time, on ten connections.
    work: Option<SocketAddr>,
}

#[derive(serde::Deserialize)]
struct Network {
    address: SocketAddr,
    count: u32,
}

#[derive(serde::Deserialize)]
#[serde(default)]
struct Flood {
    count: usize,
    batch: usize,
}

impl Default for Flood {
    fn default() -> Self {
        Self { count: 100_000, batch: 100 }
    }
}

impl Provider for Bench {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut device = Device::new("bench", "Bench");
        let switch = device.entity("switch", "Switch").switch().writable();
        let button = device.entity("button", "Button").button().events(["press"]);
        let reals = (0..100).map(|n| device.entity(format!("real-{n}"), format!("Real {n}")).real()).collect();
        home.describe(device)?;
        Ok(Self { work: config.work, home, switch, button, reals })
    }

    async fn run(&self) -> igloo::Result<()> {
        match self.work {
            Some(address) => Ok(net::work(address, 10).await?),
            None => std::future::pending().await,
        }
    }

    /// The shortest useful command: one write back, then `ok`.
    async fn command(&self, command: Command) -> Result<(), CommandError> {
        if let Some(on) = command.switch() {
            self.switch.write(on)?;
        }
        Ok(())
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        if let "echo" | "cycles" = name {
            let Network { address, count } = igloo::serde_json::from_value(parameters)?;
            let took = match name {
                "echo" => net::echo(address, count as usize).await?,
                _ => net::cycles(address, count).await?,
            };
            return Ok(json!({ "elapsed_ns": took.as_nanos() as u64 }));
        }
        let Flood { count, batch } = igloo::serde_json::from_value(parameters)?;
        match name {
            "flood" => {
                let start = Instant::now();
                let mut written = 0;
                while written < count {
                    let list = (written..(written + batch).min(count)).map(|n| self.update(n));
                    self.home.write(list)?;
                    written += batch;
                }
                Ok(json!({ "elapsed_ns": start.elapsed().as_nanos() as u64 }))
            }
            "emit" => {
                let start = Instant::now();
                let mut lost = 0;
                for _ in 0..count {
                    match self.button.emit("press") {
                        Ok(()) => {}
                        Err(EmitError::Overflow(_)) => lost += 1,
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(json!({ "elapsed_ns": start.elapsed().as_nanos() as u64, "lost": lost }))
            }
            _ => Err(CommandError::rejected("no such action")),
        }
    }
}

impl Bench {
    fn update(&self, n: usize) -> Update {
        self.reals[n % self.reals.len()].to(n as f64)
    }
}

igloo::provider!(Bench);
