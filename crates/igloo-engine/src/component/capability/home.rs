//! `igloo:provider/home`: describing, writing, events, log, configuration.

use igloo_protocol::{DescribeError, EmitError, LogLevel};

use crate::{
    component::{
        bindings::igloo::provider::{
            home,
            types::{self, BadUpdate as WitBadUpdate},
        },
        state::State,
    },
    convert::{NoSuchTime, wit as convert},
};

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
            Err(NoSuchTime) => Err(DescribeError::Invalid(String::from("an attribute is not a date or time"))),
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

    fn write(&mut self, updates: Vec<types::Update>) -> wasmtime::Result<Result<(), Vec<WitBadUpdate>>> {
        let refused = convert::write(&*self.home, updates);
        Ok(if refused.is_empty() { Ok(()) } else { Err(refused) })
    }

    fn emit(
        &mut self,
        component: u32,
        event: String,
        data: Option<types::Value>,
    ) -> wasmtime::Result<Result<(), types::EmitError>> {
        let emitted = match data.map(convert::value).transpose() {
            Ok(data) => self.home.emit(component, &event, data),
            Err(NoSuchTime) => Err(EmitError::Limit),
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
