//! Dimmers on a serial bus: the line `3=40` sets dimmer 3 to 40 %, and the dimmer answers `3:40`. One at a time.

use crate::Devices;
use igloo::{prelude::*, serial};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

const SLOT: &str = "bus";
const PATIENCE: Duration = Duration::from_secs(2);
/// Commands that wait for the bus.
const WAITING: usize = 16;

/// The dimmer, its per cent, and who waits for its answer.
type Asked = (usize, u32, oneshot::Sender<()>);

pub(crate) struct Dimmers {
    pub(crate) devices: Devices<kinds::Dimmer>,
    asked: mpsc::Sender<Asked>,
    /// `run` holds it for as long as it lives.
    to_do: tokio::sync::Mutex<mpsc::Receiver<Asked>>,
}

impl Dimmers {
    pub(crate) fn new(devices: Devices<kinds::Dimmer>) -> Self {
        let (asked, to_do) = mpsc::channel(WAITING);
        Self { devices, asked, to_do: to_do.into() }
    }

    pub(crate) async fn run(&self) -> igloo::Result<()> {
        let mut to_do = self.to_do.lock().await;
        loop {
            if let Err(error) = self.serve(&mut to_do).await {
                igloo::warn!("the bus is gone: {error}");
            }
            self.devices.set_available(false);
            // Whoever waits is told by its sender's end; nothing is sent to a bus that comes back later.
            while to_do.try_recv().is_ok() {}
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn serve(&self, to_do: &mut mpsc::Receiver<Asked>) -> igloo::Result<()> {
        serial::wait_present(SLOT).await?;
        let mut port = BufReader::new(serial::open(SLOT, serial::Settings::new(115_200)).await?);
        self.devices.set_available(true);
        let mut line = String::new();
        loop {
            line.clear();
            tokio::select! {
                Some((number, percent, done)) = to_do.recv() => {
                    port.write_all(format!("{number}={percent}\n").as_bytes()).await?;
                    let expected = format!("{number}:{percent}");
                    let answer = async {
                        while line.trim_end() != expected {
                            line.clear();
                            if port.read_line(&mut line).await? == 0 {
                                return Err(igloo::Error::new("the bus is at its end"));
                            }
                        }
                        Ok(())
                    };
                    timeout(PATIENCE, answer).await.context("a dimmer does not answer")??;
                    self.devices.write(number, f64::from(percent) / 100.0)?;
                    let _ = done.send(());
                }
                // Nobody speaks unasked: it is noise, or the end.
                read = port.read_line(&mut line) => {
                    if read? == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    pub(crate) async fn set(&self, number: usize, level: f64) -> Result<(), CommandError> {
        let (done, answer) = oneshot::channel();
        let percent = (level.clamp(0.0, 1.0) * 100.0).round() as u32;
        self.asked.try_send((number, percent, done)).map_err(|_| CommandError::Busy)?;
        answer.await.map_err(|_| CommandError::Unavailable)
    }
}
