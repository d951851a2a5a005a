#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use std::{sync::Arc, time::{Duration, Instant}, path::PathBuf};
use igloo_engine::{component::*, test_home::Recorder, Policy, Outcome};
use igloo_model::Value; use igloo_protocol::{Command, Grants};
use sha2::{Digest, Sha256};
fn p(mut v: Vec<Duration>) -> String { v.sort(); format!("p50 {:?} p99 {:?}", v[v.len()/2], v[v.len()*99/100]) }
#[tokio::main(flavor="multi_thread", worker_threads=2)]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let engine = ComponentEngine::new(EngineOptions::new(dir.path().join("cache"))).unwrap();
    let path = PathBuf::from("target/packages/bench/bench.wasm");
    let hash: String = Sha256::digest(std::fs::read(&path).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    let prepared = engine.prepare(&path, &hash).await.unwrap();
    let launch = || { let mut g = Grants::default(); g.add("cpu=400%".parse().unwrap()); let l = g.limits(); Launch { name: "b".into(), policy: Policy::new(g, vec![]), limits: l, home: Arc::new(Recorder::default()), private_directory: dir.path().into() } };
    let c = Command { id: 1, device: "bench".into(), entity: "switch".into(), changes: vec![("switch".into(), Value::Boolean(true))], transition: None, deadline: Duration::from_secs(5) };
    for _ in 0..2 {
    println!("bare      {}", p(engine.bare_commands(&prepared, launch(), &c, 20000).await.unwrap()));
    let i = Arc::new(engine.start(&prepared, launch()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut v = vec![]; let ii = i.clone(); let cc = c.clone();
    let v2 = tokio::spawn(async move { for _ in 0..20000 { let t = Instant::now(); assert_eq!(ii.command(cc.clone()).await, Outcome::Ok); v.push(t.elapsed()); } v }).await.unwrap();
    println!("engine from a hub task {}", p(v2));
    let mut v = vec![]; let ii = i.clone(); let cc = c.clone();
    let v2 = engine.runtime().unwrap().spawn(async move { for _ in 0..20000 { let t = Instant::now(); assert_eq!(ii.command(cc.clone()).await, Outcome::Ok); v.push(t.elapsed()); } v }).await.unwrap();
    println!("engine from guest rt   {}", p(v2));
    }
}
