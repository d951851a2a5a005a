//! Tokens: who else may use the API.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    Api,
    extract::{Body, Names},
    problem::Problem,
    tokens::TokenError,
    wire::{NewToken, Token, TokenRequest},
};

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = error.to_string();
        match error {
            TokenError::NotFound(_) => Self::not_found(detail),
            TokenError::Name => Self::invalid(detail),
            TokenError::TooMany => Self::new(StatusCode::CONFLICT, "Conflict", detail),
            TokenError::NoRandomness => Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not now", detail),
            TokenError::File { .. } | TokenError::Unreadable { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "Not stored", detail)
            }
        }
    }
}

/// The tokens, without the tokens themselves.
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    responses((status = 200, description = "All of them.", body = Vec<Token>), Problem)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Token>> {
    Json(api.tokens.list())
}

/// Makes a token. The answer is the only place where it is ever shown.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    request_body = TokenRequest,
    responses((status = 201, description = "The token.", body = NewToken), Problem)
)]
pub(super) async fn create(
    State(api): State<Api>,
    Body(request): Body<TokenRequest>,
) -> Result<(StatusCode, Json<NewToken>), Problem> {
    Ok((StatusCode::CREATED, Json(api.tokens.create(&request.name, request.scope).await?)))
}

/// Takes a token back, at once: open watches with it are closed.
#[utoipa::path(
    delete,
    path = "/v1/tokens/{token}",
    tag = "tokens",
    params(("token" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is no longer valid."), Problem)
)]
pub(super) async fn revoke(State(api): State<Api>, Names(token): Names<String>) -> Result<StatusCode, Problem> {
    api.tokens.revoke(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}
