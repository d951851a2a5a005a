//! What ordinary tokio code meets in a component: each action is one case and answers with what happened.
//!
//! The parameters are one object for all cases: `port` of a server on the loopback interface, `host` instead of
//! 127.0.0.1, `slot` of a serial port, `count`, `url`, `name`.

mod discovery;
mod hub;
mod tcp;
mod time;
mod udp;

use igloo::prelude::*;
use std::{cell::Cell, time::Duration};

struct Cases {
    home: Home,
    ticks: Cell<u64>,
    waiting: Cell<u32>,
    most_waiting: Cell<u32>,
    switch: Component<kinds::Switch>,
    browsers: discovery::Browsing,
}

/// What a case is told.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(crate) struct Parameters {
    pub(crate) port: u16,
    pub(crate) host: Option<String>,
    pub(crate) slot: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) count: Option<usize>,
    pub(crate) ms: Option<u64>,
}

impl Parameters {
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host.as_deref().unwrap_or("127.0.0.1"), self.port)
    }
}

/// What a case answers.
pub(crate) type Outcome = igloo::Result<Json>;

impl Provider for Cases {
    type Config = ();

    async fn new(home: Home, (): ()) -> igloo::Result<Self> {
        let mut device = Device::new("cases", "Cases");
        let switch = device.entity("switch", "Switch").switch().writable();
        home.describe(device)?;
        Ok(Self {
            home,
            ticks: Cell::new(0),
            waiting: Cell::new(0),
            most_waiting: Cell::new(0),
            switch,
            browsers: discovery::Browsing::default(),
        })
    }

    /// Ticks on, whatever the cases do.
    async fn run(&self) -> igloo::Result<()> {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        loop {
            interval.tick().await;
            self.ticks.set(self.ticks.get() + 1);
        }
    }

    /// Takes 50 ms and remembers how many took them at the same time.
    async fn command(&self, command: Command) -> Result<(), CommandError> {
        self.waiting.set(self.waiting.get() + 1);
        self.most_waiting.set(self.most_waiting.get().max(self.waiting.get()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.waiting.set(self.waiting.get() - 1);
        if let Some(on) = command.asks(&self.switch) {
            self.switch.write(on)?;
        }
        Ok(())
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        let p: Parameters = igloo::serde_json::from_value(parameters)?;
        let outcome = match name {
            "ticks" => Ok(json!({ "ticks": self.ticks.get() })),
            "most-waiting" => Ok(json!({ "most": self.most_waiting.get() })),
            "timers" => time::timers().await,
            "sleep" => time::sleep(&p).await,
            "busy" => time::busy(&p).await,
            "spawn-blocking" => time::spawn_blocking().await,
            "blocking-sleep" => time::blocking_sleep().await,
            "thread-spawn" => time::thread_spawn(&p),
            "thread-sleep" => time::thread_sleep(),
            "tcp-echo" => tcp::echo(&p).await,
            "tcp-bulk" => tcp::bulk(&p).await,
            "tcp-refused" => tcp::refused(&p).await,
            "tcp-listen" => tcp::listen(&p).await,
            "tcp-half-close" => tcp::half_close(&p).await,
            "tcp-reset" => tcp::reset(&p).await,
            "tcp-cancel" => tcp::cancel(&p).await,
            "tcp-connect-timeout" => tcp::connect_timeout(&p).await,
            "tcp-many" => tcp::many(&p).await,
            "tcp-churn" => tcp::churn(&p).await,
            "tcp-slow-reader" => tcp::slow_reader(&p).await,
            "tcp-accept-flood" => tcp::accept_flood(&p).await,
            "tcp-denied" => tcp::denied(&p).await,
            "std-blocking" => tcp::std_blocking(&p),
            "udp-echo" => udp::echo(&p).await,
            "udp-pair" => udp::pair(&p).await,
            "udp-flood" => udp::flood(&p).await,
            "udp-refused" => udp::refused(&p).await,
            "connect-name" => hub::connect_name(&p).await,
            "tokio-connect-name" => hub::tokio_connect_name(&p).await,
            "std-lookup" => hub::std_lookup(&p).await,
            "tokio-files" => hub::tokio_files().await,
            "resolve" => hub::resolve(&p).await,
            "http" => hub::http(&p).await,
            "serial-echo" => hub::serial_echo(&p).await,
            "serial-until-gone" => hub::serial_until_gone(&p).await,
            "browse" => discovery::browse(&p, &self.browsers).await,
            "search" => discovery::search(&p, &self.browsers).await,
            "next-finding" => discovery::next(&self.browsers).await,
            "browse-many" => discovery::many(&p).await,
            "stop-browsing" => discovery::stop(&self.browsers).await,
            "store" => hub::store(&self.home).await,
            "files" => hub::files(),
            "environment" => hub::environment(),
            _ => return Err(CommandError::rejected("no such case")),
        };
        Ok(outcome?)
    }
}

igloo::provider!(Cases);
