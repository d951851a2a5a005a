//! `igloo:serial/ports`. A port's bytes travel through a descriptor of their own: see `serial::carry`.

use super::types::{Buffers, ControlLines, ErrorCode, ModemLines, Settings, Slot};
use crate::{
    bindings::igloo::provider::home::unexpected,
    process::{
        connection::{Answer, Attached},
        current::{ask, ask_blocking, ask_for, current},
    },
};
use igloo_wire::message::{Reply, Request, RequestError, SerialControl};
use std::{
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::UnixStream, sync::oneshot};

/// How long a port that hung up may take to say why.
const REASON: Duration = Duration::from_secs(1);

pub fn slots() -> Vec<Slot> {
    match ask_blocking(Request::SerialSlots {}) {
        Ok(Reply::Slots(slots)) => slots,
        _ => Vec::new(),
    }
}

pub async fn wait_present(slot: String) -> Result<(), ErrorCode> {
    done(ask(Request::SerialWaitPresent { slot }).await)
}

/// An open port. Dropping it closes it.
#[derive(Debug)]
pub struct Port {
    number: u64,
    stream: UnixStream,
    end: Mutex<Option<oneshot::Receiver<Option<ErrorCode>>>>,
}

impl Port {
    pub async fn open(slot: String, settings: Settings) -> Result<Self, ErrorCode> {
        match ask_for(Request::SerialOpen { slot, settings }).await {
            Answer { result: Ok(Reply::Port(number)), attached: Attached::Port(descriptor, end) } => {
                let stream =
                    stream(descriptor).map_err(|error| ErrorCode::Other(("io".to_owned(), error.to_string())))?;
                Ok(Self { number, stream, end: Mutex::new(Some(end)) })
            }
            answer => Err(error(answer.result)),
        }
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Why the stream ended. To be asked once, after it did.
    pub(crate) async fn reason(&self) -> Result<(), ErrorCode> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(mut end), Some(current)) = (end, current()) else { return Err(ErrorCode::Disconnected) };
        current.connection.look();
        let reason = match end.try_recv() {
            Ok(reason) => Some(reason),
            Err(_) => tokio::time::timeout(REASON, end).await.ok().and_then(Result::ok),
        };
        match reason {
            Some(None) => Ok(()),
            Some(Some(error)) => Err(error),
            None => Err(ErrorCode::Disconnected),
        }
    }

    pub async fn configure(&self, settings: Settings) -> Result<(), ErrorCode> {
        self.control(SerialControl::Configure(settings)).await
    }

    pub async fn set_lines(&self, lines: ControlLines) -> Result<(), ErrorCode> {
        self.control(SerialControl::SetLines(lines)).await
    }

    pub async fn lines(&self) -> Result<ModemLines, ErrorCode> {
        match ask(Request::SerialControl { port: self.number, control: SerialControl::Lines {} }).await {
            Ok(Reply::Lines(lines)) => Ok(lines),
            other => Err(error(other)),
        }
    }

    pub async fn send_break(&self, milliseconds: u32) -> Result<(), ErrorCode> {
        self.control(SerialControl::SendBreak(milliseconds)).await
    }

    pub async fn drain(&self) -> Result<(), ErrorCode> {
        self.control(SerialControl::Drain {}).await
    }

    pub async fn discard(&self, what: Buffers) -> Result<(), ErrorCode> {
        self.control(SerialControl::Discard(what)).await
    }

    async fn control(&self, control: SerialControl) -> Result<(), ErrorCode> {
        done(ask(Request::SerialControl { port: self.number, control }).await)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Said in the stream of messages, so that the slot can be opened again at once.
        if let Some(current) = current() {
            current.connection.close_port(self.number);
        }
    }
}

fn stream(descriptor: OwnedFd) -> std::io::Result<UnixStream> {
    let stream = StdStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn done(answer: Result<Reply, RequestError>) -> Result<(), ErrorCode> {
    if answer == Ok(Reply::Done {}) { Ok(()) } else { Err(error(answer)) }
}

fn error(answer: Result<Reply, RequestError>) -> ErrorCode {
    match answer {
        Err(RequestError::Serial(error)) => error,
        other => ErrorCode::Other(unexpected(other)),
    }
}
