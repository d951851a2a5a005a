//! Packages: what can be run.

use std::time::Duration;

use axum::{
    Json,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State, multipart::MultipartError},
    http::StatusCode,
};
use igloo_hub::PackageFiles;
use igloo_protocol::manifest;

use crate::{
    Api, LARGEST_PACKAGE_FILE as LARGEST,
    extract::{Names, named, too_slow},
    problem::Problem,
    wire::Package,
};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(300);

/// The parts of an upload.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes the form")]
struct Upload {
    /// `igloo.toml`.
    manifest: String,
    /// The WebAssembly component, if the manifest names one.
    #[schema(value_type = Option<String>, format = Binary)]
    component: Option<Vec<u8>>,
    /// The native executable, if the manifest names one.
    #[schema(value_type = Option<String>, format = Binary)]
    executable: Option<Vec<u8>>,
    /// The archive of files that the executable needs, if the manifest names one.
    #[schema(value_type = Option<String>, format = Binary)]
    files: Option<Vec<u8>>,
}

/// The packages.
#[utoipa::path(
    get,
    path = "/v1/packages",
    tag = "packages",
    responses((status = 200, description = "All of them.", body = Vec<Package>), Problem)
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Package>> {
    Json(api.hub.packages().into_iter().map(Package::from).collect())
}

/// One package.
#[utoipa::path(
    get,
    path = "/v1/packages/{package}",
    tag = "packages",
    params(("package" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The package.", body = Package), Problem)
)]
pub(super) async fn get(State(api): State<Api>, Names(package): Names<String>) -> Result<Json<Package>, Problem> {
    api.hub
        .packages()
        .into_iter()
        .find(|info| info.id.as_str() == package)
        .map(|info| Json(info.into()))
        .ok_or_else(|| Problem::not_found(format!("there is no package '{}'", package.escape_debug())))
}

/// Uploads a package. It is stored, and compiled in the background.
#[utoipa::path(
    post,
    path = "/v1/packages",
    tag = "packages",
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 201, description = "It is stored, or was already.", body = Package), Problem)
)]
pub(super) async fn upload(State(api): State<Api>, request: Request) -> Result<(StatusCode, Json<Package>), Problem> {
    let Ok(_slot) = api.uploads.try_acquire() else {
        return Err(Problem::busy("other packages are being uploaded").or_else("try again in a moment"));
    };
    let (manifest, files) = tokio::time::timeout(UPLOAD, parts(request)).await.map_err(|_| too_slow())??;
    let info = api.hub.add_package(manifest, files).await?;
    Ok((StatusCode::CREATED, Json(info.into())))
}

async fn parts(mut request: Request) -> Result<(String, PackageFiles), Problem> {
    // What is too large for a part is still read to its end, but not kept: a client that is cut off while it sends would
    // not see the answer.
    DefaultBodyLimit::max(4 * LARGEST).apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|rejection| {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a form", rejection.body_text())
            .or_else("send multipart/form-data with the parts 'manifest', and 'component' or 'executable' or both")
    })?;
    let unreadable = |error: MultipartError| Problem::new(error.status(), "Unreadable request", error.body_text());
    let (mut manifest, mut files) = (None, PackageFiles::default());
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        let (slot, limit) = match field.name() {
            Some("manifest") => (&mut manifest, manifest::MAX_BYTES),
            Some("component") => (&mut files.component, LARGEST),
            Some("executable") => (&mut files.executable, LARGEST),
            Some("files") => (&mut files.files, LARGEST),
            other => {
                return Err(Problem::invalid(format!(
                    "'{}' is not a part of a package: there are 'manifest', 'component', 'executable' and 'files'",
                    other.unwrap_or_default().escape_debug()
                )));
            }
        };
        let name = field.name().unwrap_or_default().to_owned();
        let (mut bytes, mut length) = (Vec::new(), 0);
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            length += chunk.len();
            if length <= limit {
                bytes.extend_from_slice(&chunk);
            }
        }
        if length > limit {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Too large",
                format!("the part '{name}' has at most {limit} bytes, this one has {length}"),
            ));
        }
        *slot = Some(bytes);
    }
    let manifest = String::from_utf8(manifest.ok_or_else(|| Problem::invalid("the part 'manifest' is missing"))?)
        .map_err(|_| Problem::invalid("igloo.toml is not UTF-8"))?;
    // Whether the files are those that it names is for the hub to say.
    Ok((manifest, files))
}

/// Deletes a package that no instance uses.
#[utoipa::path(
    delete,
    path = "/v1/packages/{package}",
    tag = "packages",
    params(("package" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is gone."), Problem)
)]
pub(super) async fn delete(State(api): State<Api>, Names(package): Names<String>) -> Result<StatusCode, Problem> {
    api.hub.remove_package(&named(&package)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
