//! What the contract promises a provider. Each action or command is a part of a case, and answers with what happened;
//! `tests/conformance` says what should have. The same for every engine: there is no `cfg` here.

mod network;
mod serial;
mod store;

use igloo::prelude::*;
use std::{
    cell::{Cell, RefCell},
    future::pending,
    time::Duration,
};

/// What the whole provider does.
#[derive(serde::Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Life {
    Good,
    /// `new` ends, and commands are never let in.
    NeverReady,
    /// `run` fails when the switch `end` is asked for.
    Fail,
    /// `run` returns when the switch `end` is asked for.
    Finish,
    /// `stop` never returns.
    IgnoreStop,
}

#[derive(serde::Deserialize)]
struct Config {
    life: Life,
    devices: Vec<String>,
    greeting: String,
}

/// What an action is told: one object for all of them.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(crate) struct Parameters {
    pub(crate) available: bool,
    pub(crate) count: usize,
    pub(crate) device: String,
    pub(crate) how: String,
    pub(crate) key: String,
    pub(crate) ms: u64,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) url: String,
}

/// What an action answers.
pub(crate) type Outcome = igloo::Result<Json>;

struct Conform {
    home: Home,
    life: Life,
    greeting: String,
    port: serial::Port,
    count: Component<kinds::Count>,
    text: Component<kinds::Text>,
    temperature: Component<kinds::Dynamic>,
    unknown: Component<kinds::Dynamic>,
    button: Component<kinds::Button>,
    presses: Component<kinds::Count>,
    switches: Vec<Component<kinds::Switch>>,
    ticks: Cell<u64>,
    under_way: Cell<u32>,
    most_under_way: Cell<u32>,
    /// Entities and values of commands in the order in which they started.
    started: RefCell<Vec<(String, Json)>>,
    end: tokio::sync::Notify,
    browsing: network::Browsing,
}

/// A command to the switch of one of these does what its name says.
const SWITCHES: [&str; 9] = ["plain", "slow", "other", "hang", "reject", "busy", "unavailable", "fail", "end"];

impl Provider for Conform {
    type Config = Config;

    const READY: Ready = Ready::Manual;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut device = Device::new("conform", "Conform");
        let switches = SWITCHES.map(|id| device.entity(id, id).switch().writable()).into();
        let count = device.entity("count", "Count").count().writable();
        let text = device.entity("text", "Text").text();
        let temperature = device.entity("temperature", "Temperature").component("temperature");
        let unknown = device.entity("unknown", "Unknown").component("acme-frobnication").attribute("acme-size", 3);
        let button = device.entity("button", "Button").button().events(["press", "double-press"]);
        let presses = device.entity("button", "Button").count();
        home.describe(device)?;
        for id in &config.devices {
            describe(&home, id)?;
        }
        home.complete();
        if config.life != Life::NeverReady {
            home.ready();
        }
        Ok(Self {
            home,
            life: config.life,
            greeting: config.greeting,
            port: serial::Port::default(),
            count,
            text,
            temperature,
            unknown,
            button,
            presses,
            switches,
            ticks: Cell::new(0),
            under_way: Cell::new(0),
            most_under_way: Cell::new(0),
            started: RefCell::default(),
            end: tokio::sync::Notify::new(),
            browsing: network::Browsing::default(),
        })
    }

    /// Ticks on, whatever else is asked.
    async fn run(&self) -> igloo::Result<()> {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        loop {
            tokio::select! {
                _ = interval.tick() => self.ticks.set(self.ticks.get() + 1),
                () = self.end.notified() => break,
            }
        }
        match self.life {
            Life::Fail => Err(igloo::Error::new("conform: the device's firmware is too old")),
            _ => Ok(()),
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let value = match &command.changes[0].value {
            Value::Boolean(on) => json!(on),
            Value::Integer(count) => json!(count),
            other => json!(format!("{other:?}")),
        };
        self.started.borrow_mut().push((command.entity.clone(), value));
        self.under_way.set(self.under_way.get() + 1);
        self.most_under_way.set(self.most_under_way.get().max(self.under_way.get()));
        let outcome = self.carry_out(&command).await;
        self.under_way.set(self.under_way.get() - 1);
        outcome
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        if name == "echo" {
            return Ok(parameters);
        }
        let p: Parameters = match parameters {
            Json::Null => Parameters::default(),
            parameters => igloo::serde_json::from_value(parameters)?,
        };
        if name == "fail" {
            return Err(failure(&p.how).await);
        }
        Ok(self.case(name, &p).await?)
    }

    async fn stop(&self) {
        igloo::info!("goodbye");
        if self.life == Life::IgnoreStop {
            pending::<()>().await;
        }
    }
}

impl Conform {
    async fn carry_out(&self, command: &Command) -> Result<(), CommandError> {
        match command.entity.as_str() {
            "slow" | "other" => tokio::time::sleep(Duration::from_millis(100)).await,
            "end" => {
                self.end.notify_one();
                pending::<()>().await;
            }
            "hang" | "reject" | "busy" | "unavailable" | "fail" => return Err(failure(&command.entity).await),
            _ => {}
        }
        if let Some(count) = command.asks(&self.count) {
            // The earlier ones take longer: what starts in order would end in another, were it not for the order.
            tokio::time::sleep(Duration::from_millis(20u64.saturating_sub(count.unsigned_abs()))).await;
            self.count.write(count)?;
        }
        for switch in &self.switches {
            if let Some(on) = command.asks(switch) {
                switch.write(on)?;
            }
        }
        Ok(())
    }

    async fn case(&self, name: &str, p: &Parameters) -> Outcome {
        match name {
            "ticks" => Ok(json!(self.ticks.get())),
            "started" => Ok(json!(*self.started.borrow())),
            "overlap" => Ok(json!(self.most_under_way.get())),
            "sleep" => {
                tokio::time::sleep(Duration::from_millis(p.ms)).await;
                Ok(json!("slept"))
            }
            "burst" => {
                for n in 1..=i64::try_from(p.count)? {
                    self.count.write(n)?;
                }
                Ok(Json::Null)
            }
            "bad-writes" => Ok(self.bad_writes()),
            "undescribed" => Ok(self.undescribed(&p.device)),
            "events" => self.events(p.count),
            "unlisted-event" => Ok(json!(self.button.emit("triple-press").map_err(|error| error.to_string()).err())),
            "log" => {
                (0..p.count).for_each(|n| igloo::info!("line {n}"));
                Ok(Json::Null)
            }
            "available" => Ok(json!(self.home.set_available("conform", p.available))),
            "describe" => describe(&self.home, &p.device).map(|()| Json::Null),
            "remove" => Ok(json!(self.home.remove(&p.device))),
            "config" => Ok(json!({ "greeting": self.greeting, "all": self.home.config()? })),
            _ if name.starts_with("store-") => store::case(name, p, &self.home).await,
            _ if name.starts_with("serial-") => serial::case(name, p, &self.port).await,
            _ => network::case(name, p, &self.browsing).await,
        }
    }

    /// The 2nd, 4th, 5th and 6th are bad.
    fn bad_writes(&self) -> Json {
        let mut stray = Device::new("stray", "Stray");
        let stray = stray.entity("x", "X").real();
        let written = self.home.write([
            self.temperature.to(21.5),
            self.temperature.to("warm"),
            self.text.to("fine"),
            self.text.to("x".repeat(1 << 20)),
            stray.to(1.0),
            self.temperature.to(f64::NAN),
            self.unknown.to("anything"),
        ]);
        let refused = written.err().map(|error| error.refused).unwrap_or_default();
        json!(refused.iter().map(|(index, name, why)| json!([index, name, format!("{why:?}")])).collect::<Vec<_>>())
    }

    fn undescribed(&self, device: &str) -> Json {
        json!({
            "removed": self.home.remove(device),
            "available": self.home.set_available(device, false),
        })
    }

    /// A write after each event says how many there were.
    fn events(&self, count: usize) -> Outcome {
        let mut lost = 0;
        let mut overflow = String::new();
        for n in 0..count {
            let event = if n % 2 == 0 { "press" } else { "double-press" };
            if let Err(error) = self.button.emit_with(event, i64::try_from(n)?) {
                lost += 1;
                overflow = error.to_string();
            }
        }
        self.presses.write(i64::try_from(count)?)?;
        Ok(json!({ "lost": lost, "overflow": overflow }))
    }
}

/// A device with nothing but a switch.
fn describe(home: &Home, id: &str) -> igloo::Result<()> {
    let mut device = Device::new(id, id);
    let _ = device.entity("switch", "Switch").switch();
    Ok(home.describe(device)?)
}

/// Not to succeed, as a name says.
async fn failure(how: &str) -> CommandError {
    match how {
        "hang" => pending().await,
        "busy" => CommandError::Busy,
        "unavailable" => CommandError::Unavailable,
        "fail" => CommandError::Other { code: String::from("jammed"), text: String::from("the blind is jammed") },
        _ => CommandError::rejected("conform: will not"),
    }
}

igloo::provider!(Conform);
