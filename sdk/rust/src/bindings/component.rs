//! The contract as generated from `wit/`. Private: nothing of it appears in an author's code.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::undocumented_unsafe_blocks, rust_2018_idioms)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "igloo:provider/provider",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_driver",
    default_bindings_module: "igloo::__private::bindings",
    runtime_path: "::igloo::__private::wit_bindgen::rt",
});
