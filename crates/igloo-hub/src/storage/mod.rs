//! The hub's database: one SQLite file, one thread that uses it.
//!
//! A job is answered after the transaction it is in has reached the disk. All jobs that wait at an instant share one
//! transaction, each in a savepoint of its own: one that fails takes nothing with it, and a hundred cost one `fsync`.
//! An error of the disk is answered to whoever asked, and the thread serves on.

pub(crate) mod rows;
mod schema;
pub(crate) mod store;

use std::thread;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::schema::open;
use crate::error::Error;

/// Jobs that may wait; those who bring more wait themselves.
const WAITING_JOBS: usize = 256;
/// Jobs in one transaction.
const BATCH: usize = 256;

/// Tells the asker how it went, given how the transaction ended.
type Reply = Box<dyn FnOnce(Result<(), Error>) + Send>;
/// What a job did: whether its changes are to stay, and its reply.
type Done = (bool, Reply);
/// Gets no connection where there is no transaction to work in; then only its reply matters.
type Job = Box<dyn FnOnce(Option<&Connection>) -> Done + Send>;

/// The database, for those who ask.
#[derive(Debug)]
pub(crate) struct Storage {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Storage {
    /// Serves this database on a thread of its own.
    pub(crate) fn serve(connection: Connection) -> Result<Self, Error> {
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
        let thread = thread::Builder::new()
            .name(String::from("igloo-storage"))
            .spawn(move || serve(&connection, waiting))
            .map_err(|error| Error::Storage(format!("the storage thread did not start: {error}")))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs a job. What it changed is durable when this answers `Ok`, and undone when it answers an error.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let closed = || Error::Busy(String::from("the hub is stopping"));
        let jobs = self.jobs.lock().clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.map(|connection| job(connection).map_err(|error| explain(&error)));
            let result = result.unwrap_or_else(|| Err(Error::Storage(String::from("there was no transaction"))));
            let stays = result.is_ok();
            let told: Reply = Box::new(move |committed| {
                // An error means that nobody waits any more.
                let _ = reply.send(committed.and(result));
            });
            (stays, told)
        });
        jobs.send(job).await.map_err(|_| closed())?;
        drop(jobs);
        answer.await.map_err(|_| closed())?
    }

    /// Finishes what waits and closes the database. Blocks until then.
    pub(crate) fn close(&self) {
        self.jobs.lock().take();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the storage thread panicked");
        }
    }
}

fn serve(connection: &Connection, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
        run_batch(connection, batch);
    }
    // What is in the write-ahead log is durable; this only tidies up.
    let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

fn run_batch(connection: &Connection, batch: Vec<Job>) {
    let mut jobs = batch.into_iter();
    // More than once only if SQLite gave a whole transaction up.
    while jobs.len() > 0 {
        let mut replies: Vec<Reply> = Vec::with_capacity(jobs.len());
        let ended = run_transaction(connection, &mut jobs, &mut replies).map_err(|error| explain(&error));
        if ended.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        for reply in replies {
            reply(ended.clone());
        }
    }
}

/// Runs jobs until there are none left or the transaction fails. Takes at least one job; every job it takes has its
/// reply in `replies`.
fn run_transaction(
    connection: &Connection,
    jobs: &mut std::vec::IntoIter<Job>,
    replies: &mut Vec<Reply>,
) -> rusqlite::Result<()> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        replies.extend(jobs.map(|job| job(None).1));
        return Err(error);
    }
    for job in jobs {
        if let Err(error) = connection.execute_batch("SAVEPOINT job") {
            replies.push(job(None).1);
            return Err(error);
        }
        let (stays, reply) = job(Some(connection));
        replies.push(reply);
        if connection.is_autocommit() {
            // Some errors of the disk undo the whole transaction: nobody in it may be told that all is well.
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                Some(String::from("the disk is full or failing")),
            ));
        }
        connection.execute_batch(if stays { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" })?;
    }
    connection.execute_batch("COMMIT")
}

/// An error of the database for people, with the way out where there is one.
pub(crate) fn explain(error: &rusqlite::Error) -> Error {
    let text = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            String::from("the disk is full: nothing was changed; free some space and try again")
        }
        Some(ErrorCode::SystemIoFailure) => format!("the disk is full or failing: nothing was changed ({error})"),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("the database cannot be written: {error}")
        }
        _ => error.to_string(),
    };
    Error::Storage(text)
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    fn storage() -> (tempfile::TempDir, Storage) {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(&directory.path().join("igloo.db")).unwrap();
        (directory, Storage::serve(connection).unwrap())
    }

    async fn put(storage: &Storage, key: String) -> Result<(), Error> {
        storage.run(move |connection| rows::set_meta(connection, &key, 1)).await
    }

    #[tokio::test]
    async fn a_job_that_fails_takes_nothing_with_it() {
        let (_directory, storage) = storage();
        let good = (0..100).map(|number| put(&storage, number.to_string()));
        let bad = (0..100).map(|number| {
            storage.run(move |connection| {
                connection.execute("INSERT INTO meta VALUES (?1, 1)", params![format!("bad{number}")])?;
                connection.execute("INSERT INTO nowhere VALUES (1)", [])
            })
        });
        let (good, bad) = tokio::join!(futures::future::join_all(good), futures::future::join_all(bad));
        assert!(good.iter().all(Result::is_ok));
        assert!(bad.iter().all(Result::is_err));
        let count: u32 = storage
            .run(|connection| connection.query_row("SELECT COUNT(*) FROM meta", [], |row| row.get(0)))
            .await
            .unwrap();
        assert_eq!(count, 100);
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_and_not_the_end() {
        let (_directory, storage) = storage();
        storage
            .run(|connection| {
                // The pragma answers with the new limit.
                connection.query_row("PRAGMA max_page_count = 40", [], |_| Ok(()))
            })
            .await
            .unwrap();
        let large = storage
            .run(|connection| {
                connection.execute_batch("CREATE TABLE large (x); INSERT INTO large VALUES (zeroblob(1000000))")
            })
            .await;
        assert!(matches!(&large, Err(Error::Storage(text)) if text.contains("full")), "{large:?}");
        put(&storage, String::from("small")).await.unwrap();
    }

    #[tokio::test]
    async fn closing_finishes_what_waits() {
        let (directory, storage) = storage();
        let puts: Vec<_> = (0..50).map(|number| put(&storage, number.to_string())).collect();
        futures::future::join_all(puts).await;
        storage.close();
        assert!(matches!(put(&storage, String::from("late")).await, Err(Error::Busy(_))));
        let connection = open(&directory.path().join("igloo.db")).unwrap();
        assert_eq!(rows::meta(&connection, "49").unwrap(), 1);
    }
}
