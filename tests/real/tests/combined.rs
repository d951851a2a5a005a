//! A driver for a whole house in one component: MQTT, HTTP, a serial bus and WebSocket at once, fifty devices, against
//! mosquitto with paho relays, an HTTP server, pyserial dimmers on a pty and WebSocket panels; under delay and loss too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _, stream};
use igloo_hub::{CommandOutcome, InstanceInfo, InstanceRef};
use igloo_real_tests::{Home, Line, Program, Python, Relay, device, free_port, number};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::{connect_async, tungstenite::Message};

const RELAYS: usize = 25;
const SENSORS: usize = 15;
const DIMMERS: usize = 5;
const PANELS: usize = 5;

/// Commands that are under way: a few less than a provider may have.
const AT_ONCE: usize = 30;

/// A house with everything in it.
struct House {
    home: Home,
    instance: InstanceInfo,
    mqtt: Relay,
    http: Relay,
    line: Line,
    relays: Python,
    sensors: Python,
    dimmers: Python,
    panels: Vec<JoinHandle<()>>,
    panel_port: u16,
    _broker: Program,
}

impl House {
    async fn new() -> Self {
        let broker_port = free_port();
        let broker = Program::start("mosquitto", ["-v", "-p", &broker_port.to_string()]);
        broker.says("running").await;
        let (relays, _) = Python::start("relays.py", &[&broker_port.to_string()]).await;
        let (sensors, ready) = Python::start("sensors.py", &[]).await;
        let line = Line::new().await;
        let (dimmers, _) = Python::start("dimmers.py", &[line.far().to_str().unwrap()]).await;
        let mqtt = Relay::to(broker_port).await;
        let http = Relay::to(u16::try_from(ready["ready"].as_u64().unwrap()).unwrap()).await;
        let panel_port = free_port();

        let home = Home::open().await;
        let config = json!({
            "mqtt_host": "localhost",
            "mqtt_port": mqtt.port(),
            "sensors": format!("http://localhost:{}/sensors", http.port()),
            "listen": format!("127.0.0.1:{panel_port}"),
        });
        let grants = [mqtt.port(), http.port()]
            .iter()
            .flat_map(|port| [format!("tcp://localhost:{port}"), format!("tcp://127.0.0.1:{port}")])
            .chain([format!("listen:tcp://127.0.0.1:{panel_port}"), format!("serial:bus={}", line.near().display())])
            .collect::<Vec<_>>();
        let instance = home.install("combined", &grants, config).await;
        home.ready(&instance).await;
        let panels = (0..PANELS).map(|number| tokio::spawn(panel(panel_port, number))).collect();
        let house =
            Self { home, instance, mqtt, http, line, relays, sensors, dimmers, panels, panel_port, _broker: broker };
        for (name, count) in [("relay", RELAYS), ("sensor", SENSORS), ("dimmer", DIMMERS), ("panel", PANELS)] {
            house.reachable(name, count, true).await;
        }
        house
    }

    /// Waits until all devices of a name can be reached, or cannot.
    async fn reachable(&self, name: &str, count: usize, expected: bool) {
        let look = |devices: &[_]| {
            let all = |n| device(devices, &format!("{name}-{n}")).is_some_and(|device| device.available == expected);
            (0..count).all(all).then_some(())
        };
        self.home.until(&format!("every {name} is available: {expected}"), look).await;
    }

    async fn set(&self, name: &str, number: usize, round: usize) -> CommandOutcome {
        let (kind, value) = value(name, number, round);
        self.home.command(&format!("{name}-{number}"), "it", kind, value).await
    }

    /// Sets everything of these names, many at the same time: each says that it did, and shows it.
    async fn set_all(&self, names: &[(&str, usize)], round: usize) {
        let each: Vec<(&str, usize)> =
            names.iter().flat_map(|(name, count)| (0..*count).map(move |number| (*name, number))).collect();
        let all = stream::iter(&each).map(|(name, number)| self.set(name, *number, round));
        let outcomes: Vec<_> = all.buffered(AT_ONCE).collect().await;
        for ((name, number), outcome) in each.iter().zip(outcomes) {
            assert_eq!(outcome, CommandOutcome::Ok, "{name}-{number}\n{}", self.home.story());
            let (kind, expected) = value(name, *number, round);
            assert_eq!(self.home.now(&format!("{name}-{number}"), "it", kind), expected, "{name}-{number}");
        }
    }

    /// What the counterparts say of the last round.
    async fn counterparts_agree(&mut self, round: usize) {
        let told = self.relays.ask(json!(null)).await;
        for number in 0..RELAYS {
            let state = if value("relay", number, round).1 == json!(true) { "on" } else { "off" };
            let last = told["set"].as_array().unwrap().iter().rfind(|told| told[0] == json!(number));
            assert_eq!(last.unwrap()[1], json!(state), "relay-{number}");
        }
        let levels = self.dimmers.ask(json!(null)).await;
        for number in 0..DIMMERS {
            let percent = value("dimmer", number, round).1.as_f64().unwrap() * 100.0;
            assert_eq!(levels["levels"][number.to_string()].as_f64().unwrap(), percent.round(), "dimmer-{number}");
        }
    }

    /// The sensors show a temperature that they did not have before.
    async fn sensors_show(&mut self, temperature: f64) {
        self.sensors.ask(json!(temperature)).await;
        let look = |devices: &[_]| {
            let shows = |n: u32| {
                let reading = number(devices, &format!("sensor-{n}"), "it", "temperature")?;
                Some((reading - temperature - f64::from(n) / 100.0).abs() < 1e-6)
            };
            (0..15).all(|n| shows(n) == Some(true)).then_some(())
        };
        self.home.until(&format!("the sensors show {temperature}"), look).await;
    }

    fn now(&self) -> InstanceInfo {
        self.home.hub.instance(&InstanceRef::Id(self.instance.id)).unwrap()
    }

    async fn end(self) {
        self.panels.iter().for_each(JoinHandle::abort);
        assert_eq!(self.now().restarts, 0, "{}", self.home.story());
        self.home.hub.shutdown().await;
    }
}

const ALL: [(&str, usize); 3] = [("relay", RELAYS), ("dimmer", DIMMERS), ("panel", PANELS)];

/// What a device is set to in a round: another value than in the one before.
fn value(name: &str, number: usize, round: usize) -> (&'static str, Json) {
    match name {
        "dimmer" => {
            let percent = u32::try_from((number * 13 + round * 7) % 101).unwrap();
            ("dimmer", json!(f64::from(percent) / 100.0))
        }
        _ => ("switch", json!((number + round).is_multiple_of(2))),
    }
}

fn unavailable(outcome: &CommandOutcome) {
    assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{outcome:?}");
}

/// A panel on the wall: it says what it is, does what it is told, and comes back when it lost its house.
async fn panel(port: u16, number: usize) {
    let state = |on: bool| Message::text(json!({ "panel": number, "on": on }).to_string());
    loop {
        if let Ok((mut socket, _)) = connect_async(format!("ws://127.0.0.1:{port}")).await {
            let mut said = socket.send(state(false)).await;
            while let (Ok(()), Some(Ok(message))) = (&said, socket.next().await) {
                let Message::Text(text) = message else { continue };
                let asked: Json = serde_json::from_str(&text).unwrap();
                said = socket.send(state(asked["on"] == json!(true))).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_devices_on_four_protocols() {
    let mut house = House::new().await;
    assert_eq!(house.now().devices, RELAYS + SENSORS + DIMMERS + PANELS);
    for round in 1..=4 {
        house.set_all(&ALL, round).await;
    }
    house.counterparts_agree(4).await;
    house.sensors_show(21.5).await;

    // Packets that take their time.
    for relay in [&house.mqtt, &house.http] {
        relay.delay(Duration::from_millis(40));
    }
    house.set_all(&ALL, 5).await;
    house.sensors_show(22.5).await;
    house.counterparts_agree(5).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_protocol_loses_the_others_do_not_notice() {
    let mut house = House::new().await;

    // The broker resets, and is not there.
    house.mqtt.cut();
    house.reachable("relay", RELAYS, false).await;
    unavailable(&house.set("relay", 0, 1).await);
    house.set_all(&ALL[1..], 1).await;
    house.sensors_show(18.0).await;
    house.mqtt.heal();
    house.reachable("relay", RELAYS, true).await;
    house.set_all(&ALL, 2).await;

    // The broker says nothing any more. That is found out by MQTT's own keep-alive.
    house.mqtt.silence();
    let (silent, ()) = tokio::join!(house.set("relay", 1, 3), house.set_all(&ALL[1..], 3));
    unavailable(&silent);
    house.reachable("relay", RELAYS, false).await;
    house.mqtt.heal();
    house.reachable("relay", RELAYS, true).await;

    house.http.cut();
    house.reachable("sensor", SENSORS, false).await;
    house.set_all(&ALL, 4).await;
    house.http.heal();
    house.reachable("sensor", SENSORS, true).await;
    house.sensors_show(19.0).await;

    house.line.unplug().await;
    house.reachable("dimmer", DIMMERS, false).await;
    unavailable(&house.set("dimmer", 0, 5).await);
    house.set_all(&[ALL[0], ALL[2]], 5).await;
    house.line.plug().await;
    house.dimmers = Python::start("dimmers.py", &[house.line.far().to_str().unwrap()]).await.0;
    house.reachable("dimmer", DIMMERS, true).await;

    for panel in house.panels.drain(..) {
        panel.abort();
    }
    house.reachable("panel", PANELS, false).await;
    let port = house.panel_port;
    house.panels = (0..PANELS).map(|number| tokio::spawn(panel(port, number))).collect();
    house.reachable("panel", PANELS, true).await;
    house.set_all(&ALL, 6).await;
    house.counterparts_agree(6).await;
    house.end().await;
}

/// A round of commands and a loss of something so often: a busy house, and not a machine that does nothing else.
const PACE: Duration = Duration::from_millis(200);

/// Mixed work with connections that get lost, for minutes: `IGLOO_SOAK_MINUTES`, or a quarter of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_through_work_and_losses() {
    let minutes: f64 = std::env::var("IGLOO_SOAK_MINUTES").map_or(0.25, |minutes| minutes.parse().unwrap());
    let lasts = Duration::from_secs_f64(minutes * 60.0);
    let mut house = House::new().await;
    let began = Instant::now();
    let (mut round, mut settled) = (0, None);
    let mut pace = tokio::time::interval(PACE);
    while began.elapsed() < lasts {
        pace.tick().await;
        round += 1;
        house.set_all(&ALL, round).await;
        match round % 20 {
            4 => house.mqtt.delay(Duration::from_millis(10)),
            8 => {
                house.mqtt.cut();
                house.reachable("relay", RELAYS, false).await;
                house.mqtt.heal();
                house.reachable("relay", RELAYS, true).await;
            }
            12 => house.mqtt.delay(Duration::ZERO),
            14 => {
                house.http.cut();
                house.reachable("sensor", SENSORS, false).await;
                house.http.heal();
                house.reachable("sensor", SENSORS, true).await;
            }
            18 => house.sensors_show(f64::from(u32::try_from(round % 30).unwrap())).await,
            _ => {}
        }
        // Buffers have grown to what they need after a fifth of the time.
        if settled.is_none() && began.elapsed() > lasts / 5 {
            settled = Some((house.now().stats.memory_bytes, rss_kib()));
        }
    }
    let (memory, rss) = settled.unwrap();
    let (memory_after, rss_after) = (house.now().stats.memory_bytes, rss_kib());
    println!(
        "{round} rounds of {} commands in {:.1} min; component {memory} → {memory_after} bytes; process {rss} → \
         {rss_after} KiB",
        RELAYS + DIMMERS + PANELS,
        began.elapsed().as_secs_f64() / 60.0,
    );
    assert!(memory_after <= memory + 256 * 1024, "{memory} → {memory_after}");
    // The hub's own, with a log and watches that have bounds: not by as much as a leak of a KiB in each round would be.
    assert!(rss_after < rss + 8 * 1024, "{rss} → {rss_after} KiB");
    house.end().await;
}

/// This process's resident memory: the hub's and the provider's.
fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
