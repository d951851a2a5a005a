//! Certificates made by the `openssl` command, and real servers and clients that use them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use igloo_engine::roots::{CertificateDer, read_pem};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::Child,
    time::timeout,
};

/// How long anything here may take.
const DEADLINE: Duration = Duration::from_secs(20);

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl: run `cargo xtask setup`");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A root, and a directory for what it signs.
pub(crate) struct Pki {
    directory: tempfile::TempDir,
    root: Leaf,
    digest: String,
    serial: Cell<u32>,
}

/// A certificate and its key, as files.
pub(crate) struct Leaf {
    certificate: PathBuf,
    key: PathBuf,
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Leaf {
    pub(crate) fn certificate(&self) -> &str {
        text(&self.certificate)
    }

    pub(crate) fn key(&self) -> &str {
        text(&self.key)
    }

    pub(crate) fn certificate_pem(&self) -> String {
        fs::read_to_string(&self.certificate).unwrap()
    }

    pub(crate) fn key_pem(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::with("p256", "-sha256")
    }

    /// A root with this kind of key, which signs with this digest.
    pub(crate) fn with(kind: &str, digest: &str) -> Self {
        Self::make(kind, digest, "Root of a test")
    }

    /// Another root, of this name.
    pub(crate) fn named(name: &str) -> Self {
        Self::make("p256", "-sha256", name)
    }

    fn make(kind: &str, digest: &str, name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root =
            Leaf { certificate: directory.path().join("root.pem"), key: make_key(directory.path(), "root", kind) };
        let pki = Self { directory, root, digest: digest.to_owned(), serial: Cell::new(1) };
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            pki.root.key(),
            digest,
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-out",
            pki.root.certificate(),
        ]);
        pki
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        read_pem(&fs::read(&self.root.certificate).unwrap()).unwrap().remove(0)
    }

    pub(crate) fn root_path(&self) -> &str {
        self.root.certificate()
    }

    /// A certificate for this name and 127.0.0.1. The kind is a key's, with `pkcs1` or `sec1` for its old form.
    pub(crate) fn leaf(&self, kind: &str, name: &str) -> Leaf {
        self.sign(kind, name, "2")
    }

    pub(crate) fn expired_leaf(&self, name: &str) -> Leaf {
        self.sign("p256", name, "-1")
    }

    pub(crate) fn self_signed(&self, name: &str) -> Leaf {
        let (stem, certificate) = self.next();
        let leaf = Leaf { certificate, key: make_key(self.directory.path(), &stem, "p256") };
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            leaf.key(),
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            &format!("subjectAltName=DNS:{name}"),
            "-out",
            leaf.certificate(),
        ]);
        leaf
    }

    /// One of version 1, signed by itself: without a word about names or purposes.
    pub(crate) fn version_1(&self, name: &str) -> Leaf {
        let (stem, certificate) = self.next();
        let leaf = Leaf { certificate, key: make_key(self.directory.path(), &stem, "p256") };
        let request = self.directory.path().join(format!("{stem}.csr"));
        openssl(&["req", "-new", "-key", leaf.key(), "-subj", &format!("/CN={name}"), "-out", text(&request)]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-signkey",
            leaf.key(),
            "-days",
            "2",
            "-out",
            leaf.certificate(),
        ]);
        leaf
    }

    /// An authority that expired yesterday.
    pub(crate) fn expired_root(&self) -> Leaf {
        self.sign_with("p256", "Old root", "-1", "basicConstraints=critical,CA:TRUE")
    }

    /// A directory with a file of this many bytes.
    pub(crate) fn file(&self, name: &str, size: u64) -> &Path {
        fs::File::create(self.directory.path().join(name)).unwrap().set_len(size).unwrap();
        self.directory.path()
    }

    fn next(&self) -> (String, PathBuf) {
        self.serial.set(self.serial.get() + 1);
        let stem = format!("leaf{}", self.serial.get());
        let certificate = self.directory.path().join(format!("{stem}.pem"));
        (stem, certificate)
    }

    fn sign(&self, kind: &str, name: &str, days: &str) -> Leaf {
        let usage = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth";
        self.sign_with(kind, name, days, &format!("subjectAltName=DNS:{name},IP:127.0.0.1\n{usage}"))
    }

    fn sign_with(&self, kind: &str, name: &str, days: &str, with: &str) -> Leaf {
        let (stem, certificate) = self.next();
        let leaf = Leaf { certificate, key: make_key(self.directory.path(), &stem, kind) };
        let at = |extension: &str| self.directory.path().join(format!("{stem}.{extension}"));
        let (request, extensions) = (at("csr"), at("ext"));
        fs::write(&extensions, with).unwrap();
        openssl(&["req", "-new", "-key", leaf.key(), "-subj", &format!("/CN={name}"), "-out", text(&request)]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            text(&request),
            "-CA",
            self.root.certificate(),
            "-CAkey",
            self.root.key(),
            &self.digest,
            "-set_serial",
            &self.serial.get().to_string(),
            "-days",
            days,
            "-extfile",
            text(&extensions),
            "-out",
            leaf.certificate(),
        ]);
        leaf
    }
}

fn make_key(directory: &Path, stem: &str, kind: &str) -> PathBuf {
    let path = directory.join(format!("{stem}.key"));
    let (kind, form) = kind.split_once(' ').unwrap_or((kind, "pkcs8"));
    let algorithm: &[&str] = match kind {
        "rsa:2048" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "rsa:4096" => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
        "p256" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "p384" => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "ed25519" => &["-algorithm", "ED25519"],
        other => panic!("no such kind of key: {other}"),
    };
    openssl(&[&["genpkey", "-out", text(&path)], algorithm].concat());
    if form != "pkcs8" {
        let old = directory.join(format!("{stem}.old"));
        openssl(&["pkey", "-in", text(&path), "-traditional", "-out", text(&old)]);
        return old;
    }
    path
}

/// A server that ends with the test.
pub(crate) struct SslServer {
    pub(crate) port: u16,
    _child: Child,
}

impl SslServer {
    /// `openssl s_server` with this certificate.
    pub(crate) async fn start(pki: &Pki, leaf: &Leaf, options: &[&str]) -> Self {
        Self::start_in(pki.directory.path(), pki, leaf, options).await
    }

    /// The same, which serves files of this directory.
    pub(crate) async fn start_in(directory: &Path, _: &Pki, leaf: &Leaf, options: &[&str]) -> Self {
        let mut command = tokio::process::Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert", leaf.certificate(), "-key", leaf.key()]);
        Self::spawn(command.args(options).current_dir(directory), "ACCEPT 127.0.0.1:").await
    }

    /// Starts a server that says its port in a line after this prefix.
    async fn spawn(command: &mut tokio::process::Command, prefix: &str) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("a server: run `cargo xtask setup`");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = timeout(DEADLINE, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the server ended");
                if let Some(port) = line.strip_prefix(prefix) {
                    return port.trim().parse().unwrap();
                }
            }
        });
        let port = port.await.expect("the server says its port");
        // What it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { port, _child: child }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Until somebody listens on this port.
pub(crate) async fn listening(port: u16) {
    let listening = async {
        // Whether it listens cannot be asked without being its one client: the system's table says.
        let entry = format!("0100007F:{port:04X} 00000000:0000 0A");
        while !fs::read_to_string("/proc/net/tcp").unwrap().contains(&entry) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, listening).await.expect("the guest listens");
}

/// What `openssl s_client` reads after it has sent this text, tried until somebody listens.
pub(crate) async fn s_client(pki: &Pki, port: u16, name: &str, version: &str, sent: &str) -> String {
    let address = format!("127.0.0.1:{port}");
    listening(port).await;
    let mut child = tokio::process::Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", name, "-verify_hostname", name, version, "-quiet"])
        .args(["-verify_return_error", "-CAfile", pki.root_path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(sent.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, child.stdout.take().unwrap().read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// A WebSocket server over TLS that says back what it is told: Python's `websockets`.
pub(crate) async fn websocket_server(leaf: &Leaf) -> SslServer {
    const PROGRAM: &str = "
import asyncio, ssl, sys, websockets
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    async def say_back(socket):
        async for message in socket:
            await socket.send(message)
    async with websockets.serve(say_back, '127.0.0.1', 0, ssl=context) as server:
        print('PORT', server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
";
    let python = crate::common::root().join("target/venv/bin/python");
    let mut command = tokio::process::Command::new(python);
    SslServer::spawn(command.args(["-c", PROGRAM, leaf.certificate(), leaf.key()]), "PORT ").await
}
