//! A hub with its API on a free port, for one test.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use igloo_api::{AllowedHosts, Auth, Scope, Tokens};
use igloo_engine::component::EngineOptions;
use igloo_hub::{Hub, Options};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

/// A running hub. Its directory goes with it.
pub(crate) struct Home {
    pub(crate) hub: Hub,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) admin: String,
    pub(crate) http: reqwest::Client,
    pub(crate) tokens: Arc<Tokens>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
    _data: tempfile::TempDir,
}

/// A package made by `cargo xtask build-guests`: manifest and component.
pub(crate) fn package(name: &str) -> (String, Vec<u8>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/packages").join(name);
    let read = |file: &str| {
        std::fs::read(folder.join(file))
            .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask build-guests`", folder.display()))
    };
    let manifest = String::from_utf8(read("igloo.toml")).unwrap();
    (manifest, read(&format!("{}.wasm", name.replace('-', "_"))))
}

impl Home {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let listener = igloo_api::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut engine = EngineOptions::new(data.path().join("cache"));
        engine.threads = 1;
        let options = Options { data: data.path().to_owned(), engine, api_addresses: vec![address] };
        let hub = Hub::open(options).await.unwrap();
        let tokens = Arc::new(Tokens::open(data.path()).unwrap());
        let hosts = AllowedHosts::new([String::from("igloo.example")]);
        let auth = Auth { tokens: tokens.clone(), hosts };
        let admin = std::fs::read_to_string(data.path().join("token")).unwrap().trim().to_owned();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = tokio::spawn(igloo_api::serve(hub.clone(), vec![listener], auth, async {
            let _ = stopped.await;
        }));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { hub, address, admin, http, tokens, stop: Some(stop), serving, _data: data }
    }

    /// Uploads a package and runs an instance of it; answers when that is ready.
    pub(crate) async fn install(&self, name: &str) {
        let (manifest, component) = package(name);
        let (status, uploaded) = self.upload(manifest, component).await;
        assert_eq!(status, StatusCode::CREATED, "{uploaded}");
        let (status, made) = self.call(Method::POST, "/v1/instances", &json!({ "package": uploaded["id"] })).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        self.until_running(name).await;
    }

    pub(crate) async fn until_running(&self, name: &str) {
        for _ in 0..600 {
            let (_, instance) = self.call(Method::GET, &format!("/v1/instances/{name}"), &Value::Null).await;
            if instance["state"] == "running" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} does not run");
    }

    pub(crate) async fn upload(&self, manifest: String, component: Vec<u8>) -> (StatusCode, Value) {
        let form = reqwest::multipart::Form::new()
            .text("manifest", manifest)
            .part("component", reqwest::multipart::Part::bytes(component));
        let request = self.http.post(self.url("/v1/packages")).bearer_auth(&self.admin).multipart(form);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A call with the admin's token; without a body if that is null.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call_as(Some(&self.admin), method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let bytes = response.bytes().await.unwrap();
        let is_text = kind.as_deref().is_some_and(|kind| kind.starts_with("text/plain"));
        let body = match &*bytes {
            [] => Value::Null,
            text if is_text => Value::String(String::from_utf8(text.to_vec()).unwrap()),
            json => serde_json::from_slice(json).unwrap(),
        };
        if !status.is_success() {
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{status} {body}");
            assert_eq!(body["status"], status.as_u16(), "{body}");
        }
        (status, body)
    }

    pub(crate) async fn token(&self, scope: Scope) -> String {
        self.tokens.create("test", scope).await.unwrap().token
    }

    pub(crate) async fn socket(&self, path: &str, token: &str) -> Socket {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Socket(socket)
    }

    /// Stops the API and the hub, as `igloo up` does.
    pub(crate) async fn stop(mut self) {
        self.hub.shutdown().await;
        let _ = self.stop.take().unwrap().send(());
        tokio::time::timeout(Duration::from_secs(5), &mut self.serving).await.unwrap().unwrap();
    }
}

/// A WebSocket of JSON messages.
pub(crate) struct Socket(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    /// The next message within five seconds; nothing if it was closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let message = tokio::time::timeout(Duration::from_secs(5), async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        });
        message.await.expect("a message in time")
    }

    /// Skips to the first message of which this is true.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the socket is open");
            if wanted(&message) {
                return message;
            }
        }
    }

    pub(crate) async fn send(&mut self, text: String) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }
}
