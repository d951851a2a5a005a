//! WASI 0.2's sockets, polling and timers, defined on WASI 0.3.
//!
//! wasi-libc (and so std, socket2, mio and tokio, all unmodified) calls WASI 0.2 through undefined symbols named
//! `__wasm_import_…`, which the linker would turn into imports. Here they are *defined*, so the linker binds them, and
//! the component imports no `wasi:sockets@0.2`. What concerns files and standard streams goes on to the host's WASI 0.2.
//!
//! This depends on wasi-libc's internal names and on the layout of the canonical ABI ([`abi`]): a toolchain that changes
//! them makes components that import `wasi:sockets@0.2` again, which the build of every provider checks.
//!
//! - [`park`]: where tokio would block, a turn ends
//! - [`poll`]: pollables and timers
//! - [`streams`]: input and output streams, of connections and of the host
//! - [`tcp`], [`udp`], [`names`]: sockets
//! - [`libc`]: functions of the C library that do not fit sockets
//! - [`table`]: handles; [`wake`]: wakers; [`abi`]: memory layouts
//!
//! Nothing here blocks. A call that would have to, outside tokio's own waiting, panics and says what to use instead.

mod abi;
mod libc;
mod names;
mod park;
mod poll;
mod streams;
mod table;
mod tcp;
mod udp;
mod wake;

pub(super) use park::{PARK, Turn};
