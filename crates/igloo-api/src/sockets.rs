//! WebSockets: bounded in number, in what they hold, and in how long they wait.
//!
//! A reader that does not take a message within [`PATIENCE`], or that says nothing for [`SILENCE`] though it is pinged,
//! is closed; so is one whose token is revoked, and all of them when the hub stops. Nothing is queued here: what a slow
//! reader missed is for the source to conflate or to count.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    response::Response,
};
use futures::{SinkExt, StreamExt, stream::SplitSink};
use http::StatusCode;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{guard::Caller, problem::Problem, server::PATIENCE};

/// WebSockets at a time.
const SOCKETS: usize = 256;
/// How often a reader is asked whether it is there.
const PING: Duration = Duration::from_secs(20);
/// How long a reader may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes that a client may send in a message. Nothing is expected of it.
const INCOMING: usize = 4 * 1024;
/// Bytes that are collected before they are given to the connection.
const OUTGOING: usize = 64 * 1024;

/// An upgrade that a route asks for.
pub(crate) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// All WebSockets of the API.
#[derive(Clone)]
pub(crate) struct Sockets {
    slots: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Why a WebSocket ends.
pub(crate) struct Ended;

/// The sending half of a WebSocket.
pub(crate) struct Outbox {
    sink: SplitSink<WebSocket, Message>,
}

impl Outbox {
    /// Adds a message to what is to be sent. Waits where the reader is behind.
    pub(crate) async fn put(&mut self, message: &impl Serialize) -> Result<(), Ended> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message is not JSON");
            Ended
        })?;
        self.within(async |sink| sink.feed(Message::Text(text.into())).await).await
    }

    /// Sends what was put.
    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        self.within(async |sink| sink.flush().await).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        let closing = async {
            // Closing a connection that is gone does nothing.
            let _ = self.sink.send(Message::Close(Some(frame))).await;
            let _ = self.sink.close().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
    }

    async fn within(
        &mut self,
        send: impl AsyncFnOnce(&mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error>,
    ) -> Result<(), Ended> {
        match tokio::time::timeout(PATIENCE, send(&mut self.sink)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ended),
        }
    }
}

/// What a WebSocket tells.
pub(crate) trait Feed: Send + 'static {
    /// Waits for news and puts them into the outbox. Cancelled between news, never while it puts them: the waiting must
    /// be in `wait`.
    fn wait(&mut self) -> impl Future<Output = Result<(), Ended>> + Send;

    /// Puts the news into the outbox.
    fn tell(&mut self, outbox: &mut Outbox) -> impl Future<Output = Result<(), Ended>> + Send;
}

impl Sockets {
    pub(crate) fn new(stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { slots: Arc::new(Semaphore::new(SOCKETS)), stop, tasks }
    }

    /// Answers an upgrade, and feeds the WebSocket from then on.
    pub(crate) fn answer(&self, upgrade: Upgrade, caller: Caller, feed: impl Feed) -> Result<Response, Problem> {
        let upgrade = upgrade.map_err(|rejection| {
            Problem::new(
                if rejection.status() == StatusCode::METHOD_NOT_ALLOWED {
                    StatusCode::METHOD_NOT_ALLOWED
                } else {
                    StatusCode::UPGRADE_REQUIRED
                },
                "A WebSocket is wanted",
                rejection.body_text(),
            )
            .or_else("connect with a WebSocket client (ws://…)")
        })?;
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return Err(Problem::busy(format!("there are {SOCKETS} WebSockets already")));
        };
        let this = self.clone();
        Ok(upgrade.max_message_size(INCOMING).max_frame_size(INCOMING).write_buffer_size(OUTGOING).on_upgrade(
            move |socket| async move {
                let tasks = this.tasks.clone();
                tasks.track_future(this.feed(socket, caller, feed, slot)).await;
            },
        ))
    }

    async fn feed(self, socket: WebSocket, caller: Caller, mut feed: impl Feed, slot: OwnedSemaphorePermit) {
        let (sink, mut inbox) = socket.split();
        let mut outbox = Outbox { sink };
        let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let revoked = caller.revoked();
        let mut revoked = std::pin::pin!(revoked);
        let (code, reason) = loop {
            tokio::select! {
                () = self.stop.cancelled() => break (1001, "the hub stops"),
                () = revoked.as_mut() => break (1008, "the token was revoked"),
                message = inbox.next() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => break (1000, ""),
                    Some(Ok(_)) => heard = Instant::now(),
                },
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        break (1002, "no answer to pings");
                    }
                    if outbox.within(async |sink| sink.send(Message::Ping(Vec::new().into())).await).await.is_err() {
                        break (1002, "too slow");
                    }
                }
                news = feed.wait() => {
                    if news.is_err() {
                        break (1001, "the hub stops");
                    }
                    if feed.tell(&mut outbox).await.is_err() || outbox.flush().await.is_err() {
                        break (1008, "too slow");
                    }
                }
            }
        };
        // The source is let go first, so that a slow goodbye holds nothing.
        drop(feed);
        outbox.close(code, reason).await;
        drop(slot);
    }
}
