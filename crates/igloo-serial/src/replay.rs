//! A file played as if a device sent it, at the pace of its line.
//!
//! Promises: bytes come no faster than the baud rate allows, and at most 4 KiB of the file are in memory. What is
//! written disappears. The line never ends: after the last byte it is silent. A reader that is slow makes the file
//! wait, where a real line would lose bytes.

use std::io::SeekFrom;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::pipe::Pipe;
use crate::settings::{Buffers, Settings};
use crate::url::Replay;

/// Bytes arrive in pieces of about this long: a timer's tick is a millisecond.
const PIECE: Duration = Duration::from_millis(10);
/// Further behind its pace than this (because the reader was slow), the line does not catch up.
const MAX_LAG: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Player {
    pipe: Arc<Pipe>,
    settings: Arc<Mutex<Settings>>,
    task: JoinHandle<()>,
}

impl Player {
    pub(crate) async fn open(port: &Arc<str>, replay: &Replay, settings: Settings) -> Result<Self, Error> {
        let missing = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(port, "no such file"),
            std::io::ErrorKind::PermissionDenied => {
                Error::not_found(port, "the user that runs Igloo may not read this file: chmod o+r it")
            }
            _ => Error::opening(port, error),
        };
        // Look before opening: opening a FIFO would wait for its writer.
        let metadata = tokio::fs::metadata(&replay.file).await.map_err(missing)?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Err(Error::not_found(port, "there is nothing to play: name a regular file that is not empty"));
        }
        let file = File::open(&replay.file).await.map_err(missing)?;
        let (pipe, settings) = (Arc::new(Pipe::default()), Arc::new(Mutex::new(settings)));
        let play = play(Arc::clone(port), file, replay.clone(), Arc::clone(&pipe), Arc::clone(&settings));
        Ok(Self { pipe, settings, task: tokio::spawn(play) })
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        self.pipe.poll_read(cx, buf)
    }

    pub(crate) fn configure(&self, settings: Settings) {
        *self.settings.lock() = settings;
    }

    pub(crate) fn discard(&self, buffers: Buffers) {
        if buffers.input() {
            self.pipe.clear();
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(port: Arc<str>, file: File, replay: Replay, pipe: Arc<Pipe>, settings: Arc<Mutex<Settings>>) {
    if let Err(error) = play_file(file, &replay, &pipe, &settings).await {
        pipe.close(Error::using(&port, error));
    }
}

async fn play_file(
    mut file: File,
    replay: &Replay,
    pipe: &Pipe,
    settings: &Mutex<Settings>,
) -> Result<(), std::io::Error> {
    let mut buffer = vec![0; 4096];
    let mut due = Instant::now();
    let mut played = false;
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            // A file that was emptied meanwhile must not spin here.
            if !replay.repeat || !played {
                return Ok(());
            }
            played = false;
            file.seek(SeekFrom::Start(0)).await?;
            due += replay.interval;
            continue;
        }
        played = true;
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let line = *settings.lock();
            let each = Settings { baud_rate: replay.baud_rate.unwrap_or(line.baud_rate), ..line }.character_time();
            let fit = PIECE.as_nanos() / each.as_nanos().max(1);
            let (mut piece, later) = rest.split_at(usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, rest.len()));
            rest = later;
            due += each * u32::try_from(piece.len()).unwrap_or(u32::MAX);
            sleep_until(due).await;
            while !piece.is_empty() {
                pipe.roomy().await;
                piece = &piece[pipe.push(piece)..];
            }
            due = due.max(Instant::now().checked_sub(MAX_LAG).unwrap_or(due));
        }
    }
}
