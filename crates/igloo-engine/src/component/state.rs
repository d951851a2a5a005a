//! What the store of one instance holds on the host's side.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use igloo_protocol::{Limits, limits::Limit};
use wasmtime::{
    ResourceLimiter,
    component::{HasData, ResourceTable},
};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView, sockets::WasiSocketsCtxView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{
    Launch,
    capability::{crypto, http::Http, tls::Tls},
};
use crate::{counted::Full, home::Home, instance::Meters, output::Output, outside::Outside};
use igloo_protocol::LogLevel;

/// Host resources that an instance may have beside its sockets: streams, requests, directory handles…
const OTHER_RESOURCES: usize = 256;
/// The shortest time between two counts of the sockets.
const COUNT: Duration = Duration::from_millis(10);
/// Table elements of all of an instance's tables.
const TABLE_ELEMENTS: usize = 100_000;
/// Bytes that one call may make the host allocate while it reads arguments.
const HOSTCALL_BYTES: usize = 16 << 20;
/// Bytes of random numbers in one call.
const RANDOM_BYTES: u64 = 1 << 20;

/// One instance's host state.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Http,
    pub(crate) table: ResourceTable,
    /// Sockets, in a table of their own so that they can be limited and counted.
    sockets: ResourceTable,
    /// Sockets may have been made or closed since they were counted.
    uncounted: bool,
    counted_at: Instant,
    /// Keys of `igloo:crypto`.
    pub(crate) keys: ResourceTable,
    pub(crate) tls: Tls,
    pub(crate) home: Arc<dyn Home>,
    pub(crate) outside: Arc<dyn Outside>,
    meters: Arc<Meters>,
    limits: Limits,
    memory: usize,
    /// Elements of all tables.
    elements: usize,
    /// That there are no more was told.
    told_of_tables: bool,
    told_of_sockets: bool,
    /// Set when code was interrupted by the ticker; cleared before every poll.
    pub(crate) interrupted: Arc<AtomicBool>,
    /// What the provider said of its last panic, which a trap itself cannot tell.
    pub(crate) panic: Option<String>,
    /// When the instance's life began.
    pub(crate) born: Instant,
}

/// Lets the capabilities borrow the whole state.
pub(crate) struct Everything;

impl HasData for Everything {
    type Data<'a> = &'a mut State;
}

impl State {
    pub(crate) fn new(launch: &Launch, meters: Arc<Meters>, outside: Arc<dyn Outside>) -> wasmtime::Result<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(OTHER_RESOURCES + launch.limits.sockets as usize);
        let mut sockets_table = ResourceTable::new();
        sockets_table.set_max_capacity(launch.limits.sockets as usize);
        let mut wasi = WasiCtx::builder();
        let (sockets, home) = (outside.clone(), launch.home.clone());
        wasi.stdout(Output::new(home.clone(), LogLevel::Info))
            .stderr(Output::new(home, LogLevel::Warn))
            .allow_tcp(true)
            .allow_udp(true)
            .max_random_size(RANDOM_BYTES)
            .preopened_dir(&launch.private_directory, "/data", FsPerms::ReadWrite)?
            .preopened_dir(launch.roots.directory(), "/etc/ssl", FsPerms::ReadOnly)?
            .socket_addr_check(move |address, purpose| Box::pin(std::future::ready(sockets.socket(purpose, address))));
        Ok(Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Http(outside.clone()),
            table,
            sockets: sockets_table,
            uncounted: false,
            counted_at: Instant::now(),
            keys: crypto::keys(),
            tls: Tls::new(launch.roots.clone(), launch.limits.sockets),
            home: launch.home.clone(),
            outside,
            meters,
            limits: launch.limits,
            memory: 0,
            elements: 0,
            told_of_tables: false,
            told_of_sockets: false,
            interrupted: Arc::new(AtomicBool::new(false)),
            panic: None,
            born: Instant::now(),
        })
    }

    /// What socket calls work on.
    pub(crate) fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        self.count_sockets();
        self.uncounted = true;
        WasiSocketsCtxView { ctx: self.wasi.sockets(), table: &mut self.sockets }
    }

    /// Whether there is room for one more socket; says so once where there is none.
    pub(crate) fn has_room_for_socket(&mut self) -> Result<(), Full> {
        if self.sockets.iter_mut().count() < self.limits.sockets as usize {
            return Ok(());
        }
        let full = Full(Limit::Sockets(self.limits.sockets));
        if !std::mem::replace(&mut self.told_of_sockets, true) {
            self.home.log(LogLevel::Error, &full.to_string());
        }
        Err(full)
    }

    /// Before each call to the host, so that it is of the last one before; and not too often, as it goes through all.
    fn count_sockets(&mut self) {
        if self.uncounted && self.counted_at.elapsed() >= COUNT {
            self.uncounted = false;
            self.meters.sockets.store(self.sockets.iter_mut().count() as u64, Ordering::Relaxed);
            self.counted_at = Instant::now();
        }
    }

    /// A store for one instance, with its limits in force.
    pub(crate) fn into_store(self, engine: &wasmtime::Engine) -> wasmtime::Store<Self> {
        let mut store = wasmtime::Store::new(engine, self);
        store.limiter(|state| state);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().interrupted.store(true, Ordering::Relaxed);
            Ok(wasmtime::UpdateDeadline::Yield(1))
        });
        store
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.count_sockets();
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.memory.saturating_add(desired.saturating_sub(current));
        if after as u64 > self.limits.memory {
            let limit = igloo_protocol::grants::size_text(self.limits.memory);
            self.home
                .log(LogLevel::Error, &format!("the memory limit of {limit} is reached; grant memory=SIZE for more"));
            return Ok(false);
        }
        self.memory = after;
        self.meters.memory_bytes.store(after as u64, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        if most.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let after = self.elements.saturating_add(desired.saturating_sub(current));
        if after > TABLE_ELEMENTS {
            if !std::mem::replace(&mut self.told_of_tables, true) {
                let line = format!("the limit of {TABLE_ELEMENTS} table elements is reached; no grant allows more");
                self.home.log(LogLevel::Error, &line);
            }
            return Ok(false);
        }
        self.elements = after;
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        8
    }
}
