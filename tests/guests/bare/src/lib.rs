//! The shortest command there is: one write back, then `ok`, by the contract's generated bindings alone. It is what the
//! SDK's runtime is measured against, and no way to write a provider.

#![cfg(target_family = "wasm")]

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::undocumented_unsafe_blocks, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "igloo:provider/provider", generate_all });
}

use bindings::{
    exports::igloo::provider::driver::Guest,
    igloo::provider::{
        home,
        types::{
            Access, Command, CommandError, ComponentDescription, DeviceDescription, EntityDescription, Update, Value,
        },
    },
};
use std::cell::Cell;

thread_local! {
    static SWITCH: Cell<u32> = const { Cell::new(0) };
}

struct Bare;

impl Guest for Bare {
    async fn run() -> Result<(), String> {
        let switch = ComponentDescription { kind: "switch".to_owned(), access: Access::ReadWrite, attributes: vec![] };
        let (id, name) = ("switch".to_owned(), "Switch".to_owned());
        let entity = EntityDescription { id, name, attributes: vec![], components: vec![switch] };
        let (id, name) = ("bench".to_owned(), "Bench".to_owned());
        let device = DeviceDescription { id, name, attributes: vec![], entities: vec![entity] };
        let handles = home::describe(&device).map_err(|error| format!("{error:?}"))?;
        SWITCH.set(handles.first().copied().unwrap_or_default());
        home::complete();
        home::ready();
        std::future::pending().await
    }

    async fn command(command: Command) -> Result<(), CommandError> {
        for change in command.changes {
            if let Value::Boolean(on) = change.value {
                let _ = home::write(&[Update { component: SWITCH.get(), value: Value::Boolean(on), time: None }]);
            }
        }
        Ok(())
    }

    async fn action(_: String, _: String) -> Result<String, CommandError> {
        Err(CommandError::Rejected("there are no actions".to_owned()))
    }

    async fn stop() {}
}

bindings::export!(Bare with_types_in bindings);
