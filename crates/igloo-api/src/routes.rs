//! The routes, by scope: what a token may ask for is decided here, in one place, and written into the document from
//! the same place.

mod commands;
mod devices;
mod doctor;
mod events;
mod groups;
mod instances;
mod logs;
mod meta;
mod packages;
mod roots;
mod tokens;
mod watch;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use http::{HeaderValue, StatusCode, header};
use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    guard::{self, AllowedHosts},
    problem::{self, Problem},
    tokens::{Scope, Tokens},
};

/// Bytes of a body other than a package's.
const BODY: usize = 256 * 1024;
/// The name of the security scheme in the document.
const SCHEME: &str = "token";

fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(meta::health)).routes(routes!(meta::openapi))
}

fn read() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(packages::list))
        .routes(routes!(packages::get))
        .routes(routes!(instances::list))
        .routes(routes!(instances::get))
        .routes(routes!(doctor::doctor))
        .routes(routes!(doctor::metrics))
        .routes(routes!(devices::list))
        .routes(routes!(devices::get))
        .routes(routes!(groups::list))
        .routes(routes!(roots::list))
        .routes(routes!(watch::watch))
        .routes(routes!(events::follow))
        .routes(routes!(logs::list))
        .routes(routes!(logs::follow))
        .routes(routes!(logs::denials))
}

fn control() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(commands::command))
        .routes(routes!(commands::action))
        .routes(routes!(instances::start))
        .routes(routes!(instances::stop))
        .routes(routes!(instances::restart))
        .routes(routes!(groups::create))
        .routes(routes!(groups::rename, groups::delete))
        .routes(routes!(groups::add_device, groups::remove_device))
}

fn admin() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(packages::upload))
        .routes(routes!(packages::delete))
        .routes(routes!(instances::create))
        .routes(routes!(instances::change, instances::delete))
        .routes(routes!(instances::grant, instances::revoke))
        .routes(routes!(devices::forget))
        .routes(routes!(roots::add))
        .routes(routes!(roots::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
}

/// Routes of a scope, with the scope's name in the document.
fn documented(mut router: OpenApiRouter<Api>, scope: Scope) -> OpenApiRouter<Api> {
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new(SCHEME, [scope.to_string()])]);
        }
    }
    router
}

fn scoped(router: OpenApiRouter<Api>, scope: Scope, tokens: &Arc<Tokens>) -> OpenApiRouter<Api> {
    documented(router, scope).route_layer(from_fn_with_state((tokens.clone(), scope), guard::require))
}

/// What the document says of the whole.
fn about() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Igloo")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The API of an Igloo hub. Every failure is an application/problem+json."));
    let mut document = OpenApiBuilder::new().info(info.build()).build();
    let components = document.components.get_or_insert_default();
    let (name, schema) = problem::schema();
    components.schemas.insert(name, schema);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token with the operation's scope, or a higher one: read, control, admin."));
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(bearer.build()).into());
    document
}

/// The OpenAPI document.
pub(crate) fn document() -> OpenApi {
    OpenApiRouter::with_openapi(about())
        .merge(open())
        .merge(documented(read(), Scope::Read))
        .merge(documented(control(), Scope::Control))
        .merge(documented(admin(), Scope::Admin))
        .into_openapi()
}

/// Everything that is served.
pub(crate) fn router(api: Api, hosts: AllowedHosts) -> Router {
    let tokens = api.tokens.clone();
    let (router, _) = OpenApiRouter::<Api>::new()
        .merge(open())
        .merge(scoped(read(), Scope::Read, &tokens))
        .merge(scoped(control(), Scope::Control, &tokens))
        .merge(scoped(admin(), Scope::Admin, &tokens))
        .split_for_parts();
    router
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", "this method does nothing here")
        })
        .fallback(async || {
            Problem::not_found("there is nothing at this path").or_else("/v1/openapi.json lists what there is")
        })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(with_headers))
        .layer(from_fn_with_state(hosts, guard::check_host))
        .with_state(api)
}

/// What every answer says to browsers: do not guess, do not keep, do not embed.
async fn with_headers(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
