//! GPS receivers on a serial line, with gpsd.

use igloo_real_tests::{Line, Program, ask, free_port};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Duration, sleep};

use crate::bench::{Bench, at, tcp};
use crate::table::Row;

/// What a receiver says every second.
const SENTENCES: [&str; 3] = [
    "GPGGA,092751.000,5321.6802,N,00630.3371,W,1,8,1.03,61.7,M,55.3,M,,",
    "GPGSA,A,3,10,07,05,02,29,04,08,13,,,,,1.72,1.03,1.38",
    "GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280521,,,A",
];

fn sentences() -> String {
    let line = |text: &&str| format!("${text}*{:02X}\r\n", text.bytes().fold(0, |sum, byte| sum ^ byte));
    SENTENCES.iter().map(line).collect()
}

/// Says it quicker than once a second, for ever.
async fn receiver(line: &Line, begin: &str) {
    let mut port = tokio::fs::OpenOptions::new().write(true).open(line.far()).await.unwrap();
    port.write_all(begin.as_bytes()).await.unwrap();
    loop {
        port.write_all(sentences().as_bytes()).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
}

/// gpsd with the receiver of this line, and its port.
async fn gpsd(line: &Line) -> (Program, u16) {
    let port = free_port();
    let device = line.near().display().to_string();
    let server = Program::start("gpsd", ["-N", "-n", "-D", "2", "-S", &port.to_string(), &device]);
    server.listens(port).await;
    (server, port)
}

/// Does this while the receiver says where it is.
async fn beside<T>(line: &Line, begin: &str, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        () = receiver(line, begin) => unreachable!("it never ends"),
    }
}

/// What gpsd makes of it.
async fn oracle() -> Json {
    let line = Line::new().await;
    let (server, port) = gpsd(&line).await;
    let place = format!("127.0.0.1:{port}");
    let said = beside(&line, "", ask("gpspipe", ["-w", "-n", "12", &place], b"")).await;
    let fixes = said.rsplit(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Json>(line).ok());
    let mut newest = fixes.filter(|fix| fix["class"] == "TPV" && !fix["time"].is_null());
    newest.next().unwrap_or_else(|| panic!("no fix: {}\n{server:?}", String::from_utf8_lossy(&said)))
}

fn same_place(mine: &Json, fix: &Json) {
    for (mine, name) in [(&mine["place"][0], "lat"), (&mine["place"][1], "lon")] {
        assert!((mine.as_f64().unwrap() - fix[name].as_f64().unwrap()).abs() < 1e-6, "{mine}, {fix}");
    }
}

pub(crate) async fn nmea(bench: Bench) -> Row {
    let line = Line::new().await;
    let guest = bench.guest(&[format!("serial:port={}", line.near().display())]).await;
    // Begun in the middle of a sentence, and one whose checksum is wrong.
    let begin = "80,N,00630.3371,W\r\n$GPRMC,092751.000,A,0000.0000,N*00\r\n";
    let (answer, fix) = tokio::join!(beside(&line, begin, guest.exchange("nmea", json!({}))), oracle());
    same_place(&answer, &fix);
    assert!((answer["altitude"].as_f64().unwrap() - fix["altMSL"].as_f64().unwrap()).abs() < 0.1, "{answer}, {fix}");
    assert_eq!((&answer["satellites"], &answer["date"]), (&json!(8), &json!("2021-05-28")), "{fix}");
    assert!(answer["broken"].as_u64().unwrap() >= 1, "{answer}");
    Row::ran("nmea", "gpsd", "Read sentences from a serial port, broken ones among them: gpsd's place and height")
}

pub(crate) async fn gpsd_proto(bench: Bench) -> Row {
    let line = Line::new().await;
    let (server, port) = gpsd(&line).await;
    let answer = beside(&line, "", bench.exchange("gpsd_proto", &[tcp(port)], at(port))).await;
    same_place(&answer, &json!({ "lat": 53.361_336_667, "lon": -6.505_618_333 }));
    let time = answer["time"].as_str().unwrap();
    assert!(time.starts_with("2021-05-28T09:27:51"), "{answer}\n{server:?}");
    assert_eq!(answer["protocol"], 3);
    Row::ran("gpsd_proto", "gpsd", "Watched a receiver: the server's version, place and time of a fix")
}
