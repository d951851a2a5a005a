//! A simulated home with a dozen devices: it lives by itself, obeys commands with the delays of real devices, and needs
//! nothing granted.
//!
//! Each module is one sort of device: it describes itself, tells its values as the home's clock goes on, and carries out
//! its commands. [`clock`] makes the day; [`chance`] what happens by chance.

mod blind;
mod chance;
mod clock;
mod door;
mod lamp;
mod meter;
mod motion;
mod thermostat;
mod weather;

use clock::Clock;
use igloo::{Update, prelude::*};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

#[derive(serde::Deserialize)]
#[serde(default)]
struct Config {
    /// How fast the day goes by.
    speed: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { speed: 60.0 }
    }
}

/// The whole home.
struct DemoHome {
    home: Home,
    clock: Clock,
    lamps: Vec<lamp::Lamp>,
    blinds: Vec<blind::Blind>,
    thermostat: thermostat::Thermostat,
    lock: door::Lock,
    doors: Vec<door::Contact>,
    doorbell: door::Doorbell,
    motion: motion::Motion,
    meter: meter::Meter,
    weather: weather::Weather,
}

/// How often the home moves on.
const TICK: Duration = Duration::from_millis(250);

impl Provider for DemoHome {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let demo = Self {
            clock: Clock::new(config.speed),
            lamps: vec![
                lamp::Lamp::describe(&home, "living-lamp", "Living room lamp", "Living room", true)?,
                lamp::Lamp::describe(&home, "kitchen-lamp", "Kitchen light", "Kitchen", false)?,
                lamp::Lamp::describe(&home, "bedroom-lamp", "Bedside lamp", "Bedroom", true)?,
            ],
            blinds: vec![
                blind::Blind::describe(&home, "living-blind", "Living room blind", "Living room")?,
                blind::Blind::describe(&home, "bedroom-blind", "Bedroom blind", "Bedroom")?,
            ],
            thermostat: thermostat::Thermostat::describe(&home)?,
            lock: door::Lock::describe(&home)?,
            doors: vec![
                door::Contact::describe(&home, "front-door", "Front door", "Hall")?,
                door::Contact::describe(&home, "balcony-door", "Balcony door", "Living room")?,
            ],
            doorbell: door::Doorbell::describe(&home)?,
            motion: motion::Motion::describe(&home)?,
            meter: meter::Meter::describe(&home)?,
            weather: weather::Weather::describe(&home)?,
            home,
        };
        demo.tell()?;
        Ok(demo)
    }

    async fn run(&self) -> igloo::Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.live()?;
            self.tell()?;
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let device = command.device.as_str();
        if let Some(lamp) = self.lamps.iter().find(|lamp| lamp.id == device) {
            return lamp.command(&command).await;
        }
        if let Some(blind) = self.blinds.iter().find(|blind| blind.id == device) {
            return blind.command(&command);
        }
        match device {
            thermostat::ID => self.thermostat.command(&command),
            door::LOCK => self.lock.command(&command).await,
            _ => Err(CommandError::rejected("this device only tells, it takes no commands")),
        }
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        match name {
            "ring" => self.doorbell.ring()?,
            "open-door" => {
                let id = parameters["door"].as_str().unwrap_or_default();
                let door = self.doors.iter().find(|door| door.id == id);
                let door = door.ok_or_else(|| CommandError::rejected("there is no such door"))?;
                door.set(parameters["open"].as_bool().unwrap_or(true))?;
            }
            _ => return Err(CommandError::rejected(format_args!("there is no action `{name}`"))),
        }
        Ok(Json::Null)
    }
}

impl DemoHome {
    /// What happens in one tick.
    fn live(&self) -> igloo::Result<()> {
        let passed = self.clock.scaled(TICK);
        let hour = self.clock.hour();
        self.blinds.iter().for_each(|blind| blind.live(TICK));
        let outside = self.weather.live(hour);
        self.thermostat.live(passed, outside, self.doors.iter().any(door::Contact::is_open));
        let lamps: f64 = self.lamps.iter().map(lamp::Lamp::watts).sum();
        self.meter.live(passed, hour, lamps + self.thermostat.watts());
        self.motion.live(passed, hour);
        for door in &self.doors {
            door.live(passed, hour)?;
        }
        self.doorbell.live(passed, hour)?;
        Ok(())
    }

    /// Tells everything that goes on by itself, as one.
    fn tell(&self) -> Result<(), igloo::WriteError> {
        let mut updates: Vec<Update> = Vec::with_capacity(32);
        self.blinds.iter().for_each(|blind| updates.extend(blind.tell()));
        updates.extend(self.thermostat.tell());
        updates.extend(self.weather.tell());
        updates.extend(self.meter.tell());
        updates.extend(self.motion.tell());
        self.home.write(updates)
    }
}

igloo::provider!(DemoHome);
