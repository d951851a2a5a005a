//! The home as a worker's component sees it: asked of the hub over the socket.
//!
//! Writes are checked here, by the hub's own rules, and only told to it: to wait for each would cost a round trip.

use std::{collections::HashMap, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use igloo_model::{Access, DeviceDescription, Kind, Kinds, Value, value::Misfit};
use igloo_protocol::{BadUpdate, DescribeError, EmitError, LogLevel, StoreError, Update, UpdateError};
use igloo_wire::{
    FromProvider,
    message::{Reply, Request, RequestError},
};
use parking_lot::Mutex;

use super::{
    client::{Answered, Client},
    convert,
};
use crate::home::{Denial, Home};

/// See the module.
pub(super) struct RemoteHome {
    client: Arc<Client>,
    config: Arc<str>,
    components: Mutex<HashMap<u32, (Arc<Kind>, Access)>>,
}

impl RemoteHome {
    pub(super) fn new(client: Arc<Client>, config: String) -> Self {
        Self { client, config: config.into(), components: Mutex::default() }
    }

    fn check(&self, update: &Update) -> Result<(), UpdateError> {
        let components = self.components.lock();
        let (kind, access) = components.get(&update.component).ok_or(UpdateError::UnknownComponent)?;
        if !access.has_state() {
            return Err(UpdateError::NotWritable);
        }
        update.value.check(kind).map_err(|misfit| match misfit {
            Misfit::WrongType(_) => UpdateError::WrongType,
            Misfit::TooLarge(_) => UpdateError::Limit,
        })
    }

    fn store(&self, request: Request) -> BoxFuture<'static, Result<Reply, StoreError>> {
        let answer = self.client.call(request);
        async move { answer.await.map(|(reply, _)| reply).map_err(store_error) }.boxed()
    }
}

fn store_error(error: RequestError) -> StoreError {
    match error {
        RequestError::Store(error) => convert::store_error(error),
        _ => unexpected(),
    }
}

fn unexpected() -> StoreError {
    StoreError::Unavailable(String::from("the hub did not answer"))
}

fn boolean(answer: &Answered) -> bool {
    matches!(answer, Ok((Reply::Boolean(true), _)))
}

impl Home for RemoteHome {
    fn describe(&self, device: DeviceDescription) -> Result<Vec<u32>, DescribeError> {
        let kinds = Kinds::built_in();
        let described: Vec<(Arc<Kind>, Access)> = device
            .entities
            .iter()
            .flat_map(|entity| &entity.components)
            .map(|component| (kinds.get(&component.kind), component.access))
            .collect();
        match self.client.ask(Request::Describe { device: convert::device(device) }) {
            Ok((Reply::Handles(handles), _)) => {
                self.components.lock().extend(handles.iter().copied().zip(described));
                Ok(handles)
            }
            Err(RequestError::Describe(error)) => Err(convert::describe_error(error)),
            _ => Err(DescribeError::Unavailable(String::from("the hub did not answer"))),
        }
    }

    fn remove(&self, device: &str) -> bool {
        boolean(&self.client.ask(Request::Remove { device: device.to_owned() }))
    }

    fn complete(&self) {
        self.client.say(&FromProvider::Complete {});
    }

    fn ready(&self) {
        self.client.say(&FromProvider::Ready {});
    }

    fn write(&self, updates: &mut Vec<Update>) -> Vec<BadUpdate> {
        let mut bad = Vec::new();
        let mut good = Vec::with_capacity(updates.len());
        for (index, update) in (0_u32..).zip(updates.drain(..)) {
            match self.check(&update) {
                Ok(()) => good.push(convert::update(update)),
                Err(error) => bad.push(BadUpdate { index, error }),
            }
        }
        if !good.is_empty() {
            self.client.say(&FromProvider::Write { updates: good });
        }
        bad
    }

    fn emit(&self, component: u32, event: &str, data: Option<Value>) -> Result<(), EmitError> {
        let request = Request::Emit { component, event: event.to_owned(), data: data.map(convert::value_out) };
        match self.client.ask(request) {
            Err(RequestError::Emit(error)) => Err(convert::emit_error(&error)),
            _ => Ok(()),
        }
    }

    fn set_available(&self, device: &str, available: bool) -> bool {
        boolean(&self.client.ask(Request::SetAvailable { device: device.to_owned(), available }))
    }

    fn log(&self, level: LogLevel, message: &str) {
        // What is longer is cut by the hub anyway.
        let message = message.chars().take(8192).collect();
        self.client.say(&FromProvider::Log { level: convert::log_level(level), message });
    }

    fn config(&self) -> Arc<str> {
        self.config.clone()
    }

    fn denied(&self, _: Denial) {
        // The hub decides, and knows.
    }

    fn store_get(&self, key: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, StoreError>> {
        let answer = self.store(Request::StoreGet { key });
        async move {
            match answer.await? {
                Reply::Bytes(bytes) => Ok(bytes.map(serde_bytes::ByteBuf::into_vec)),
                _ => Err(unexpected()),
            }
        }
        .boxed()
    }

    fn store_set(&self, key: String, value: Vec<u8>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store(Request::StoreSet { key, value: value.into() }).map(|answer| answer.map(drop)).boxed()
    }

    fn store_delete(&self, key: String) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store(Request::StoreDelete { key }).map(|answer| answer.map(drop)).boxed()
    }

    fn store_keys(&self, prefix: String) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        let answer = self.store(Request::StoreKeys { prefix });
        async move {
            match answer.await? {
                Reply::Keys(keys) => Ok(keys),
                _ => Err(unexpected()),
            }
        }
        .boxed()
    }
}
