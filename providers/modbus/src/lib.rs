//! Modbus devices on a serial bus or on the network, on the unmodified crate `tokio-modbus`.
//!
//! `config` is what the owner says, `point` turns it into devices, `plan` into few requests, and `number` knows how
//! numbers lie in registers. `bus` carries one request at a time, over a `port` where it is a serial one. This module is
//! the units' life: each is read at its own pace, is unavailable while it does not answer, and is asked less often
//! meanwhile so that it does not hold up the others.

mod bus;
pub mod config;
pub mod number;
pub mod plan;
mod point;
mod port;

use std::{cell::Cell, time::Duration};

use bus::{Bus, Data, Failure};
use config::Config;
use igloo::prelude::*;
use plan::Span;
use point::Point;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_modbus::ExceptionCode;

/// The wait before connecting again doubles from the first to the second while it fails.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A unit that does not answer is asked again after its poll time, doubled up to this while it stays silent.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The provider.
pub struct Modbus {
    home: Home,
    bus: Bus,
    units: Vec<Unit>,
}

struct Unit {
    address: u8,
    device: Device,
    points: Vec<Point>,
    reads: Vec<Span>,
    poll: Duration,
    available: Cell<bool>,
    /// Whether a refusal has been told: it comes again with every read.
    told: Cell<bool>,
    /// When it is read next, and the time from one read to the next.
    due: Cell<Instant>,
    period: Cell<Duration>,
}

impl Provider for Modbus {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut units: Vec<Unit> = Vec::new();
        for unit in &config.units {
            let place = || format!("unit {}", unit.address);
            if units.iter().any(|other| other.address == unit.address) {
                return Err(igloo::Error::new("it is there twice").context(place()));
            }
            let (device, points) = point::points(unit).context(place())?;
            home.describe(&device).context(place())?;
            let poll = Duration::from_secs_f64(unit.poll_seconds);
            units.push(Unit {
                address: unit.address,
                device,
                reads: plan::reads(points.iter().map(|point| point.span.clone()).collect()),
                points,
                poll,
                available: Cell::new(true),
                told: Cell::new(false),
                due: Cell::new(Instant::now()),
                period: Cell::new(poll),
            });
        }
        let bus = Bus::new(config.transport, Duration::from_millis(config.timeout_ms));
        Ok(Self { home, bus, units })
    }

    async fn run(&self) -> igloo::Result<()> {
        let mut pause = PAUSE;
        loop {
            let Some(unit) = self.units.iter().min_by_key(|unit| unit.due.get()) else { return Ok(()) };
            sleep_until(unit.due.get()).await;
            match self.poll(unit).await {
                Ok(()) => {
                    unit.period.set(unit.poll);
                    self.set_available(unit, None);
                    pause = PAUSE;
                }
                Err(Failure::Unreachable(error)) => {
                    let error = Failure::Unreachable(error);
                    self.units.iter().for_each(|unit| self.set_available(unit, Some(&error)));
                    sleep(pause).await;
                    self.bus.wait_present().await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
                Err(failure) => {
                    unit.period.set((unit.period.get() * 2).min(LONGEST_SILENCE.max(unit.poll)));
                    self.set_available(unit, Some(&failure));
                    pause = PAUSE;
                }
            }
            // At its pace, but without making up for what was missed.
            unit.due.set((unit.due.get() + unit.period.get()).max(Instant::now()));
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        for unit in &self.units {
            for point in &unit.points {
                if let Some(wanted) = command.asks(&point.component) {
                    return self.set(unit, point, &wanted).await;
                }
            }
        }
        Err(CommandError::rejected("there is no such coil or register"))
    }
}

impl Modbus {
    /// Reads all that is wanted of a unit.
    async fn poll(&self, unit: &Unit) -> Result<(), Failure> {
        for read in &unit.reads {
            let mut answer = self.bus.read(unit.address, read).await;
            // On a bus a lost frame now and then is ordinary.
            if matches!(answer, Err(Failure::Silent | Failure::Broken(_))) {
                answer = self.bus.read(unit.address, read).await;
            }
            match answer {
                Ok(data) => self.show(unit, read, &data),
                Err(Failure::Refused(why)) if !is_absent(why) => self.refused(unit, read, why),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Writes the values that were read. Nothing may be awaited between an answer and this: a command's answer could
    /// come between.
    fn show(&self, unit: &Unit, read: &Span, data: &Data) {
        if let Err(error) = self.home.write(unit.points.iter().filter_map(|point| point.update(read, data))) {
            igloo::error!("{}: {error}", unit.device.id());
        }
    }

    /// The unit is there but does not have what was asked for, so its values are not known.
    fn refused(&self, unit: &Unit, read: &Span, why: ExceptionCode) {
        if !unit.told.replace(true) {
            igloo::warn!("{}: {:?} {:?}: {why}", unit.device.id(), read.table, read.range());
        }
        let unknown = unit.points.iter().filter(|point| read.find(&point.span).is_some());
        if let Err(error) = self.home.write(unknown.map(|point| point.component.to_unknown())) {
            igloo::error!("{}: {error}", unit.device.id());
        }
    }

    /// Sets a coil or a register, and shows what the unit made of it.
    async fn set(&self, unit: &Unit, point: &Point, wanted: &Value) -> Result<(), CommandError> {
        let data = point.encode(wanted)?;
        self.bus.write(unit.address, point.span.first, &data).await.map_err(|failure| outcome(unit, failure))?;
        // It is done: if it cannot be read back now, the next poll shows it.
        match self.bus.read(unit.address, &point.span).await {
            Ok(data) => self.show(unit, &point.span, &data),
            Err(failure) => igloo::warn!("{}: set, but not read back: {failure}", unit.device.id()),
        }
        Ok(())
    }

    fn set_available(&self, unit: &Unit, failure: Option<&Failure>) {
        if unit.available.replace(failure.is_none()) != failure.is_none() {
            self.home.set_available(unit.device.id(), failure.is_none());
            match failure {
                Some(failure) => igloo::warn!("{}: {failure}", unit.device.id()),
                None => igloo::info!("{} answers again", unit.device.id()),
            }
        }
    }
}

/// Whether a gateway says that the unit behind it does not answer.
fn is_absent(why: ExceptionCode) -> bool {
    matches!(why, ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice)
}

/// A command's outcome. What was sent and not answered may have been done, which is not the same as `unavailable`.
fn outcome(unit: &Unit, failure: Failure) -> CommandError {
    match failure {
        Failure::Unreachable(error) => {
            igloo::warn!("{}: {error}", unit.device.id());
            CommandError::Unavailable
        }
        Failure::Refused(why) if is_absent(why) => CommandError::Unavailable,
        Failure::Refused(ExceptionCode::ServerDeviceBusy) => CommandError::Busy,
        Failure::Refused(why) => CommandError::rejected(format_args!("the device refuses it: {why}")),
        failure => CommandError::Other {
            code: "no-answer".to_owned(),
            text: format!("whether the device did it is not known: {failure}"),
        },
    }
}

igloo::provider!(Modbus);
