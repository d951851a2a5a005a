//! A port on the network with its settings and lines: the client of RFC 2217 (Telnet COM Port Control).
//!
//! The telnet and COM-PORT-OPTION state machine is the crate `rfc2217`, which holds its memory fixed whatever the
//! server sends. Here is the task that moves bytes between it, the TCP connection and the port's handles.
//!
//! Promises: every buffer is bounded. A reader that does not read makes the server wait (TCP's own flow control); as
//! RFC 2217 sends answers between the data, operations that need an answer then time out. Bytes written before an
//! operation go first, as long as the connection takes them. When the handles are dropped, what was written is still
//! sent, for at most 2 s, before the connection ends.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rfc2217::{Client, ComPortState, CommandError, Event, NotReady, PortSettings, Purge, Setting, SettingSet};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::Error;
use crate::network::{self, FAREWELL, farewell};
use crate::pipe::Pipe;
use crate::settings::{Buffers, DataBits, FlowControl, Lines, ModemLines, Parity, Settings, StopBits};
use crate::url::Endpoint;

/// How long the server may take to answer an operation. A local bridge takes milliseconds.
const ANSWER: Duration = Duration::from_secs(5);
/// How long to wait for the server to confirm PURGE-DATA, which some never do.
const PURGED: Duration = Duration::from_secs(1);
/// Most operations that wait at once.
const COMMANDS: usize = 16;
/// Escaped bytes held for the connection: data is taken up to this much,
const TX_DATA: usize = 4 * 1024;
/// and answers to what the server asks, and operations, up to this much. Then the server is not read.
const TX_MAX: usize = 8 * 1024;
/// Reads before other tasks get their turn.
const ROUNDS: usize = 16;

type Reply<T = ()> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
enum Command {
    Configure(Settings, Reply),
    SetLines(Lines, Reply),
    Lines(Reply<ModemLines>),
    Break(Duration, Reply),
    Drain(Reply),
    Discard(Buffers, Reply),
}

#[derive(Debug)]
pub(crate) struct Rfc2217 {
    port: Arc<str>,
    input: Arc<Pipe>,
    output: Arc<Pipe>,
    commands: mpsc::Sender<Command>,
    /// One change of settings at a time: the answers carry no number.
    configuring: tokio::sync::Mutex<()>,
}

impl Rfc2217 {
    pub(crate) async fn open(port: &Arc<str>, endpoint: &Endpoint, settings: Settings) -> Result<Self, Error> {
        let stream = network::connect(port, endpoint).await?;
        let (input, output) = (Arc::new(Pipe::default()), Arc::new(Pipe::default()));
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (reply, ready) = oneshot::channel();
        let driver = Driver {
            port: Arc::clone(port),
            stream,
            client: Client::new(wire(settings)),
            wanted: settings,
            rx: vec![0; 4096],
            unread: 0..0,
            payload: vec![0; 4096],
            tx: Vec::with_capacity(TX_DATA),
            input: Arc::clone(&input),
            output: Arc::clone(&output),
            commands: receiver,
            configuring: Some(reply),
            breaking: None,
            draining: Vec::new(),
            purging: None,
        };
        tokio::spawn(driver.run());
        let this = Self { port: Arc::clone(port), input, output, commands, configuring: tokio::sync::Mutex::new(()) };
        let hint = "it does not speak RFC 2217, or ignores a setting; for plain TCP write socket://";
        match this.answer(ready, ANSWER, hint).await {
            Ok(()) => Ok(this),
            Err(Error::Disconnected { .. }) => {
                let hint = "its server hung up: it may serve somebody else already, or lack its own device";
                Err(Error::not_found(port, hint))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        self.input.poll_read(cx, buf)
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.output.poll_write(cx, bytes)
    }

    pub(crate) async fn configure(&self, settings: Settings) -> Result<(), Error> {
        let _alone = self.configuring.lock().await;
        self.ask(|reply| Command::Configure(settings, reply), ANSWER).await
    }

    pub(crate) async fn set_lines(&self, lines: Lines) -> Result<(), Error> {
        self.ask(|reply| Command::SetLines(lines, reply), ANSWER).await
    }

    pub(crate) async fn lines(&self) -> Result<ModemLines, Error> {
        self.ask(Command::Lines, ANSWER).await
    }

    pub(crate) async fn send_break(&self, duration: Duration) -> Result<(), Error> {
        self.ask(|reply| Command::Break(duration, reply), duration + ANSWER).await
    }

    /// Until the server has it all: how long its port then takes, RFC 2217 cannot tell.
    pub(crate) async fn drain(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Drain(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    pub(crate) async fn discard(&self, buffers: Buffers) -> Result<(), Error> {
        if buffers.output() {
            self.output.clear();
        }
        match self.ask(|reply| Command::Discard(buffers, reply), PURGED).await {
            Err(Error::Timeout { .. }) => {
                tracing::debug!(port = %self.port, "the server did not confirm that it purged its buffers");
                Ok(())
            }
            result => result,
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command, patience: Duration) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        self.answer(answer, patience, "the server is silent, or what it sent is not being read").await
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| self.gone())
    }

    async fn answer<T>(
        &self,
        answer: oneshot::Receiver<Result<T, Error>>,
        patience: Duration,
        hint: &'static str,
    ) -> Result<T, Error> {
        match timeout(patience, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(Error::timeout(&self.port, hint)),
        }
    }

    fn gone(&self) -> Error {
        self.input.reason().unwrap_or_else(|| Error::disconnected(&self.port))
    }
}

struct Driver {
    port: Arc<str>,
    stream: TcpStream,
    client: Client,
    /// The settings last asked for.
    wanted: Settings,
    /// What came from the connection, and which part of it was not looked at.
    rx: Vec<u8>,
    unread: Range<usize>,
    payload: Vec<u8>,
    /// What goes to the connection.
    tx: Vec<u8>,
    input: Arc<Pipe>,
    output: Arc<Pipe>,
    /// Ends when the port is dropped.
    commands: mpsc::Receiver<Command>,
    configuring: Option<Reply>,
    breaking: Option<(Instant, Reply)>,
    draining: Vec<Reply>,
    /// Input is thrown away until the server says that it has purged, or the asker has lost patience.
    purging: Option<Reply>,
}

impl Driver {
    async fn run(mut self) {
        match self.serve().await {
            Ok(()) => farewell(self.stream).await,
            Err(reason) => {
                tracing::debug!(port = %self.port, %reason, "connection ended");
                self.input.close(reason.clone());
                self.output.close(reason);
            }
        }
    }

    /// Until the connection ends (an error) or the port is dropped.
    async fn serve(&mut self) -> Result<(), Error> {
        loop {
            if self.pump()? {
                // A server that floods must not keep the thread.
                tokio::task::yield_now().await;
            }
            self.settle();
            let stalled = !self.unread.is_empty() && self.tx.len() < TX_MAX;
            let takes_data = self.tx.len() < TX_DATA && self.client.com_port_state() != ComPortState::Negotiating;
            let break_end = self.breaking.as_ref().map(|(end, _)| *end);
            tokio::select! {
                result = self.stream.readable(), if self.unread.is_empty() && self.tx.len() < TX_MAX => {
                    result.map_err(|e| Error::using(&self.port, e))?;
                }
                result = self.stream.writable(), if !self.tx.is_empty() => {
                    result.map_err(|e| Error::using(&self.port, e))?;
                }
                () = self.output.filled(), if takes_data => {}
                () = self.input.roomy(), if stalled => {}
                command = self.commands.recv() => match command {
                    Some(command) => {
                        // What was written before goes before.
                        self.pump_out()?;
                        self.command(command);
                    }
                    None => return timeout(FAREWELL, self.flush()).await.unwrap_or(Ok(())),
                },
                () = sleep_until(break_end.unwrap_or_else(Instant::now)), if break_end.is_some() => self.end_break(),
            }
        }
    }

    /// Sends what is left.
    async fn flush(&mut self) -> Result<(), Error> {
        self.end_break();
        loop {
            self.pump_out()?;
            if self.tx.is_empty() {
                return Ok(());
            }
            self.stream.writable().await.map_err(|e| Error::using(&self.port, e))?;
        }
    }

    /// Everything that can be done without waiting, for a while. Gives whether there is more.
    fn pump(&mut self) -> Result<bool, Error> {
        let mut more = true;
        for _ in 0..ROUNDS {
            more = false;
            self.pump_out()?;
            if self.tx.len() >= TX_MAX {
                break;
            }
            if self.unread.is_empty() {
                match self.stream.try_read(&mut self.rx) {
                    Ok(0) => return Err(Error::disconnected(&self.port)),
                    Ok(count) => self.unread = 0..count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(Error::using(&self.port, error)),
                }
            }
            if self.purging.as_ref().is_some_and(oneshot::Sender::is_closed) {
                self.purging = None;
            }
            let room = if self.purging.is_some() { usize::MAX } else { self.input.room() }.min(self.payload.len());
            if room == 0 {
                break;
            }
            let progress = self.client.receive_into(&self.rx[self.unread.clone()], &mut self.payload[..room]);
            self.unread.start += progress.consumed;
            if self.purging.is_none() {
                self.input.push(&self.payload[..progress.payload_len]);
            }
            while let Some(event) = self.client.poll_event() {
                self.event(&event);
            }
            more = true;
        }
        self.pump_out()?;
        Ok(more)
    }

    /// From the handles through the client to the connection.
    fn pump_out(&mut self) -> Result<(), Error> {
        loop {
            self.collect();
            let mut data = [0; 64];
            while self.tx.len() < TX_DATA && self.client.com_port_state() != ComPortState::Negotiating {
                let count = self.output.take(&mut data);
                if count == 0 {
                    break;
                }
                // Nothing is queued in the client, so 64 bytes fit even if each is escaped.
                let taken = self.client.try_write_data(&data[..count]);
                debug_assert_eq!(taken, Ok(count), "the client's buffer takes a piece");
                self.collect();
            }
            if self.tx.is_empty() {
                return Ok(());
            }
            match self.stream.try_write(&self.tx) {
                Ok(count) => drop(self.tx.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Error::using(&self.port, error)),
            }
        }
    }

    /// Moves the client's output behind what waits for the connection.
    fn collect(&mut self) {
        while self.client.has_output() {
            let output = self.client.output();
            let count = output.len();
            self.tx.extend_from_slice(output);
            self.client.consume_output(count);
        }
    }

    /// Answers those whose wait is over.
    fn settle(&mut self) {
        if self.configuring.is_some()
            && let Some(result) = self.configured()
            && let Some(reply) = self.configuring.take()
        {
            let _ = reply.send(result);
        }
        if !self.draining.is_empty() && self.tx.is_empty() && self.output.is_empty() {
            for reply in self.draining.drain(..) {
                let _ = reply.send(Ok(()));
            }
        }
    }

    /// What came of the settings, once that is known.
    fn configured(&self) -> Option<Result<(), Error>> {
        match self.client.readiness() {
            Ok(()) => Some(Ok(())),
            Err(NotReady::Mismatched(settings)) => {
                let reported = self.client.reported_settings();
                let rate_is_close = reported.baud_rate.is_some_and(|rate| self.wanted.is_close_to(rate));
                if rate_is_close && only_baud_rate(settings) {
                    return Some(Ok(()));
                }
                let reason = format!("the server reports other values for {settings}: {reported:?}");
                Some(Err(Error::invalid(&self.port, reason)))
            }
            Err(NotReady::Refused) => Some(Err(Error::unsupported(
                &self.port,
                "RFC 2217: its server refuses it (for plain TCP write socket://)",
            ))),
            Err(_) => None,
        }
    }

    fn command(&mut self, command: Command) {
        // Each takes a fixed number of bytes, and the client's own buffer is empty: only `tx` can be full.
        let full = self.tx.len() >= TX_MAX;
        let result = |port: &Arc<str>, result: Result<(), CommandError>| match result {
            Ok(()) if full => Err(Error::timeout(port, "the server takes no data")),
            Ok(()) => Ok(()),
            Err(CommandError::Inactive) => Err(Error::unsupported(port, "RFC 2217 any more: its server withdrew it")),
            Err(error) => Err(Error::timeout(port, error.to_string())),
        };
        match command {
            Command::Lines(reply) => {
                let lines = self.client.modem_state().map(|state| ModemLines {
                    cts: state.cts(),
                    dsr: state.dsr(),
                    ri: state.ri(),
                    cd: state.cd(),
                });
                let _ = reply.send(lines.ok_or_else(|| Error::unsupported(&self.port, "modem lines")));
            }
            Command::Drain(reply) => {
                self.draining.retain(|reply| !reply.is_closed());
                self.draining.push(reply);
            }
            Command::Configure(_, reply)
            | Command::SetLines(_, reply)
            | Command::Break(_, reply)
            | Command::Discard(_, reply)
                if full =>
            {
                let _ = reply.send(result(&self.port, Ok(())));
            }
            Command::Configure(settings, reply) => {
                self.wanted = settings;
                match result(&self.port, self.client.try_set_port_settings(wire(settings))) {
                    Ok(()) => self.configuring = Some(reply),
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Command::SetLines(lines, reply) => {
                let dtr = lines.dtr.map_or(Ok(()), |on| self.client.try_set_dtr(on));
                let rts = lines.rts.map_or(Ok(()), |on| self.client.try_set_rts(on));
                let _ = reply.send(result(&self.port, dtr.and(rts)));
            }
            Command::Break(duration, reply) => match result(&self.port, self.client.try_set_break(true)) {
                // A second break takes the first one's place.
                Ok(()) => {
                    if let Some((_, first)) = self.breaking.replace((Instant::now() + duration, reply)) {
                        let _ = first.send(Ok(()));
                    }
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Command::Discard(buffers, reply) => {
                let purge = match buffers {
                    Buffers::Input => Purge::Receive,
                    Buffers::Output => Purge::Transmit,
                    Buffers::Both => Purge::Both,
                };
                let result = result(&self.port, self.client.try_purge(purge));
                if result.is_ok() && buffers.input() {
                    self.input.clear();
                    self.purging = Some(reply);
                } else {
                    let _ = reply.send(result);
                }
            }
        }
        self.collect();
    }

    fn event(&mut self, event: &Event) {
        if let Event::Purged(Purge::Receive | Purge::Both) = event {
            self.input.clear();
            if let Some(reply) = self.purging.take() {
                let _ = reply.send(Ok(()));
            }
        }
    }

    fn end_break(&mut self) {
        if let Some((_, reply)) = self.breaking.take() {
            if let Err(error) = self.client.try_set_break(false) {
                tracing::debug!(port = %self.port, %error, "the break could not be ended");
            }
            self.collect();
            let _ = reply.send(Ok(()));
        }
    }
}

fn only_baud_rate(settings: SettingSet) -> bool {
    settings.iter().all(|setting| setting == Setting::BaudRate)
}

/// The settings as RFC 2217 section 3 sends them (SET-BAUDRATE, SET-DATASIZE, SET-PARITY, SET-STOPSIZE and, for flow
/// control, SET-CONTROL 1 to 3).
fn wire(settings: Settings) -> PortSettings {
    PortSettings {
        baud_rate: settings.baud_rate,
        data_bits: match settings.data_bits {
            DataBits::Five => rfc2217::DataBits::Five,
            DataBits::Six => rfc2217::DataBits::Six,
            DataBits::Seven => rfc2217::DataBits::Seven,
            DataBits::Eight => rfc2217::DataBits::Eight,
        },
        parity: match settings.parity {
            Parity::None => rfc2217::Parity::None,
            Parity::Odd => rfc2217::Parity::Odd,
            Parity::Even => rfc2217::Parity::Even,
        },
        stop_bits: match settings.stop_bits {
            StopBits::One => rfc2217::StopBits::One,
            StopBits::Two => rfc2217::StopBits::Two,
        },
        flow_control: match settings.flow_control {
            FlowControl::None => rfc2217::FlowControl::None,
            FlowControl::Software => rfc2217::FlowControl::XonXoff,
            FlowControl::Hardware => rfc2217::FlowControl::RtsCts,
        },
    }
}
