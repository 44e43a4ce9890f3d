//! Every URL, on one screen.

use actix_cors::Cors;
use actix_web::HttpMessage as _;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::middleware::{Compress, Condition};
use actix_web::web;

use super::{ApiState, catalog, receivers, root, serve, statics, streams, token};

/// Registers every route over a state. Whatever answers `GET` answers `HEAD`, too.
///
/// | URL | |
/// |---|---|
/// | `/` | dashboard for browsers, list of versions for programs |
/// | `/ping` `/healthz` `/healthcheck` | liveness |
/// | `/metrics` | Prometheus |
/// | `/<version>/openapi.json` | OpenAPI 3.1 of a version; `/openapi.json` is that of `/v2-beta` |
/// | `/setup` | whether an administrator must be made, and making it |
/// | `/static/...` | the dashboard's files |
/// | `/v1-catalog/<rest>` | templates of stacks, as the catalog service has them |
/// | `/v1-webhooks/<rest>` | receivers: URLs that do one thing for whoever has them |
/// | `/v1/logs/` `/v1/exec/` | a container's output and commands, by websocket with a token |
/// | `/v1/container-proxy/<path>` | a container's own pages, over HTTP or a websocket, with a token |
/// | `/v1/containerstats/<id>` `/v1/hoststats` | what containers and hosts use, likewise |
/// | `/<version>` | links to every collection |
/// | `/<version>/<type>` | collection: `GET` `POST` |
/// | `/<version>/<type>/<id>` | resource: `GET` `PUT` `DELETE`, `POST ?action=` |
/// | `/<version>/<type>/<id>/<link>` | link: `GET`, `POST` to create a child |
/// | `/<version>/schemas` `/<version>/schemas/<type>` | schemas |
/// | `/<version>/scripts/<token>` `/<version>/scripts/bootstrap` | what hosts run to register, without login |
/// | `/<version>/scripts/transform` | `POST`: what `docker inspect` says as a container of the API |
/// | `/<version>/subscribe` | events, by websocket |
/// | `/<version>/token` | login |
/// | `/<version>/projects/<id>/<rest>` | `/<version>/<rest>` inside an environment |
pub fn configure(state: web::Data<ApiState>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let cors = cors(&state.config.cors_origins);
        config.app_data(state);
        routes(config, cors);
    }
}

/// Pages of other sites that may read answers and send what they need a header for: those of the
/// configured origins, with a key. Cookies are not for them.
fn cors(origins: &[String]) -> Condition<Cors> {
    let cors = origins.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin));
    let cors = cors
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
        .allowed_headers([
            "accept",
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "x-api-action-links",
            "x-api-no-challenge",
            "x-api-project-id",
        ])
        .expose_headers([
            "etag",
            "idempotency-replayed",
            "location",
            "x-api-account-id",
            "x-api-schemas",
            "x-api-user-id",
            "x-rancher-version",
        ])
        .max_age(600);
    Condition::new(!origins.is_empty(), cors)
}

fn routes(config: &mut web::ServiceConfig, cors: Condition<Cors>) {
    config.service(
        web::scope("")
            .wrap_fn(|mut request, service| {
                // Whoever sends the answer knows that its body is to be left out.
                if request.method() == Method::HEAD {
                    request.extensions_mut().insert(streams::OnlyHead);
                    request.head_mut().method = Method::GET;
                }
                service.call(request)
            })
            .wrap(Compress::default())
            .wrap(cors)
            .route("/", web::get().to(root::index))
            .route("/ping", web::get().to(root::ping))
            .route("/healthz", web::get().to(root::health))
            .route("/healthcheck", web::get().to(root::health))
            .route("/metrics", web::get().to(root::metrics))
            .service(
                web::resource(["/openapi.json", "/{version:(?i:v1|v2-beta)}/openapi.json"])
                    .route(web::get().to(root::openapi)),
            )
            .route("/setup", web::get().to(token::setup_status))
            .route("/setup", web::post().to(token::setup))
            .route("/v2-beta/setup", web::get().to(token::setup_status))
            .route("/v2-beta/setup", web::post().to(token::setup))
            .route("/static/{path:.*}", web::get().to(statics::file))
            .service(
                web::resource(["/v1/container-proxy", "/v1/container-proxy/{path:.*}"])
                    .to(streams::proxy),
            )
            .service(
                web::resource([
                    "/v1/containerstats/{id:.+}",
                    "/v1/exec{slash:/?}",
                    "/v1/hoststats{rest:(/project)?/?}",
                    "/v1/logs{slash:/?}",
                    "/v1/stats/{id:.+}",
                ])
                .route(web::get().to(streams::open)),
            )
            .service(web::resource(["/v1-webhooks", "/v1-webhooks/{tail:.*}"]).to(receivers::serve))
            .service(web::resource(["/v1-catalog", "/v1-catalog/{tail:.*}"]).to(catalog::serve))
            .service(
                web::resource([
                    "/{version:(?i:v1|v2-beta)}",
                    "/{version:(?i:v1|v2-beta)}/{tail:.*}",
                ])
                .to(serve::api),
            )
            .default_service(web::to(root::nothing)),
    );
}
