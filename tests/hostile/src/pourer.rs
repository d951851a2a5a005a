//! A server that says everything is well and then pours without end: a stream, the body of an answer, a serial port on
//! the network.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Between the head of an answer and its body: longer than the guests of these cases look at it.
const BEFORE: Duration = Duration::from_millis(400);

/// A running one. Its threads end with their connections, and the one that accepts with the tests.
#[derive(Debug)]
pub struct Pourer {
    port: u16,
    poured: Arc<AtomicU64>,
}

impl Pourer {
    pub(crate) fn start() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let poured = Arc::new(AtomicU64::new(0));
        let counter = poured.clone();
        thread::spawn(move || {
            for stream in server.incoming().flatten() {
                let counter = counter.clone();
                thread::spawn(move || pour(stream, &counter));
            }
        });
        Self { port, poured }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The bytes that others took so far: read, or kept in the kernel or the hub for who does not read.
    #[must_use]
    pub fn poured(&self) -> u64 {
        self.poured.load(Ordering::Relaxed)
    }
}

fn pour(mut stream: TcpStream, poured: &AtomicU64) {
    // Who asks is answered; who does not wants a stream.
    stream.set_read_timeout(Some(BEFORE)).unwrap();
    if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
        if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
            return;
        }
        thread::sleep(BEFORE);
    }
    let chunk = [b'x'; 64 << 10];
    while let Ok(count @ 1..) = stream.write(&chunk) {
        poured.fetch_add(count as u64, Ordering::Relaxed);
    }
}
