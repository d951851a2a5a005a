//! A scripted hub: the other end of a provider's socket, one message at a time.

use igloo_wire::{
    Decoder, FromProvider, ToProvider,
    codec::decode,
    encode,
    message::{Order, Outcome, Reply, Request, RequestError},
    types::{Change, Command as Asked, CommandError, Value},
};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::{
    io::{IoSlice, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Hub {
    child: Child,
    pub(crate) socket: UnixStream,
    decoder: Decoder,
    calls: u64,
}

impl Hub {
    /// Starts a provider with a socket as descriptor 3 and nothing else.
    pub(crate) fn start(program: &Path) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // The shell moves a descriptor to a number that `Command` cannot give it.
        let child = Command::new("/bin/sh")
            .args(["-c", r#"exec "$0" 3<&0 0</dev/null"#])
            .arg(program)
            .stdin(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, socket, decoder: Decoder::default(), calls: 0 }
    }

    pub(crate) fn hear(&mut self) -> FromProvider {
        self.hear_or_end().expect("the provider hung up")
    }

    pub(crate) fn hear_or_end(&mut self) -> Option<FromProvider> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(decode(frame, |path| panic!("an unknown field {path}")).unwrap());
            }
            let mut bytes = [0; 4096];
            match self.socket.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.decoder.feed(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn say(&mut self, message: &ToProvider) {
        let mut frame = Vec::new();
        encode(message, &mut frame).unwrap();
        self.say_bytes(&frame);
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Says something that a descriptor comes with.
    pub(crate) fn say_with(&mut self, message: &ToProvider, descriptor: &OwnedFd) {
        let mut frame = Vec::new();
        encode(message, &mut frame).unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let sent = sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }

    pub(crate) fn welcome(&mut self, config: &str) {
        let hello = self.hear();
        assert!(matches!(&hello, FromProvider::Hello { version, .. } if version == igloo_wire::VERSION), "{hello:?}");
        self.say(&ToProvider::Welcome {
            version: igloo_wire::VERSION.to_owned(),
            features: Vec::new(),
            name: "test".to_owned(),
            config: config.to_owned(),
        });
    }

    /// The next message, which must be a call.
    pub(crate) fn called(&mut self) -> (u64, Request) {
        match self.hear() {
            FromProvider::Call { id, request } => (id, request),
            other => panic!("no call: {other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, id: u64, result: Result<Reply, RequestError>) {
        self.say(&ToProvider::Answer { id, result: result.into() });
    }

    pub(crate) fn order(&mut self, request: Order) -> u64 {
        self.calls += 1;
        let id = self.calls;
        self.say(&ToProvider::Call { id, request });
        id
    }

    /// Asks for a switch.
    pub(crate) fn switch(&mut self, on: bool) -> u64 {
        let id = self.calls + 1;
        self.order(Order::Command(Asked {
            id,
            device: "lamp-1".to_owned(),
            entity: "bulb".to_owned(),
            changes: vec![Change { kind: "switch".to_owned(), value: Value::Boolean(on) }],
            transition_ms: None,
            deadline_ms: 5000,
        }))
    }

    pub(crate) fn action(&mut self, name: &str, parameters: &str) -> u64 {
        self.order(Order::Action { name: name.to_owned(), parameters: parameters.to_owned() })
    }

    /// The next message, which must be this call's answer.
    pub(crate) fn answered(&mut self, call: u64) -> Result<Option<String>, CommandError> {
        match self.hear() {
            FromProvider::Answer { id, result } if id == call => Outcome::into(result),
            other => panic!("no answer of {call}: {other:?}"),
        }
    }

    /// The next message, which must be one component's new value.
    pub(crate) fn written(&mut self) -> (u32, Value) {
        match self.hear() {
            FromProvider::Write { updates } => match <[_; 1]>::try_from(updates) {
                Ok([update]) => (update.component, update.value),
                Err(updates) => panic!("not one update: {updates:?}"),
            },
            other => panic!("no write: {other:?}"),
        }
    }

    /// How it ended, and what it said on standard error.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        while self.hear_or_end().is_some() {}
        self.wait()
    }

    pub(crate) fn hang_up(&mut self) -> (ExitStatus, String) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.wait()
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap(), text)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
