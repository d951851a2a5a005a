//! Compiled code, kept by content.
//!
//! Compiled code is native code: whoever can change it runs as the hub. So the directory is 0700, files are 0400, and
//! each is loaded only through the descriptor through which it was verified ([`super::sealed`]): with a MAC that is keyed
//! with a secret of this directory and covers the component's hash, the engine's compatibility hash and every byte. What
//! does not verify is deleted and compiled again. No provider's sandbox can see the directory.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use wasmtime::component::Component;

use super::{
    EngineError,
    pages::{Origin, SharedText},
    sealed::{Seal, Sealed},
};

/// How long compiling one component may take.
const COMPILE_DEADLINE: Duration = Duration::from_secs(300);
/// Address space that a compiling child may use.
const COMPILE_MEMORY: u64 = 6 << 30;
/// CPU seconds that a compiling child may use.
const COMPILE_CPU_SECONDS: u64 = 600;
/// The largest component.
pub const LARGEST_COMPONENT: u64 = 256 << 20;

/// The program that compiles: called with its arguments, then the component's path and the output's.
#[derive(Clone, Debug)]
pub struct CompilerCommand {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the two paths.
    pub args: Vec<String>,
}

/// See the module.
pub(super) struct Cache {
    directory: PathBuf,
    key: [u8; 32],
    compiler: Option<CompilerCommand>,
    engine: wasmtime::Engine,
    /// One compilation at a time: it takes all cores.
    compiling: Mutex<()>,
    shared: Arc<SharedText>,
}

/// A component that is loaded, and from where; `None` for a small one.
pub(super) struct Loaded {
    pub(super) component: Component,
    pub(super) origin: Option<Origin>,
}

impl Cache {
    pub(super) fn open(
        directory: PathBuf,
        compiler: Option<CompilerCommand>,
        engine: wasmtime::Engine,
    ) -> Result<Self, EngineError> {
        let prepare = || -> io::Result<[u8; 32]> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
            read_or_make_key(&directory.join("key"))
        };
        let key = prepare().map_err(|error| EngineError::File { path: directory.clone(), error })?;
        Ok(Self { directory, key, compiler, engine, compiling: Mutex::new(()), shared: Arc::default() })
    }

    /// The compiled component: loaded where it is kept and verifies, else compiled and kept.
    pub(super) async fn load(&self, component: &Path, sha256: &str) -> Result<Loaded, EngineError> {
        let (engine, shared) = (self.engine.clone(), self.shared.clone());
        self.get(component, sha256, move |file, sealed| {
            let is_known = shared.knows(sealed.text);
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            // SAFETY: the path leads to this very descriptor, whose bytes were made by this hub's own compiler for this
            // engine configuration: only it knows the key of the MAC that was verified over all that is parsed here.
            // Nothing of the two parts is run or read before they are verified, too, or replaced by what was: until
            // then nobody has the component. Mapped, the file could still be changed by who may write to it: it is
            // 0400, in a directory that is 0700, and this program itself only ever renames over it or removes it.
            let parse = || unsafe { Component::deserialize_file(&engine, path) }.map_err(|_| "not for this engine");
            let verify = || sealed.verify(sealed.image) && (is_known || sealed.verify(sealed.text));
            let (component, verified) = rayon_core::join(parse, verify);
            let component = component?;
            if !verified {
                return Err("a part's MAC is wrong");
            }
            if !shared.share(&component, file, sealed.text) && is_known {
                return Err("its code is not where it should be");
            }
            Ok(Loaded { component, origin: Origin::of(file) })
        })
        .await
    }

    /// The compiled component's code, in the same way.
    pub(super) async fn code(&self, component: &Path, sha256: &str) -> Result<Vec<u8>, EngineError> {
        self.get(component, sha256, |_, sealed| {
            let verified = sealed.verify(sealed.image) && sealed.verify(sealed.text);
            verified.then(|| sealed.code.to_vec()).ok_or("a part's MAC is wrong")
        })
        .await
    }

    async fn get<T: Send + 'static>(
        &self,
        component: &Path,
        sha256: &str,
        take: impl Fn(&File, Sealed<'_>) -> Result<T, &'static str> + Clone + Send + 'static,
    ) -> Result<T, EngineError> {
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EngineError::Compile(String::from("the component's hash is not a SHA-256 in hexadecimal")));
        }
        let mut hasher = DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        let context = format!("{sha256}-{:016x}", hasher.finish());
        let kept = self.directory.join(format!("{context}.cwasm"));
        if let Some(taken) = self.take_kept(&kept, &context, take.clone()).await {
            return Ok(taken);
        }
        let _one = self.compiling.lock().await;
        if let Some(taken) = self.take_kept(&kept, &context, take.clone()).await {
            return Ok(taken);
        }
        self.compile(component, sha256, &kept, &context).await?;
        self.take_kept(&kept, &context, take).await.ok_or_else(|| {
            EngineError::Compile(String::from("the compiled code cannot be read back; is the disk full?"))
        })
    }

    async fn take_kept<T: Send + 'static>(
        &self,
        kept: &Path,
        context: &str,
        take: impl FnOnce(&File, Sealed<'_>) -> Result<T, &'static str> + Send + 'static,
    ) -> Option<T> {
        let (kept, context, key) = (kept.to_owned(), context.to_owned(), self.key);
        let load = move || {
            let file = File::open(&kept).ok()?;
            match with_sealed(&file, Seal { key: &key, context: &context }, |sealed| take(&file, sealed)) {
                Ok(taken) => Some(taken),
                Err(reason) => {
                    tracing::warn!(file = %kept.display(), reason, "compiled code does not verify and is made anew");
                    let _ = fs::remove_file(&kept);
                    None
                }
            }
        };
        tokio::task::spawn_blocking(load).await.ok().flatten()
    }

    async fn compile(&self, component: &Path, sha256: &str, kept: &Path, context: &str) -> Result<(), EngineError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| EngineError::File { path, error }
        };
        let bytes = tokio::fs::read(component).await.map_err(at(component))?;
        if bytes.len() as u64 > LARGEST_COMPONENT {
            return Err(EngineError::Compile(format!("a component has at most {LARGEST_COMPONENT} bytes")));
        }
        if hex(&Sha256::digest(&bytes)) != sha256.to_ascii_lowercase() {
            return Err(EngineError::Compile(format!("{} is not the file that was installed", component.display())));
        }
        let code = match &self.compiler {
            Some(command) => self.compile_in_child(command, &bytes).await?,
            None => {
                let engine = self.engine.clone();
                tokio::task::spawn_blocking(move || engine.precompile_component(&bytes))
                    .await
                    .map_err(|error| EngineError::Compile(error.to_string()))?
                    .map_err(|error| EngineError::Compile(format!("{error:#}")))?
            }
        };
        let (kept, key, context) = (kept.to_owned(), self.key, context.to_owned());
        let path = kept.clone();
        tokio::task::spawn_blocking(move || keep(&kept, Seal { key: &key, context: &context }, &code))
            .await
            .map_err(|error| EngineError::Compile(error.to_string()))?
            .map_err(at(&path))
    }

    /// Compiles in a child with nothing but two files of its own.
    async fn compile_in_child(&self, command: &CompilerCommand, bytes: &[u8]) -> Result<Vec<u8>, EngineError> {
        let file = |error: io::Error| EngineError::File { path: self.directory.clone(), error };
        let work = Work::new(&self.directory).map_err(file)?;
        let (input, output) = (work.0.join("component.wasm"), work.0.join("code"));
        tokio::fs::write(&input, bytes).await.map_err(file)?;
        let mut child = tokio::process::Command::new(&command.program);
        child.args(&command.args).arg(&input).arg(&output).env_clear().current_dir(&work.0);
        child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = child.spawn().map_err(|error| EngineError::File { path: command.program.clone(), error })?;
        let finished = tokio::time::timeout(COMPILE_DEADLINE, child.wait_with_output())
            .await
            .map_err(|_| EngineError::Compile(format!("it took more than {} s", COMPILE_DEADLINE.as_secs())))?
            .map_err(file)?;
        if !finished.status.success() {
            let words = String::from_utf8_lossy(&finished.stderr);
            let words: String = words.trim().chars().take(2000).collect();
            return Err(EngineError::Compile(if words.is_empty() { finished.status.to_string() } else { words }));
        }
        tokio::fs::read(&output).await.map_err(file)
    }
}

/// A directory for one compilation, removed at its end.
struct Work(PathBuf);

impl Work {
    fn new(parent: &Path) -> io::Result<Self> {
        let path = parent.join(format!("compiling-{}", random_name()?));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the compiling child does: reads a component, writes its code. Its own memory and time are limited first.
pub fn compile_child(input: &Path, output: &Path) -> Result<(), EngineError> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    for (resource, most) in [(Resource::As, COMPILE_MEMORY), (Resource::Cpu, COMPILE_CPU_SECONDS), (Resource::Core, 0)]
    {
        setrlimit(resource, limit(most)).map_err(|error| EngineError::Setup(error.to_string()))?;
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| EngineError::File { path, error }
    };
    let engine = wasmtime::Engine::new(&super::config()).map_err(|error| EngineError::Setup(format!("{error:#}")))?;
    let bytes = fs::read(input).map_err(at(input))?;
    let code = engine.precompile_component(&bytes).map_err(|error| EngineError::Compile(format!("{error:#}")))?;
    fs::write(output, code).map_err(at(output))
}

/// Writes sealed code: to a file of its own, made durable, then renamed. Several hubs may share a directory, as tests do.
fn keep(kept: &Path, seal: Seal<'_>, code: &[u8]) -> io::Result<()> {
    let (beside, mut file) = create_beside(kept)?;
    file.write_all(code)?;
    file.write_all(&seal.close(code))?;
    file.sync_all()?;
    fs::rename(&beside, kept)
}

/// A new file, readable by its owner alone, in the same directory.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let beside = path.with_extension(random_name()?);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&beside)?;
    Ok((beside, file))
}

fn random_name() -> io::Result<String> {
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&name))
}

/// Does something with a kept file's code, if its MAC is right.
///
/// The file is mapped and not read: a component in Python is 38 MB of code and memory, of which an instance touches a
/// tenth, and whoever loads it maps it too.
fn with_sealed<T>(
    file: &File,
    seal: Seal<'_>,
    take: impl FnOnce(Sealed<'_>) -> Result<T, &'static str>,
) -> Result<T, &'static str> {
    // SAFETY: nobody shortens or changes the file while it is mapped: see where it is loaded.
    let bytes = unsafe { memmap2::MmapOptions::new().map(file) }.map_err(|_| "unreadable")?;
    let taken = Sealed::open(&bytes, seal).and_then(take);
    // Unmapping takes a while, and nobody has to wait for it.
    rayon_core::spawn(move || drop(bytes));
    taken
}

/// The directory's secret. The first one made stays, whoever makes it.
fn read_or_make_key(path: &Path) -> io::Result<[u8; 32]> {
    let read = || fs::read(path).ok().and_then(|bytes| bytes.try_into().ok());
    if let Some(key) = read() {
        return Ok(key);
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let (beside, mut file) = create_beside(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read().ok_or_else(|| io::Error::other("the key has the wrong length: delete the cache directory"))
        }
        Err(error) => Err(error),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
