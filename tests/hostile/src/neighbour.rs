//! A good provider's life beside a bad one: asked for commands all the while, each timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use igloo_hub::{CommandOutcome, CommandRequest, Hub};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

/// Between two commands.
const PAUSE: Duration = Duration::from_millis(5);

/// Commands under way to a neighbour.
#[derive(Debug)]
pub struct Neighbour {
    enough: Arc<AtomicBool>,
    asking: JoinHandle<Answers>,
}

/// How the neighbour answered.
#[derive(Debug, Default)]
pub struct Answers {
    /// How many commands there were.
    pub commands: u64,
    /// How long the slowest took.
    pub slowest: Duration,
    /// What was not `Ok`.
    pub failed: Vec<CommandOutcome>,
}

impl Neighbour {
    pub(crate) fn of(hub: Hub, request: CommandRequest) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let until = enough.clone();
        let asking = tokio::spawn(async move {
            let mut answers = Answers::default();
            while !until.load(Ordering::Relaxed) {
                let sent = Instant::now();
                let outcome = hub.command(request.clone()).await.outcome;
                answers.slowest = answers.slowest.max(sent.elapsed());
                answers.commands += 1;
                if outcome != CommandOutcome::Ok {
                    answers.failed.push(outcome);
                }
                sleep(PAUSE).await;
            }
            answers
        });
        Self { enough, asking }
    }

    /// Ends asking: how it went.
    pub async fn answers(self) -> Answers {
        self.enough.store(true, Ordering::Relaxed);
        self.asking.await.unwrap()
    }
}
