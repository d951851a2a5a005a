//! Errors as `application/problem+json` (RFC 9457).
//!
//! Every answer that is not a success has this one shape. It names the thing and, where there is one, the way out. It
//! never carries a secret, nor anything of the hub's insides.

use axum::{
    extract::rejection::{PathRejection, QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, PartialSchema, ToSchema, openapi};

use crate::wire::{Outcome, Want};

/// What went wrong.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{detail}")]
pub struct Problem {
    /// The kind of problem in a few words; the same for every problem of its kind.
    #[schema(value_type = String)]
    pub title: Box<str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, with names.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub way_out: Option<Box<str>>,
    /// Of a command or an action: how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Of a command that failed in the provider's own way: the provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub code: Option<Box<str>>,
    /// Of a command: its id, as in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<u64>,
    /// Of a command: how long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<f64>,
    /// What the package wants and was not granted.
    #[serde(default, skip_serializing_if = "<[Want]>::is_empty")]
    #[schema(value_type = Vec<Want>)]
    pub wants: Box<[Want]>,
}

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<Box<str>>) -> Self {
        Self {
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            way_out: None,
            outcome: None,
            code: None,
            command: None,
            elapsed_ms: None,
            wants: Box::default(),
        }
    }

    /// With the way out.
    #[must_use]
    pub fn or_else(mut self, way_out: impl Into<Box<str>>) -> Self {
        self.way_out = Some(way_out.into());
        self
    }

    /// 404.
    pub fn not_found(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// 422: the request was read, and makes no sense.
    pub fn invalid(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid request", detail)
    }

    /// 400: the request could not be read.
    pub fn unreadable(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Unreadable request", detail)
    }

    /// 503: later, perhaps.
    pub fn busy(detail: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<igloo_hub::Error> for Problem {
    fn from(error: igloo_hub::Error) -> Self {
        let detail = error.to_string();
        match error {
            igloo_hub::Error::NotFound(_) => Self::not_found(detail),
            igloo_hub::Error::Conflict(_) => Self::new(StatusCode::CONFLICT, "Conflict", detail),
            igloo_hub::Error::Invalid(_) => Self::invalid(detail),
            igloo_hub::Error::Wants(wants) => Self {
                wants: wants.into_iter().map(Want::from).collect(),
                ..Self::new(StatusCode::CONFLICT, "Grants are missing", detail)
                    .or_else("grant what it wants, or what of it you are willing to, and try again")
            },
            igloo_hub::Error::Storage(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, "Not stored", detail),
            igloo_hub::Error::Busy(_) => Self::busy(detail),
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::unreadable(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::unreadable(rejection.body_text())
    }
}

/// In the OpenAPI document, a problem is the default answer of every operation.
impl IntoResponses for Problem {
    fn responses() -> std::collections::BTreeMap<String, openapi::RefOr<openapi::Response>> {
        let schema = openapi::Ref::from_schema_name(<Self as ToSchema>::name());
        let content = openapi::ContentBuilder::new().schema(Some(schema)).build();
        let response =
            openapi::ResponseBuilder::new().description("What went wrong.").content(MEDIA_TYPE, content).build();
        std::collections::BTreeMap::from([(String::from("default"), response.into())])
    }
}

/// The schema, for the document's components.
pub(crate) fn schema() -> (String, openapi::RefOr<openapi::Schema>) {
    (<Problem as ToSchema>::name().into_owned(), Problem::schema())
}
