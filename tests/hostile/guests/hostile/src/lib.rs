//! Attacks whatever it can reach: by its configuration's `life`, by the action `try`, or by a command to an entity. The
//! same source is a component and a process.
//!
//! An attempt answers with what came of it, as text: the case in `tests/hostile` says what that must be.

#![allow(
    clippy::panic,
    clippy::exit,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "attacking is what it is for"
)]

mod attempts;
mod flows;

use igloo::prelude::*;
use std::{cell::RefCell, hint::black_box, time::Duration};

/// What its whole life is.
#[derive(serde::Deserialize, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Life {
    #[default]
    Good,
    PanicAtStart,
    NeverReady,
    Fail,
    Panic,
    Exit,
    FillStack,
    Spin,
    /// Holds the thread without using it.
    Sleep,
    Allocate,
    FloodWrites,
    FloodLog,
    FloodOutput,
    FloodEvents,
    TooManyDevices,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Config {
    life: Life,
}

struct Hostile {
    home: Home,
    life: Life,
    switch: Component<kinds::Switch>,
    counter: Component<kinds::Count>,
    button: Component<kinds::Button>,
    hoard: RefCell<Vec<Vec<u8>>>,
    flows: flows::Flows,
}

impl Provider for Hostile {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        // The neighbour's device has the same identifier: it is another one all the same.
        let mut device = Device::new("bench", "Hostile");
        let switch = device.entity("switch", "Switch").switch().writable();
        for id in ["hang", "panic", "spin"] {
            let _ = device.entity(id, id).switch().writable();
        }
        let counter = device.entity("counter", "Counter").count();
        let button = device.entity("button", "Button").button().events(["press"]);
        home.describe(device)?;
        match config.life {
            Life::PanicAtStart => panic!("hostile: panics at the start"),
            Life::NeverReady => std::future::pending().await,
            Life::TooManyDevices => {
                for n in 0..2000 {
                    let mut device = Device::new(format!("device-{n}"), format!("Device {n}"));
                    let _ = device.entity("switch", "Switch").switch();
                    if let Err(error) = home.describe(device) {
                        igloo::warn!("device {n}: {error}");
                        break;
                    }
                }
            }
            _ => {}
        }
        Ok(Self {
            home,
            life: config.life,
            switch,
            counter,
            button,
            hoard: RefCell::default(),
            flows: flows::Flows::default(),
        })
    }

    async fn run(&self) -> igloo::Result<()> {
        if self.life == Life::Good || self.life == Life::TooManyDevices {
            return std::future::pending().await;
        }
        // Long enough to be ready before.
        tokio::time::sleep(Duration::from_millis(100)).await;
        match self.life {
            Life::Fail => Err(igloo::Error::new("hostile: fails")),
            Life::Panic => panic!("hostile: panics"),
            Life::Exit => std::process::exit(3),
            Life::FillStack => Err(igloo::Error::new(fill_stack(0))),
            Life::Spin => spin(),
            Life::Sleep => {
                std::thread::sleep(Duration::from_secs(86_400));
                Ok(())
            }
            Life::Allocate => self.allocate(),
            Life::FloodWrites => {
                for n in 0i64.. {
                    self.counter.write(n)?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Life::FloodLog => loop {
                igloo::info!("hostile: floods the log");
                tokio::task::yield_now().await;
            },
            Life::FloodOutput => loop {
                println!("hostile: floods its output");
                eprintln!("hostile: floods its output");
                tokio::task::yield_now().await;
            },
            Life::FloodEvents => loop {
                // Overflow is what this is about.
                let _ = self.button.emit("press");
                tokio::task::yield_now().await;
            },
            Life::Good | Life::PanicAtStart | Life::NeverReady | Life::TooManyDevices => std::future::pending().await,
        }
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        match command.entity.as_str() {
            "hang" => std::future::pending().await,
            "panic" => panic!("hostile: panics in a command"),
            "spin" => spin(),
            _ => {
                if let Some(on) = command.asks(&self.switch) {
                    self.switch.write(on)?;
                }
                Ok(())
            }
        }
    }

    async fn action(&self, _: &str, parameters: Json) -> Result<Json, CommandError> {
        Ok(json!(attempts::attempt(&self.home, &self.flows, igloo::serde_json::from_value(parameters)?).await))
    }
}

impl Hostile {
    fn allocate(&self) -> ! {
        loop {
            self.hoard.borrow_mut().push(black_box(vec![1; 1 << 20]));
        }
    }
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

/// Never comes back: the stack is full before.
fn fill_stack(depth: u64) -> u64 {
    let frame = black_box([depth; 128]);
    if depth == u64::MAX { 0 } else { fill_stack(depth + 1) + frame[0] }
}

igloo::provider!(Hostile);
