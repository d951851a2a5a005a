//! `igloo:provider/home`: describing, writing, events, log, configuration.

use igloo_model::limits;
use igloo_protocol::{BadUpdate, DescribeError, EmitError, LogLevel, UpdateError};

use crate::component::{
    bindings::igloo::provider::{
        home,
        types::{self, BadUpdate as WitBadUpdate},
    },
    convert,
    state::State,
};

/// Refused updates that are told of one write.
const BAD_UPDATES: usize = 64;

/// How an SDK begins the line that it logs at level `error` when the provider panics.
const PANIC: &str = "panic: ";

impl types::Host for State {}

impl home::Host for State {
    fn describe(
        &mut self,
        device: types::DeviceDescription,
    ) -> wasmtime::Result<Result<Vec<u32>, types::DescribeError>> {
        let described = match convert::device(device) {
            Ok(device) => self.home.describe(device),
            Err(convert::NoSuchTime) => Err(DescribeError::Invalid(String::from("an attribute is not a date or time"))),
        };
        Ok(described.map_err(convert::describe_error))
    }

    fn remove(&mut self, device: String) -> wasmtime::Result<bool> {
        Ok(self.home.remove(&device))
    }

    fn complete(&mut self) -> wasmtime::Result<()> {
        self.home.complete();
        Ok(())
    }

    fn ready(&mut self) -> wasmtime::Result<()> {
        self.home.ready();
        Ok(())
    }

    fn write(&mut self, updates: Vec<types::Update>) -> wasmtime::Result<Vec<WitBadUpdate>> {
        let count = updates.len();
        let mut bad = Vec::new();
        let mut good = Vec::with_capacity(count.min(limits::UPDATES_PER_WRITE));
        // Where each good update stood in the provider's list, if any before it was bad.
        let mut places: Vec<u32> = Vec::new();
        for (index, update) in (0_u32..).zip(updates) {
            let error = if index as usize >= limits::UPDATES_PER_WRITE {
                UpdateError::Limit
            } else {
                match convert::update(update) {
                    Ok(update) => {
                        if !bad.is_empty() {
                            places.push(index);
                        }
                        good.push(update);
                        continue;
                    }
                    Err(convert::NoSuchTime) => UpdateError::WrongType,
                }
            };
            bad.push(BadUpdate { index, error });
            if bad.len() == 1 {
                places = (0..index).collect();
            }
        }
        for refused in self.home.write(&mut good) {
            let index = places.get(refused.index as usize).copied().unwrap_or(refused.index);
            bad.push(BadUpdate { index, error: refused.error });
        }
        bad.sort_by_key(|bad| bad.index);
        bad.truncate(BAD_UPDATES);
        Ok(bad.iter().map(convert::bad_update).collect())
    }

    fn emit(
        &mut self,
        component: u32,
        event: String,
        data: Option<types::Value>,
    ) -> wasmtime::Result<Result<(), types::EmitError>> {
        let emitted = match data.map(convert::value).transpose() {
            Ok(data) => self.home.emit(component, &event, data),
            Err(convert::NoSuchTime) => Err(EmitError::Limit),
        };
        Ok(emitted.map_err(convert::emit_error))
    }

    fn set_available(&mut self, device: String, available: bool) -> wasmtime::Result<bool> {
        Ok(self.home.set_available(&device, available))
    }

    fn log(&mut self, level: types::LogLevel, message: String) -> wasmtime::Result<()> {
        let level: LogLevel = convert::log_level(level);
        self.home.log(level, &message);
        if level == LogLevel::Error && message.starts_with(PANIC) {
            self.panic = Some(message);
        }
        Ok(())
    }

    fn config(&mut self) -> wasmtime::Result<String> {
        Ok(self.home.config().to_string())
    }
}
