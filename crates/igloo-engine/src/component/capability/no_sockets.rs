//! WASI 0.2's sockets, which there are none of.
//!
//! CPython's standard library in a component imports them whether or not anything calls them. So they are there to be
//! linked, and answer `not-supported`: a second way to the network, around the policy, does not exist. Python's sockets
//! are made of WASI 0.3's by `igloo_runtime`.

use wasmtime::component::{
    Component, Linker, ResourceType, Val,
    types::{ComponentInstance, ComponentItem},
};

use crate::component::state::State;

/// Resources that the interfaces of sockets take from others.
const FROM_IO: [&str; 4] = ["pollable", "input-stream", "output-stream", "error"];

/// What no instance ever has.
struct Nothing;

/// The linker with what this component imports of WASI 0.2's sockets; `None` if it imports nothing of the kind.
pub(crate) fn linker_for(component: &Component, linker: &Linker<State>) -> wasmtime::Result<Option<Linker<State>>> {
    let engine = component.engine();
    let ty = component.component_type();
    let mut with = None;
    for (name, import) in ty.imports(engine) {
        if let ComponentItem::ComponentInstance(interface) = import.ty
            && name.starts_with("wasi:sockets/")
            && name.contains("@0.2.")
        {
            define(with.get_or_insert_with(|| linker.clone()), name, &interface, component)?;
        }
    }
    Ok(with)
}

fn define(
    linker: &mut Linker<State>,
    name: &str,
    interface: &ComponentInstance,
    component: &Component,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(name)?;
    for (name, item) in interface.exports(component.engine()) {
        match item.ty {
            // Streams and pollables are those of wasi:io, which the linker has.
            ComponentItem::Resource(_) if FROM_IO.contains(&name) => {}
            ComponentItem::Resource(_) => instance.resource(name, ResourceType::host::<Nothing>(), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) => instance.func_new(name, |_, _, _, results| {
                for result in results {
                    let refused = Val::Enum(String::from("not-supported"));
                    *result = Val::Result(Err(Some(Box::new(refused))));
                }
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(())
}
