//! The figures, as another program's parser reads them.

use std::{collections::BTreeMap, io::Write, path::PathBuf, process::Stdio};

use igloo_api::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Home;

/// Prints what the official client's parser made of its input: families by name, with their samples.
const PARSE: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation and family.type in ('counter', 'gauge'), family
    families[family.name] = [[s.name, s.labels, s.value] for s in family.samples]
json.dump(families, sys.stdout)
";

type Families = BTreeMap<String, Vec<(String, BTreeMap<String, String>, f64)>>;

fn parse(text: &str) -> Families {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let mut child = std::process::Command::new(&python)
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask setup`", python.display()));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_the_figures() {
    let home = Home::start().await;
    home.install("demo-home").await;
    let (_, devices) = home.call(Method::GET, "/v1/devices?query=*/living-lamp", &Value::Null).await;
    let path = format!("/v1/devices/{}/entities/bulb/command", devices[0]["id"].as_str().unwrap());
    for on in [true, false] {
        let (status, answer) = home.call(Method::POST, &path, &json!({"changes": {"switch": on}})).await;
        assert_eq!(status, 200, "{answer}");
    }
    let read = home.token(Scope::Read).await;
    assert_eq!(home.http.get(home.url("/metrics")).send().await.unwrap().status(), 401);
    let response = home.http.get(home.url("/metrics")).bearer_auth(&read).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let families = parse(&response.text().await.unwrap());
    let value = |family: &str, more: &[(&str, &str)]| {
        let samples = families.get(family).unwrap_or_else(|| panic!("{family} is not in {families:#?}"));
        let wanted = [("instance", "demo-home"), ("package", "demo-home")];
        let has = |labels: &BTreeMap<String, String>| {
            wanted.iter().chain(more).all(|(label, text)| labels.get(*label).is_some_and(|found| found == text))
        };
        samples.iter().find(|(_, labels, _)| has(labels)).map(|(_, _, value)| *value)
    };
    assert_eq!(value("igloo_provider_commands", &[]), Some(2.0));
    assert_eq!(value("igloo_provider_command_failures", &[("outcome", "busy")]), Some(0.0));
    assert_eq!(value("igloo_provider_up", &[]), Some(1.0));
    assert_eq!(value("igloo_provider_queue_limit", &[]), Some(32.0));
    assert_eq!(value("igloo_provider_state", &[("state", "running")]), Some(1.0));
    assert_eq!(value("igloo_provider_info", &[("engine", "component"), ("placement", "in-hub")]), Some(1.0));
    assert!(value("igloo_provider_cpu_seconds", &[]).is_some_and(|seconds| seconds > 0.0));
    assert!(value("igloo_provider_memory_bytes", &[]).is_some_and(|bytes| bytes > 65536.0));
    assert!(value("igloo_provider_writes", &[]).is_some_and(|writes| writes > 2.0));
    assert_eq!(families["igloo_hub_providers"][0].2, 1.0);
    home.stop().await;
}
