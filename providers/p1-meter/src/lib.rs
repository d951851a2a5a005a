//! Reads a smart electricity meter's P1 port: `framing` finds telegrams in its bytes, `telegram` reads their lines,
//! `readings` knows what the lines mean, and this module is the device's life: the port comes and goes, every good
//! telegram is written as one, and the meters are unavailable while there is none.

pub mod framing;
pub mod readings;
pub mod telegram;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    convert::Infallible,
    time::Duration,
};

use framing::Framer;
use igloo::prelude::*;
use igloo::serial::{self, Parity, Settings};
use readings::{Meter, Reading, diagnostic};
use serde::Deserialize;
use telegram::Telegram;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, timeout_at};

/// The serial slot of the manifest.
const SLOT: &str = "meter";
/// The wait before the port is opened again doubles from the first to the second while nothing good comes.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the owner sets. See `igloo.toml`.
#[derive(Debug, Deserialize)]
pub struct Config {
    line: Line,
    silence_seconds: u64,
}

/// How a meter talks (DSMR 5.0.2 P1 and DSMR 2.2 P1, chapter 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Line {
    /// Since DSMR 4, with a checksum.
    #[serde(rename = "115200 8N1")]
    Fast,
    /// Before, without one.
    #[serde(rename = "9600 7E1")]
    Slow,
}

impl Line {
    fn settings(self) -> Settings {
        match self {
            Self::Fast => Settings::new(115_200),
            Self::Slow => Settings::new(9600).data_bits(7).parity(Parity::Even),
        }
    }
}

/// The provider.
#[derive(Debug)]
pub struct P1Meter {
    home: Home,
    config: Config,
    known: RefCell<BTreeMap<String, Known>>,
    /// The meters of the telegram before this one.
    before: RefCell<Vec<String>>,
    available: Cell<bool>,
    pause: Cell<Duration>,
    telegrams: Cell<i64>,
    errors: Cell<i64>,
}

/// A meter as it is described to the hub.
#[derive(Debug)]
struct Known {
    device: Device,
    components: BTreeMap<(&'static str, &'static str), Component<kinds::Dynamic>>,
}

impl Provider for P1Meter {
    type Config = Config;

    // Which meters there are is known when they have told it.
    const READY: Ready = Ready::Manual;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        Ok(Self {
            home,
            config,
            known: RefCell::default(),
            before: RefCell::default(),
            available: Cell::new(true),
            pause: Cell::new(PAUSE),
            telegrams: Cell::new(0),
            errors: Cell::new(0),
        })
    }

    async fn run(&self) -> igloo::Result<()> {
        self.home.ready();
        loop {
            let Err(error) = self.listen().await;
            self.set_available(false);
            igloo::warn!("the meter's port: {error}");
            sleep(self.pause.get()).await;
            self.pause.set((self.pause.get() * 2).min(LONGEST_PAUSE));
            serial::wait_present(SLOT).await.context("the meter's port")?;
        }
    }

    async fn command(&self, _: Command) -> Result<(), CommandError> {
        Err(CommandError::rejected("a meter can only be read"))
    }
}

impl P1Meter {
    /// Opens the port and reads telegrams until it goes away.
    async fn listen(&self) -> igloo::Result<Infallible> {
        let mut port = serial::open(SLOT, self.config.line.settings()).await?;
        let mut framer = Framer::new(self.config.line == Line::Fast);
        let silence = Duration::from_secs(self.config.silence_seconds);
        let mut heard = Instant::now();
        let mut bytes = [0; 1024];
        loop {
            let Ok(count) = timeout_at(heard + silence, port.read(&mut bytes)).await else {
                igloo::warn!("no good telegram for {} seconds", silence.as_secs());
                self.set_available(false);
                heard = Instant::now();
                continue;
            };
            let count = count?;
            if count == 0 {
                return Err(igloo::Error::new("the port is at its end"));
            }
            for byte in &bytes[..count] {
                match framer.push(*byte) {
                    None => {}
                    Some(Ok(text)) => {
                        heard = Instant::now();
                        self.report(&text)?;
                    }
                    Some(Err(damage)) => self.count_error(format_args!("a telegram was damaged: {damage:?}")),
                }
            }
        }
    }

    /// Writes all that a telegram tells, as one.
    fn report(&self, text: &str) -> igloo::Result<()> {
        let Some(telegram) = Telegram::parse(text) else {
            self.count_error(format_args!("a telegram has no identification"));
            return Ok(());
        };
        let mut meters = readings::meters(&telegram);
        // Without a checksum a damaged serial number would make a new meter: it has to come twice.
        let names: Vec<String> = meters.iter().map(|meter| meter.id.clone()).collect();
        if self.before.replace(names.clone()) != names && self.config.line == Line::Slow {
            return Ok(());
        }
        self.telegrams.set(self.telegrams.get() + 1);
        self.pause.set(PAUSE);
        meters[0].readings.extend(self.counters());
        self.describe(&telegram, &meters)?;
        self.set_available(true);

        let known = self.known.borrow();
        let updates = meters.into_iter().flat_map(|meter| {
            let components = known.get(&meter.id).map(|known| &known.components);
            meter.readings.into_iter().filter_map(move |reading| {
                let update = components?.get(&(reading.entity.id, reading.kind))?.to(reading.value);
                Some(match reading.time {
                    Some(time) => update.at(time),
                    None => update,
                })
            })
        });
        self.home.write(updates)?;
        Ok(())
    }

    /// Describes meters that are new or have new readings. What a telegram leaves out stays.
    fn describe(&self, telegram: &Telegram<'_>, meters: &[Meter]) -> igloo::Result<()> {
        let mut any = false;
        for (index, meter) in meters.iter().enumerate() {
            let mut all = self.known.borrow_mut();
            let known = all.entry(meter.id.clone()).or_insert_with(|| {
                let device = Device::new(&meter.id, meter.name).serial_number(&meter.id);
                let device = match index {
                    0 => device.manufacturer(telegram.maker).model(telegram.model),
                    _ => device.via_device(&meters[0].id),
                };
                Known { device, components: BTreeMap::new() }
            });
            let before = known.components.len();
            for Reading { entity, kind, .. } in &meter.readings {
                known.components.entry((entity.id, kind)).or_insert_with(|| {
                    let described = known.device.entity(entity.id, entity.name);
                    if entity.diagnostic {
                        described.diagnostic().category("diagnostic");
                    }
                    let component = described.component(kind);
                    match *kind {
                        "energy" | "heat-energy" | "gas-volume" | "water-volume" => component.total("increasing"),
                        _ => component,
                    }
                });
            }
            if known.components.len() > before {
                self.home.describe(&known.device)?;
                any = true;
            }
        }
        if any {
            self.home.complete();
        }
        Ok(())
    }

    /// How well the line works.
    fn counters(&self) -> [Reading; 2] {
        [
            (diagnostic("telegrams", "Good telegrams"), &self.telegrams),
            (diagnostic("telegram-errors", "Damaged telegrams"), &self.errors),
        ]
        .map(|(entity, count)| Reading {
            entity,
            kind: "count",
            value: Value::Integer(count.get()),
            time: None,
        })
    }

    fn count_error(&self, what: std::fmt::Arguments<'_>) {
        self.errors.set(self.errors.get() + 1);
        igloo::debug!("{what}");
    }

    fn set_available(&self, available: bool) {
        if self.available.replace(available) != available {
            for id in self.known.borrow().keys() {
                self.home.set_available(id, available);
            }
        }
    }
}

igloo::provider!(P1Meter);
