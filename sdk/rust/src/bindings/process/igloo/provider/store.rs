//! `igloo:provider/store`.

use super::home::unexpected;
use crate::process::current::ask;
use igloo_wire::message::{Reply, Request, RequestError};

pub use igloo_wire::types::store::ErrorCode;

pub async fn get(key: String) -> Result<Option<Vec<u8>>, ErrorCode> {
    match ask(Request::StoreGet { key }).await {
        Ok(Reply::Bytes(value)) => Ok(value.map(|bytes| bytes.into_vec())),
        other => Err(error(other)),
    }
}

pub async fn set(key: String, value: Vec<u8>) -> Result<(), ErrorCode> {
    done(ask(Request::StoreSet { key, value: value.into() }).await)
}

pub async fn delete(key: String) -> Result<(), ErrorCode> {
    done(ask(Request::StoreDelete { key }).await)
}

pub async fn keys(prefix: String) -> Result<Vec<String>, ErrorCode> {
    match ask(Request::StoreKeys { prefix }).await {
        Ok(Reply::Keys(keys)) => Ok(keys),
        other => Err(error(other)),
    }
}

fn done(answer: Result<Reply, RequestError>) -> Result<(), ErrorCode> {
    if answer == Ok(Reply::Done {}) { Ok(()) } else { Err(error(answer)) }
}

fn error(answer: Result<Reply, RequestError>) -> ErrorCode {
    match answer {
        Err(RequestError::Store(error)) => error,
        other => ErrorCode::Other(unexpected(other)),
    }
}
