//! Wall panels that connect by WebSocket, each saying which it is: `{"panel": 3, "on": true}`, at first and whenever it
//! changed. The same is sent to a panel that is to change.

use crate::{Devices, replies::Replies};
use futures_util::{SinkExt, StreamExt};
use igloo::prelude::*;
use std::{cell::RefCell, collections::HashMap, net::SocketAddr, rc::Rc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// How long a panel may take to say hello.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that wait for a panel.
const WAITING: usize = 16;

#[derive(serde::Deserialize)]
struct State {
    panel: usize,
    on: bool,
}

pub(crate) struct Panels {
    pub(crate) devices: Devices<kinds::Switch>,
    listen: SocketAddr,
    connected: RefCell<HashMap<usize, mpsc::Sender<Message>>>,
    replies: Replies<bool>,
}

impl Panels {
    pub(crate) fn new(devices: Devices<kinds::Switch>, listen: SocketAddr) -> Self {
        Self { devices, listen, connected: RefCell::default(), replies: Replies::default() }
    }

    pub(crate) async fn run(self: &Rc<Self>) -> igloo::Result<()> {
        let listener = TcpListener::bind(self.listen).await.context("listening for panels")?;
        loop {
            let (stream, peer) = listener.accept().await?;
            let this = self.clone();
            igloo::spawn(async move {
                if let Err(error) = this.serve(stream).await {
                    igloo::debug!("the panel at {peer} is gone: {error}");
                }
            });
        }
    }

    async fn serve(&self, stream: TcpStream) -> igloo::Result<()> {
        let socket = timeout(PATIENCE, accept_async(stream)).await??;
        let (mut sink, mut messages) = socket.split();
        let (sender, mut to_send) = mpsc::channel(WAITING);
        let mut number = None;
        let ended = loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let State { panel, on } = igloo::serde_json::from_str(&text)?;
                        if panel >= self.devices.components.len() {
                            break Ok(());
                        }
                        if number.replace(panel).is_none() {
                            self.connected.borrow_mut().insert(panel, sender.clone());
                            self.devices.home.set_available(&format!("panel-{panel}"), true);
                        }
                        self.devices.write(panel, on)?;
                        self.replies.said(panel, &on);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break Err(error.into()),
                    None => break Ok(()),
                },
                Some(message) = to_send.recv() => sink.send(message).await?,
            }
        };
        if let Some(panel) = number
            && self.connected.borrow().get(&panel).is_some_and(|other| other.same_channel(&sender))
        {
            self.connected.borrow_mut().remove(&panel);
            self.devices.home.set_available(&format!("panel-{panel}"), false);
        }
        ended
    }

    pub(crate) async fn set(&self, panel: usize, on: bool) -> Result<(), CommandError> {
        let sender = self.connected.borrow().get(&panel).cloned().ok_or(CommandError::Unavailable)?;
        let reply = self.replies.expect(panel, on);
        let message = Message::text(json!({ "panel": panel, "on": on }).to_string());
        sender.try_send(message).map_err(|_| CommandError::Busy)?;
        reply.await
    }
}
