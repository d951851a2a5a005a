//! Commands and actions: what is asked of a provider, and how that ends.

use std::time::Duration;

use futures::{FutureExt as _, future::join_all};
use igloo_conformance::{Subject, conformance};
use igloo_hub::{CommandFailure, CommandOutcome, CommandRequest, State};
use igloo_protocol::RunAs;
use serde_json::{Value as Json, json};

conformance!(
    what_a_command_writes_is_there_before_its_outcome,
    run_goes_on_while_commands_are_under_way,
    commands_to_one_entity_are_carried_out_in_order,
    commands_to_one_device_start_in_order,
    what_does_not_succeed_says_how,
    a_full_queue_is_busy,
    a_deadline_ends_the_wait_and_a_late_answer_is_discarded,
    the_end_interrupts_what_is_under_way,
    a_kill_interrupts_what_is_under_way,
    before_it_is_ready_it_is_unavailable,
    what_is_not_well_formed_is_never_delivered,
    the_same_key_is_the_same_command,
    parameters_are_checked_and_answers_come_as_they_are,
);

async fn what_a_command_writes_is_there_before_its_outcome(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    for round in 0..100 {
        let request = subject.request("count", "count", json!(round));
        assert_eq!(subject.home.hub.command(request).await.outcome, CommandOutcome::Ok);
        assert_eq!(subject.component("count", "count").value, json!(round));
    }
    assert_eq!(subject.info().commands, 100);
}

async fn run_goes_on_while_commands_are_under_way(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let ticks = async || subject.case("ticks", json!({})).await.as_u64().unwrap();
    let before = ticks().await;
    let (slow, other, slept) =
        tokio::join!(subject.switch("slow"), subject.switch("other"), subject.case("sleep", json!({ "ms": 100 })));
    assert_eq!((slow, other, slept), (CommandOutcome::Ok, CommandOutcome::Ok, json!("slept")));
    assert!(ticks().await > before, "`run` stood still");
    assert_eq!(subject.case("overlap", json!({})).await, json!(2));
}

async fn commands_to_one_entity_are_carried_out_in_order(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let numbers: Vec<i64> = (1..=20).collect();
    let commands = numbers.iter().map(|n| subject.home.hub.command(subject.request("count", "count", json!(n))));
    for result in join_all(commands).await {
        assert_eq!(result.outcome, CommandOutcome::Ok);
    }
    let expected: Vec<Json> = numbers.iter().map(|n| json!(["count", n])).collect();
    assert_eq!(subject.case("started", json!({})).await, json!(expected));
    assert_eq!(subject.component("count", "count").value, json!(20));
}

async fn commands_to_one_device_start_in_order(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let order = ["slow", "plain", "other", "reject"];
    join_all(order.map(|entity| subject.switch(entity))).await;
    let expected: Vec<Json> = order.iter().map(|entity| json!([entity, true])).collect();
    assert_eq!(subject.case("started", json!({})).await, json!(expected));
}

async fn what_does_not_succeed_says_how(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let (code, text) = (String::from("jammed"), String::from("the blind is jammed"));
    let will_not = String::from("conform: will not");
    assert_eq!(subject.switch("reject").await, CommandOutcome::Rejected(will_not.clone()));
    assert!(matches!(subject.switch("busy").await, CommandOutcome::Busy(_)));
    assert!(matches!(subject.switch("unavailable").await, CommandOutcome::Unavailable(_)));
    assert_eq!(subject.switch("fail").await, CommandOutcome::Failed { code: code.clone(), text: text.clone() });

    let fail = async |how: &str| subject.act("fail", json!({ "how": how })).await.unwrap_err();
    assert_eq!(fail("reject").await, CommandFailure::Rejected(will_not));
    assert!(matches!(fail("busy").await, CommandFailure::Busy(_)));
    assert!(matches!(fail("unavailable").await, CommandFailure::Unavailable(_)));
    assert_eq!(fail("fail").await, CommandFailure::Failed { code, text });
    let failures = subject.info().failures;
    assert_eq!((failures.rejected, failures.busy, failures.unavailable, failures.failed), (2, 2, 2, 2));
    assert_eq!(subject.switch("plain").await, CommandOutcome::Ok);
}

async fn a_full_queue_is_busy(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["queue=2"]).await;
    let (first, second, third, action) = tokio::join!(
        subject.switch_within("hang", Duration::from_secs(2)),
        subject.switch("slow"),
        subject.switch("plain"),
        subject.act("ticks", json!({})),
    );
    assert_eq!((first, second), (CommandOutcome::Timeout, CommandOutcome::Ok));
    assert!(matches!(&third, CommandOutcome::Busy(limit) if limit.contains("the grant queue=")), "{third:?}");
    assert!(matches!(&action, Err(CommandFailure::Busy(limit)) if limit.contains("the grant queue=")), "{action:?}");
    // What was busy was never delivered, and a slot that is free again is used.
    assert_eq!(subject.switch("plain").await, CommandOutcome::Ok);
    let started = subject.case("started", json!({})).await;
    assert_eq!(started, json!([["hang", true], ["slow", true], ["plain", true]]));
}

async fn a_deadline_ends_the_wait_and_a_late_answer_is_discarded(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    assert_eq!(subject.switch_within("slow", Duration::from_millis(20)).await, CommandOutcome::Timeout);
    assert_ne!(subject.component("slow", "switch").value, json!(true));
    // Its late write is a write like any other; its late answer goes to nobody.
    subject.until_value("slow", "switch", &json!(true)).await;
    subject.until("at rest", |info| info.queue == 0).await;
    assert_eq!(subject.switch("reject").await, CommandOutcome::Rejected(String::from("conform: will not")));
    let info = subject.info();
    assert_eq!((info.failures.timeout, info.failures.rejected, info.restarts), (1, 1, 0));
}

async fn the_end_interrupts_what_is_under_way(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "life": "fail" })).await;
    subject.until("running", |info| info.state == State::Running).await;
    // The end is asked for last: what comes after it may be answered that the provider is gone.
    let (action, hang, end) =
        tokio::join!(subject.act("fail", json!({ "how": "hang" })), subject.switch("hang"), subject.switch("end"),);
    assert_eq!((end, hang), (CommandOutcome::Interrupted, CommandOutcome::Interrupted));
    assert_eq!(action, Err(CommandFailure::Interrupted));
    let info = subject.until("running again", |info| info.restarts == 1 && info.state == State::Running).await;
    assert_eq!(info.failures.interrupted, 3);
    // Nothing is delivered twice.
    assert_eq!(subject.case("started", json!({})).await, json!([]));
}

async fn a_kill_interrupts_what_is_under_way(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["tcp://192.0.2.1:80"]).await;
    let request =
        CommandRequest { deadline: CommandRequest::LONGEST, ..subject.request("hang", "switch", json!(true)) };
    let revoke = async {
        subject.until("under way", |info| info.queue == 1).await;
        // Revoking ends what runs at once, without a goodbye.
        let which = subject.info().id.into();
        subject.home.hub.revoke(&which, "tcp://192.0.2.1:80".parse().unwrap()).await.unwrap();
    };
    let (result, ()) = tokio::join!(subject.home.hub.command(request), revoke);
    assert_eq!(result.outcome, CommandOutcome::Interrupted);
    assert!(result.elapsed < CommandRequest::LONGEST / 2, "{:?}", result.elapsed);
}

async fn before_it_is_ready_it_is_unavailable(run_as: RunAs) {
    let subject = Subject::start(run_as, &[], json!({ "life": "never-ready" })).await;
    subject.until("described", |info| info.devices == 1).await;
    let request =
        CommandRequest { deadline: CommandRequest::LONGEST, ..subject.request("plain", "switch", json!(true)) };
    let outcome = subject.home.hub.command(request).now_or_never().expect("an outcome at once").outcome;
    assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{outcome:?}");
    let action = subject.act("ticks", json!({})).now_or_never().expect("an outcome at once");
    assert!(matches!(action, Err(CommandFailure::Unavailable(_))), "{action:?}");
    let info = subject.info();
    assert_eq!((info.state, info.ready), (State::Starting, false));
}

async fn what_is_not_well_formed_is_never_delivered(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let outcome = async |entity: &str, kind: &str, value: Json| {
        subject.home.hub.command(subject.request(entity, kind, value)).await.outcome
    };
    assert!(matches!(outcome("nowhere", "switch", json!(true)).await, CommandOutcome::NotFound(_)));
    assert!(matches!(outcome("plain", "dimmer", json!(1.0)).await, CommandOutcome::Invalid(_)));
    assert!(matches!(outcome("plain", "switch", json!("on")).await, CommandOutcome::Invalid(_)));
    assert!(matches!(outcome("count", "count", json!(-1)).await, CommandOutcome::Invalid(_)));
    // It is the provider's alone.
    assert!(matches!(outcome("text", "text", json!("x")).await, CommandOutcome::Invalid(_)));
    let empty = CommandRequest { changes: Vec::new(), ..subject.request("plain", "switch", json!(true)) };
    assert!(matches!(subject.home.hub.command(empty).await.outcome, CommandOutcome::Invalid(_)));
    assert_eq!(subject.case("started", json!({})).await, json!([]));
}

async fn the_same_key_is_the_same_command(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let request = CommandRequest {
        idempotency_key: Some(String::from("once")),
        ..subject.request("slow", "switch", json!(true))
    };
    let hub = &subject.home.hub;
    let (first, second) = tokio::join!(hub.command(request.clone()), hub.command(request.clone()));
    let third = hub.command(request).await;
    assert_eq!((first.id, &first.outcome), (second.id, &CommandOutcome::Ok));
    assert_eq!((third.id, third.outcome), (first.id, CommandOutcome::Ok));
    assert_eq!(subject.case("started", json!({})).await, json!([["slow", true]]));
}

async fn parameters_are_checked_and_answers_come_as_they_are(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let text = "ein Grüß Gott, \u{0} and \"quotes\"";
    assert_eq!(subject.case("echo", json!({ "text": text })).await["text"], json!(text));
    for wrong in [json!({}), json!({ "text": 1 }), json!({ "text": "", "more": true }), json!([]), json!("text")] {
        let refused = subject.act("echo", wrong.clone()).await;
        assert!(matches!(refused, Err(CommandFailure::Invalid(_))), "{wrong}: {refused:?}");
    }
    assert!(matches!(subject.act("dance", json!({})).await, Err(CommandFailure::NotFound(_))));
}
