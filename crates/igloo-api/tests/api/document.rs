//! The OpenAPI document against what is served: every operation of it is called, and answers as it says.

use std::collections::BTreeSet;

use igloo_api::Scope;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Home, package};

/// Calls operations and checks their answers against the document.
struct Checker<'a> {
    home: &'a Home,
    document: Value,
    called: BTreeSet<(String, String)>,
}

impl Checker<'_> {
    fn operation(&self, method: &Method, template: &str) -> &Value {
        let operation = &self.document["paths"][template][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{method} {template} is not in the document");
        operation
    }

    /// Checks a body against the schema that an answer's description has for it.
    fn check(&self, response: &Value, kind: &str, body: &Value, what: &str) {
        let Some(schema) = response["content"][kind].get("schema") else {
            assert!(body.is_null(), "{what} answers a body that is not described: {body}");
            return;
        };
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let validator = jsonschema::options().build(&schema).unwrap();
        let faults: Vec<String> = validator.iter_errors(body).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{what}: {faults:?}\n{body:#}");
    }

    /// Calls an operation that must succeed as the document says; answers its body.
    async fn ok(&mut self, method: Method, template: &str, parts: &[(&str, &str)], query: &str, body: Value) -> Value {
        let path =
            parts.iter().fold(template.to_owned(), |path, (name, part)| path.replace(&format!("{{{name}}}"), part));
        assert!(!path.contains('{'), "{path}");
        let (status, answer) = self.home.call(method.clone(), &format!("{path}{query}"), &body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer:#}");
        self.answered(&method, template, status, &answer);
        answer
    }

    fn answered(&mut self, method: &Method, template: &str, status: StatusCode, answer: &Value) {
        let what = format!("{method} {template} {status}");
        let response = &self.operation(method, template)["responses"][status.as_str()];
        assert!(response.is_object(), "{what} is not described");
        self.check(response, "application/json", answer, &what);
        self.called.insert((method.as_str().to_lowercase(), template.to_owned()));
    }

    fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone())))
            .filter(|(method, _)| ["get", "put", "post", "patch", "delete"].contains(&method.as_str()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_as_the_document_says() {
    let home = Home::start().await;
    let (status, document) = home.call_as(None, Method::GET, "/v1/openapi.json", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let mut api = Checker { home: &home, document, called: BTreeSet::new() };
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let none = || Value::Null;

    api.ok(get.clone(), "/v1/health", &[], "", none()).await;
    api.ok(get.clone(), "/v1/openapi.json", &[], "", none()).await;

    let (manifest, component) = package("demo-home");
    let (status, uploaded) = home.upload(manifest, component).await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    api.answered(&post, "/v1/packages", status, &uploaded);
    let package_id = uploaded["id"].as_str().unwrap().to_owned();
    api.ok(get.clone(), "/v1/packages", &[], "", none()).await;
    api.ok(get.clone(), "/v1/packages/{package}", &[("package", &package_id)], "", none()).await;

    let new = json!({"package": package_id, "name": "demo", "grants": ["memory=32MiB"], "config": {"speed": 1}});
    let made = api.ok(post.clone(), "/v1/instances", &[], "", new).await;
    assert_eq!(made["grants"], json!(["memory=32MiB"]));
    home.until_running("demo").await;
    api.ok(get.clone(), "/v1/instances", &[], "", none()).await;
    let demo = [("instance", "demo")];
    api.ok(get.clone(), "/v1/instances/{instance}", &demo, "", none()).await;
    let grants = "/v1/instances/{instance}/grants";
    let granted = api.ok(post.clone(), grants, &demo, "", json!({"grant": "discovery:_hap._tcp"})).await;
    assert_eq!(granted["grants"], json!(["memory=32MiB", "discovery:_hap._tcp"]));
    let revoked = api.ok(delete.clone(), grants, &demo, "?grant=memory%3D32MiB", none()).await;
    assert_eq!(revoked["grants"], json!(["discovery:_hap._tcp"]));
    let instance = "/v1/instances/{instance}";
    let configured = api.ok(patch.clone(), instance, &demo, "", json!({"config": {"speed": 2}})).await;
    assert_eq!(configured["config"], json!({"speed": 2}));
    assert_eq!(api.ok(patch.clone(), instance, &demo, "", json!({"mode": "audit"})).await["mode"], "audit");
    api.ok(patch.clone(), instance, &demo, "", json!({"name": "demo-2"})).await;
    let demo = [("instance", "demo-2")];
    for change in ["stop", "start", "restart"] {
        api.ok(post.clone(), &format!("/v1/instances/{{instance}}/{change}"), &demo, "", none()).await;
    }
    home.until_running("demo-2").await;

    let devices = api.ok(get.clone(), "/v1/devices", &[], "?query=demo-2/living-lamp", none()).await;
    assert_eq!(devices.as_array().map(Vec::len), Some(1), "{devices:#}");
    let id = devices[0]["id"].as_str().unwrap().to_owned();
    let lamp = [("device", id.as_str()), ("entity", "bulb"), ("group", "g1")];
    api.ok(get.clone(), "/v1/devices/{device}", &lamp, "", none()).await;
    let command = json!({"changes": {"switch": true, "dimmer": 0.5}, "transition-ms": 10, "deadline-ms": 5000});
    let path = "/v1/devices/{device}/entities/{entity}/command";
    let result = api.ok(post.clone(), path, &lamp, "", command).await;
    assert_eq!(result["outcome"], "ok");
    let action = [("instance", "demo-2"), ("action", "ring")];
    api.ok(post.clone(), "/v1/instances/{instance}/actions/{action}", &action, "", json!({})).await;

    let group = api.ok(post.clone(), "/v1/groups", &[], "", json!({"name": "Living room"})).await;
    assert_eq!(group["id"], "g1");
    let member = "/v1/groups/{group}/devices/{device}";
    assert_eq!(api.ok(put, member, &lamp, "", none()).await["devices"], json!([id]));
    assert_eq!(home.call(Method::GET, &format!("/v1/devices/{id}"), &none()).await.1["groups"], json!(["g1"]));
    api.ok(get.clone(), "/v1/groups", &[], "", none()).await;
    api.ok(patch, "/v1/groups/{group}", &lamp, "", json!({"name": "Salon"})).await;
    api.ok(delete.clone(), member, &lamp, "", none()).await;
    api.ok(delete.clone(), "/v1/groups/{group}", &lamp, "", none()).await;

    let root = json!({"name": "of home", "certificate": authority()});
    assert_eq!(api.ok(post.clone(), "/v1/roots", &[], "", root).await["subject"], "CN=Authority");
    assert_eq!(api.ok(get.clone(), "/v1/roots", &[], "", none()).await[0]["name"], "of home");
    api.ok(delete.clone(), "/v1/roots/{root}", &[("root", "of home")], "", none()).await;

    api.ok(get.clone(), "/v1/logs", &[], "?instance=demo-2&last=5", none()).await;
    api.ok(get.clone(), "/v1/denials", &[], "?instance=demo-2", none()).await;
    assert_eq!(api.ok(get.clone(), "/v1/doctor", &[], "", none()).await["providers"][0]["instance"], "demo-2");
    // Not JSON: `metrics` looks at it.
    api.called.insert((String::from("get"), String::from("/metrics")));

    let token = api.ok(post.clone(), "/v1/tokens", &[], "", json!({"name": "panel", "scope": "read"})).await;
    api.ok(get.clone(), "/v1/tokens", &[], "", none()).await;
    let token = [("token", token["about"]["id"].as_str().unwrap())];
    api.ok(delete.clone(), "/v1/tokens/{token}", &token, "", none()).await;

    // WebSockets: each answers its messages, by their schema.
    for (path, trigger, messages) in
        [("/v1/watch", None, 20), ("/v1/events", Some("restart"), 2), ("/v1/logs/follow", Some("restart"), 1)]
    {
        let mut socket = home.socket(path, &home.admin).await;
        if let Some(change) = trigger {
            home.call(Method::POST, &format!("/v1/instances/demo-2/{change}"), &none()).await;
        }
        for _ in 0..messages {
            let message = socket.next().await.unwrap();
            let response = api.operation(&get, path)["responses"]["101"].clone();
            api.check(&response, "application/json", &message, path);
        }
        api.called.insert((String::from("get"), path.to_owned()));
        let (status, problem) = home.call(Method::GET, path, &none()).await;
        assert_eq!(status, StatusCode::UPGRADE_REQUIRED, "{problem}");
    }

    home.until_running("demo-2").await;
    home.call(Method::POST, "/v1/instances/demo-2/stop", &none()).await;
    api.ok(delete.clone(), "/v1/devices/{device}", &lamp, "", none()).await;
    api.ok(delete.clone(), "/v1/instances/{instance}", &demo, "", none()).await;
    api.ok(delete, "/v1/packages/{package}", &[("package", &package_id)], "", none()).await;

    assert_eq!(api.called, api.operations(), "operations that were called, and those in the document");
    home.stop().await;
}

/// An authority's certificate.
fn authority() -> String {
    let extension = ["-addext", "basicConstraints=critical,CA:TRUE"];
    let output = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "/dev/null",
        ])
        .args(["-days", "2", "-subj", "/CN=Authority"])
        .args(extension)
        .output()
        .expect("openssl: run `cargo xtask setup`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An operation's path with something in its braces.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { if part == "{device}" { "d1" } else { "x1" } } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_done_without_the_right_token_nor_with_garbage() {
    let home = Home::start().await;
    let (_, document) = home.call_as(None, Method::GET, "/v1/openapi.json", &Value::Null).await;
    let api = Checker { home: &home, document, called: BTreeSet::new() };
    let (read, control) = (home.token(Scope::Read).await, home.token(Scope::Control).await);
    for (method, path) in api.operations() {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let scope = api.operation(&method, &path)["security"][0]["token"][0].as_str().map(str::to_owned);
        let path = filled(&path);
        let call = async |token: Option<&str>| home.call_as(token, method.clone(), &path, &Value::Null).await.0;
        let Some(scope) = scope else {
            assert_eq!(call(None).await, StatusCode::OK, "{method} {path} is open");
            continue;
        };
        for nobody in [None, Some(""), Some("igloo_x"), Some(&*format!("igloo_{}", "0".repeat(64)))] {
            assert_eq!(call(nobody).await, StatusCode::UNAUTHORIZED, "{method} {path} {nobody:?}");
        }
        for (token, is, allowed) in [(&read, "read", ["read"].as_slice()), (&control, "control", &["read", "control"])]
        {
            let forbidden = call(Some(token)).await == StatusCode::FORBIDDEN;
            assert_eq!(forbidden, !allowed.contains(&scope.as_str()), "{method} {path} needs {scope}, token has {is}");
        }
        // Garbage: a problem, and never one of the hub's own.
        for (kind, body) in [
            ("application/json", "{"),
            ("application/json", "[]"),
            ("application/json", r#"{"no-such-field": 1}"#),
            ("text/plain", "{}"),
            ("multipart/form-data; boundary=x", "--x\r\n"),
        ] {
            let request = home.http.request(method.clone(), home.url(&path)).bearer_auth(&home.admin);
            let response = request.header("content-type", kind).body(body).send().await.unwrap();
            let status = response.status();
            assert!(status.as_u16() < 500, "{method} {path} {body}: {status}");
            if method == Method::POST || method == Method::PATCH {
                let expected = ["start", "stop", "restart"].iter().any(|end| path.ends_with(end));
                assert!(status.is_client_error(), "{method} {path} {body} ({expected}): {status}");
            }
        }
    }
    // Too much.
    let large = "x".repeat(300 * 1024);
    let (status, _) = home.call(Method::POST, "/v1/groups", &json!({"name": large})).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (manifest, _) = package("demo-home");
    let (status, problem) = home.upload(manifest.clone(), vec![0; 65 << 20]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    // Not a component.
    let (status, problem) = home.upload(manifest, vec![0; 16]).await;
    assert!(status.is_client_error() || problem["compiled"] != "ready", "{status} {problem}");
    let (status, _) = home.call(Method::GET, "/v1/nothing", &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = home.call(Method::DELETE, "/v1/health", &Value::Null).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_have_one_outcome() {
    let home = Home::start().await;
    home.install("demo-home").await;
    let (_, devices) = home.call(Method::GET, "/v1/devices?query=*/living-lamp", &Value::Null).await;
    let path = format!("/v1/devices/{}/entities/bulb/command", devices[0]["id"].as_str().unwrap());
    let call = async |body: Value| home.call(Method::POST, &path, &body).await;
    let (status, problem) = call(json!({"changes": {"dimmer": 7}})).await;
    assert_eq!((status, &problem["outcome"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "{problem}");
    let (status, problem) = call(json!({"changes": {}})).await;
    assert_eq!((status, &problem["outcome"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "{problem}");
    let (status, problem) = call(json!({"changes": {"switch": true}, "deadline-ms": 0})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");

    // The same key is the same command.
    let keyed = async |body: Value| {
        let request = home.http.post(home.url(&path)).bearer_auth(&home.admin).header("idempotency-key", "k1");
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let first = keyed(json!({"changes": {"switch": true}})).await;
    let second = keyed(json!({"changes": {"switch": true}})).await;
    assert_eq!((&first["outcome"], &first["command"]), (&json!("ok"), &second["command"]), "{first} {second}");

    home.call(Method::POST, "/v1/instances/demo-home/stop", &Value::Null).await;
    let (status, problem) = call(json!({"changes": {"switch": true}})).await;
    assert_eq!((status, &problem["outcome"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")), "{problem}");
    home.stop().await;
}
