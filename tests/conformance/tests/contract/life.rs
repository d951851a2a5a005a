//! A provider's life: configuration, its end, what comes after, and what it says.

use std::time::Duration;

use igloo_conformance::{Subject, conformance};
use igloo_hub::{CommandOutcome, Error, State};
use igloo_protocol::RunAs;
use serde_json::json;
use tokio::time::Instant;

conformance!(
    it_may_say_goodbye,
    a_goodbye_has_a_deadline,
    a_failure_is_told_and_restarted,
    one_that_finishes_is_not_restarted,
    configuration_is_checked_completed_and_restarts,
    components_of_an_earlier_session_are_written_by_new_handles,
    lines_above_the_rate_are_counted,
);

async fn it_may_say_goodbye(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    assert_eq!(subject.switch("plain").await, CommandOutcome::Ok);
    let began = Instant::now();
    let info = subject.home.hub.stop(&subject.which).await.unwrap();
    assert_eq!((info.state, info.wanted, info.restarts), (State::Stopped, false, 0));
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for the deadline: {:?}", began.elapsed());
    assert!(subject.lines().iter().any(|line| line == "goodbye"), "{}", subject.home.story());
    let device = subject.device("conform");
    assert_eq!((device.available, device.connected, device.missing), (false, false, false));
    assert_eq!(subject.component("plain", "switch").value, json!(true));
    assert!(matches!(subject.switch("plain").await, CommandOutcome::Unavailable(_)));
    // And it can be started again: the same device.
    subject.home.hub.start(&subject.which).await.unwrap();
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.device("conform").id, device.id);
    assert_eq!(subject.switch("plain").await, CommandOutcome::Ok);
}

async fn a_goodbye_has_a_deadline(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "life": "ignore-stop" })).await;
    subject.until("running", |info| info.state == State::Running).await;
    let began = Instant::now();
    let info = subject.home.hub.stop(&subject.which).await.unwrap();
    assert_eq!(info.state, State::Stopped);
    // The contract's five seconds, and a little to end what does not end.
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

async fn a_failure_is_told_and_restarted(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "life": "fail" })).await;
    subject.until("running", |info| info.state == State::Running).await;
    let device = subject.device("conform").id;
    assert_eq!(subject.switch("end").await, CommandOutcome::Interrupted);
    subject.until("running again", |info| info.restarts == 1 && info.state == State::Running).await;
    subject.logged("the device's firmware is too old").await;
    // The components of the new session are written by their new handles.
    assert_eq!(subject.device("conform").id, device);
    let request = subject.request("count", "count", json!(5));
    assert_eq!(subject.home.hub.command(request).await.outcome, CommandOutcome::Ok);
    assert_eq!(subject.component("count", "count").value, json!(5));
}

async fn one_that_finishes_is_not_restarted(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "life": "finish" })).await;
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.switch("end").await, CommandOutcome::Interrupted);
    let info = subject.until("stopped", |info| info.state == State::Stopped).await;
    assert_eq!((info.wanted, info.restarts), (true, 0));
}

async fn configuration_is_checked_completed_and_restarts(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let told = subject.case("config", json!({})).await;
    let all = json!({ "life": "good", "devices": [], "greeting": "good morning" });
    assert_eq!(told, json!({ "greeting": "good morning", "all": all }));
    let wrong = subject.home.hub.configure(&subject.which, json!({ "greeting": 1 })).await;
    assert!(matches!(&wrong, Err(Error::Invalid(text)) if text.contains("greeting")), "{wrong:?}");
    assert_eq!(subject.case("config", json!({})).await["greeting"], json!("good morning"));
    subject.home.hub.configure(&subject.which, json!({ "greeting": "güten Abend" })).await.unwrap();
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.case("config", json!({})).await["greeting"], json!("güten Abend"));
    assert_eq!(subject.info().restarts, 0, "the owner's restart is no failure");
}

/// Two sessions that describe other devices: a handle of the first that were kept would be another component's.
async fn components_of_an_earlier_session_are_written_by_new_handles(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "devices": ["lamp", "blind"] })).await;
    subject.until("running", |info| info.state == State::Running).await;
    for round in 0..3 {
        let devices: &[&str] = if round % 2 == 0 { &["blind"] } else { &["blind", "door", "lamp"] };
        subject.home.hub.configure(&subject.which, json!({ "devices": devices })).await.unwrap();
        subject.until("running", |info| info.state == State::Running).await;
        let request = subject.request("count", "count", json!(round));
        assert_eq!(subject.home.hub.command(request).await.outcome, CommandOutcome::Ok);
        assert_eq!(subject.component("count", "count").value, json!(round));
    }
}

async fn lines_above_the_rate_are_counted(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    subject.case("log", json!({ "count": 500 })).await;
    subject.until("over", |info| info.lost_log_lines > 300).await;
    let kept: Vec<String> = subject.lines().into_iter().filter(|line| line.starts_with("line ")).collect();
    assert!(!kept.is_empty() && kept.len() < 200, "{kept:?}");
    assert_eq!(kept[0], "line 0");
}
