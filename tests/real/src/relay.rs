//! A bad network, for kernels that cannot play one: a TCP relay in front of a server that delays, falls silent or cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// It carries everything.
    Fair,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Connections are reset, and new ones too.
    Cut,
}

/// A relay on a port of 127.0.0.1. It ends with this.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    delay: Arc<AtomicU64>,
    weather: watch::Sender<Weather>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        let _ = self.weather.send(Weather::Cut);
    }
}

impl Relay {
    /// A relay to a port of 127.0.0.1, without delay.
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (weather, forecast) = watch::channel(Weather::Fair);
        let delay = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, target, delay.clone(), forecast));
        Self { port, delay, weather, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, what arrives is this late in each direction.
    pub fn delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Resets all connections, and every new one.
    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// Lets nothing through, and tells nobody.
    pub fn silence(&self) {
        self.weather.send_replace(Weather::Silent);
    }

    /// All is well again. What got lost in between stays lost, with its connection.
    pub fn heal(&self) {
        self.weather.send_replace(Weather::Fair);
    }
}

async fn accept(listener: TcpListener, target: u16, delay: Arc<AtomicU64>, weather: watch::Receiver<Weather>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(carry(near, target, delay.clone(), weather.clone()));
    }
}

async fn carry(near: TcpStream, target: u16, delay: Arc<AtomicU64>, mut weather: watch::Receiver<Weather>) {
    // Without it, dropping would say goodbye: a network that is cut does not.
    let _ = near.set_zero_linger();
    if *weather.borrow() == Weather::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let mut cut = weather.clone();
    tokio::select! {
        _ = cut.wait_for(|weather| *weather == Weather::Cut) => {}
        () = async {
            tokio::join!(
                pump(near_read, far_write, delay.clone(), weather.clone()),
                pump(far_read, near_write, delay, weather.clone()),
            );
        } => {}
    }
    // Both ways have ended by themselves: what was lost in silence is found out by whoever waits.
    let _ = weather.wait_for(|weather| *weather != Weather::Silent).await;
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Arc<AtomicU64>,
    weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        // A packet that is lost takes the rest of the connection with it.
        if *weather.borrow() == Weather::Silent {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
