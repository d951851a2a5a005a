//! Does what a provider must not do: by its configuration's `life`, by an action, or by a command to an entity.
//!
//! Where nothing else is asked for it is well-behaved: it counts every 100 ms and obeys its switch.

#![allow(clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "misbehaving is what it is for")]

use igloo::prelude::*;
use std::{
    cell::{Cell, RefCell},
    hint::black_box,
    time::Duration,
};

/// What the whole provider does.
#[derive(serde::Deserialize, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Life {
    #[default]
    Good,
    /// `new` panics.
    PanicAtStart,
    /// `new` fails.
    FailAtStart,
    /// `new` never ends.
    NeverReady,
    /// `run` returns an error after 200 ms.
    Fail,
    /// `run` returns after 200 ms.
    Finish,
    /// `run` panics after 200 ms.
    Panic,
    /// `run` calls itself until the stack is full, after 200 ms.
    FillStack,
    /// `run` never lets go of the processor, after 200 ms.
    Spin,
    /// `run` takes ever more memory, after 200 ms.
    MemoryBomb,
    /// `run` writes ever more into a file of its directory.
    FillDisk,
    /// The same into a file that it deleted.
    FillDiskUnseen,
    /// Describes 2000 devices.
    TooManyDevices,
    /// Logs without end.
    FloodLog,
    /// Writes without end.
    FloodWrites,
    /// Emits without end.
    FloodEvents,
    /// `stop` never returns.
    IgnoreStop,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Config {
    life: Life,
}

struct Misbehave {
    life: Life,
    switch: Component<kinds::Switch>,
    counter: Component<kinds::Count>,
    text: Component<kinds::Text>,
    wrong: Component<kinds::Dynamic>,
    event: Component<kinds::Button>,
    counted: Cell<i64>,
    hoard: RefCell<Vec<Vec<u8>>>,
}

impl Provider for Misbehave {
    type Config = Config;

    async fn new(home: Home, config: Config) -> igloo::Result<Self> {
        let mut device = Device::new("misbehave", "Misbehave");
        let switch = device.entity("good", "Good").switch().writable();
        // A command to one of these misbehaves.
        for id in ["hang", "panic", "spin", "reject", "busy", "slow"] {
            let _ = device.entity(id, id).switch().writable();
        }
        let counter = device.entity("counter", "Counter").count();
        let text = device.entity("text", "Text").text();
        let wrong = device.entity("wrong", "Wrong").component("temperature");
        let event = device.entity("event", "Event").button().events(["press"]);
        home.describe(device)?;
        match config.life {
            Life::PanicAtStart => panic!("misbehave: panics at the start"),
            Life::FailAtStart => return Err(igloo::Error::new("misbehave: fails at the start")),
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
        let (counted, hoard) = (Cell::new(0), RefCell::default());
        Ok(Self { life: config.life, switch, counter, text, wrong, event, counted, hoard })
    }

    async fn run(&self) -> igloo::Result<()> {
        for round in 0u64.. {
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.counted.set(self.counted.get() + 1);
            self.counter.write(self.counted.get())?;
            if round < 1 {
                continue;
            }
            match self.life {
                Life::Fail => return Err(igloo::Error::new("misbehave: fails")),
                Life::Finish => return Ok(()),
                Life::Panic => panic!("misbehave: panics"),
                Life::FillStack => {
                    black_box(fill_stack(0));
                }
                Life::Spin => spin(),
                Life::MemoryBomb => self.memory_bomb(),
                Life::FillDisk => fill_disk(false).await?,
                Life::FillDiskUnseen => fill_disk(true).await?,
                Life::FloodLog => loop {
                    igloo::info!("misbehave: floods the log");
                    tokio::task::yield_now().await;
                },
                Life::FloodWrites => {
                    for n in 0i64.. {
                        self.counter.write(n)?;
                        tokio::task::yield_now().await;
                    }
                }
                Life::FloodEvents => loop {
                    // Overflow is what this is about.
                    let _ = self.event.emit("press");
                    tokio::task::yield_now().await;
                },
                _ => {}
            }
        }
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        match command.entity.as_str() {
            "hang" => std::future::pending().await,
            "panic" => panic!("misbehave: panics in a command"),
            "spin" => spin(),
            "reject" => Err(CommandError::rejected("misbehave: will not")),
            "busy" => Err(CommandError::Busy),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(())
            }
            _ => {
                if let Some(on) = command.asks(&self.switch) {
                    self.switch.write(on)?;
                }
                Ok(())
            }
        }
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        let count = parameters["count"].as_u64().unwrap_or(1000);
        match name {
            "count" => Ok(json!(self.counted.get())),
            "panic" => panic!("misbehave: panics in an action"),
            "spin" => spin(),
            "hang" => std::future::pending().await,
            "memory" => {
                self.memory_bomb();
                Ok(Json::Null)
            }
            "log" => {
                (0..count).for_each(|n| igloo::info!("line {n}"));
                // Control sequences, a line break and a very long line.
                igloo::info!("\x1b[2Jcleared\nsecond line");
                igloo::info!("{}", "x".repeat(100_000));
                println!("from standard output");
                eprintln!("from standard error");
                Ok(Json::Null)
            }
            "events" => {
                let lost = (0..count).filter(|_| self.event.emit("press").is_err()).count();
                let wrong = self.event.emit("not-an-option").map_err(|error| error.to_string()).err();
                Ok(json!({ "lost": lost, "wrong": wrong }))
            }
            "bad-writes" => Ok(self.bad_writes()),
            "large-answer" => Ok(json!({ "text": "x".repeat(count as usize) })),
            _ => Err(CommandError::rejected("no such action")),
        }
    }

    async fn stop(&self) {
        if self.life == Life::IgnoreStop {
            std::future::pending::<()>().await;
        }
        igloo::info!("goodbye");
    }
}

impl Misbehave {
    /// Values that the hub must refuse one by one.
    fn bad_writes(&self) -> Json {
        let mut undescribed = Device::new("undescribed", "Undescribed");
        let stray = undescribed.entity("x", "X").real();
        json!({
            "wrong_type": refusal(self.wrong.write("a text")),
            "not_finite": refusal(self.wrong.write(f64::NAN)),
            "too_long": refusal(self.text.write("x".repeat(1 << 20))),
            "undescribed": refusal(stray.write(1.0)),
            "fine": refusal(self.wrong.write(21.5)),
        })
    }

    fn memory_bomb(&self) {
        loop {
            self.hoard.borrow_mut().push(black_box(vec![1; 1 << 20]));
        }
    }
}

fn refusal(result: Result<(), igloo::WriteError>) -> Option<String> {
    result.err().map(|error| error.to_string())
}

/// Writes until it is ended, 64 KiB at a time.
async fn fill_disk(unseen: bool) -> igloo::Result<()> {
    let path = "/data/misbehave";
    let failed = |error: std::io::Error| igloo::Error::new(format!("misbehave: {error}"));
    let mut file = std::fs::File::create(path).map_err(failed)?;
    if unseen {
        std::fs::remove_file(path).map_err(failed)?;
    }
    loop {
        std::io::Write::write_all(&mut file, &[1; 64 << 10]).map_err(failed)?;
        tokio::time::sleep(Duration::from_millis(5)).await;
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

igloo::provider!(Misbehave);
