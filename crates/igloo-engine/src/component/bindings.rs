//! What `wit/` means to wasmtime, generated.

#![allow(missing_docs, unreachable_pub, reason = "generated")]
#![allow(clippy::all, clippy::needless_pass_by_value, clippy::large_futures, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "igloo:provider/provider",
    imports: {
        "igloo:serial/ports.[method]port.receive": store | trappable,
        default: trappable,
    },
    exports: { default: async | store },
    with: {
        "igloo:serial/ports.port": crate::component::capability::serial::OpenPort,
        "igloo:crypto/aead.key": crate::component::capability::crypto::AeadKey,
        "igloo:crypto/agreement.private-key": crate::component::capability::crypto::PrivateKey,
        "igloo:crypto/agreement.static-key": crate::component::capability::crypto::StaticKey,
        "igloo:crypto/cipher.running": crate::component::capability::crypto::Running,
        "igloo:crypto/signature.signing-key": crate::component::capability::crypto::SigningKey,
        "igloo:tls/connections.configuration": crate::component::capability::tls::Configuration,
        "igloo:tls/connections.connection": crate::component::capability::tls::Connection,
        "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
        "wasi:random": wasmtime_wasi::p3::bindings::random,
        "wasi:sockets": wasmtime_wasi::p3::bindings::sockets,
        "wasi:filesystem": wasmtime_wasi::p3::bindings::filesystem,
        "wasi:http": wasmtime_wasi_http::p3::bindings::http,
    },
});
