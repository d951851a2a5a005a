//! Reading requests, so that what cannot be read is a [`Problem`] like any other.

use std::{str::FromStr, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::request::Parts,
};
use http::StatusCode;
use igloo_hub::InstanceRef;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match tokio::time::timeout(BODY_TIMEOUT, axum::Json::<T>::from_request(request, state)).await {
            Ok(Ok(axum::Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) => Err(unreadable(&rejection)),
            Err(_) => Err(too_slow()),
        }
    }
}

/// A body that takes too long.
pub(crate) fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "Too slow", "the body did not arrive in time")
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let detail = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => Problem::invalid(detail),
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not JSON", "the body must be JSON")
                .or_else("send 'Content-Type: application/json'")
        }
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", detail)
        }
        _ => Problem::unreadable(detail),
    }
}

/// The parameters of a query (`?name=value`).
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(parameters) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(parameters))
    }
}

/// The parts of the path that a route names.
pub(crate) struct Names<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(names) = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(names))
    }
}

/// A part of the path as an id or a name. What cannot be one names nothing.
pub(crate) fn named<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::not_found(error.to_string()))
}

/// A part of a body or a query as what it should be.
pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::invalid(error.to_string()))
}

/// An instance that a query may name.
pub(crate) fn instance(text: Option<&str>) -> Result<Option<InstanceRef>, Problem> {
    text.map(named).transpose()
}
