//! Every URL, on one screen.

use actix_web::middleware::Compress;
use actix_web::web;

use super::{root, serve, statics, streams, token};

/// Registers every route. Needs [`super::ApiState`] as app data.
///
/// | URL | |
/// |---|---|
/// | `/` | dashboard for browsers, list of versions for programs |
/// | `/ping` `/healthz` `/healthcheck` | liveness |
/// | `/metrics` | Prometheus |
/// | `/openapi.json` | OpenAPI 3.1, `?dialect=v1` for the other dialect |
/// | `/setup` | whether an administrator must be made, and making it |
/// | `/static/...` | the dashboard's files |
/// | `/v1/logs/` `/v1/exec/` | a container's output and commands, by websocket with a token |
/// | `/v1/containerstats/<id>` `/v1/hoststats` | what containers and hosts use, likewise |
/// | `/<version>` | links to every collection |
/// | `/<version>/<type>` | collection: `GET` `POST` |
/// | `/<version>/<type>/<id>` | resource: `GET` `PUT` `DELETE`, `POST ?action=` |
/// | `/<version>/<type>/<id>/<link>` | link: `GET`, `POST` to create a child |
/// | `/<version>/schemas` `/<version>/schemas/<type>` | schemas |
/// | `/<version>/scripts/<token>` `/<version>/scripts/bootstrap` | what hosts run to register, without login |
/// | `/<version>/subscribe` | events, by websocket |
/// | `/<version>/token` | login |
/// | `/<version>/projects/<id>/<rest>` | `/<version>/<rest>` inside an environment |
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(Compress::default())
            .route("/", web::get().to(root::index))
            .route("/", web::head().to(root::index))
            .route("/ping", web::get().to(root::ping))
            .route("/healthz", web::get().to(root::health))
            .route("/healthcheck", web::get().to(root::health))
            .route("/metrics", web::get().to(root::metrics))
            .route("/openapi.json", web::get().to(root::openapi))
            .route("/setup", web::get().to(token::setup_status))
            .route("/setup", web::post().to(token::setup))
            .route("/v2-beta/setup", web::get().to(token::setup_status))
            .route("/v2-beta/setup", web::post().to(token::setup))
            .route("/static/{path:.*}", web::get().to(statics::file))
            .service(
                web::resource([
                    "/v1/containerstats/{id:.+}",
                    "/v1/exec{slash:/?}",
                    "/v1/hoststats{rest:(/project)?/?}",
                    "/v1/logs{slash:/?}",
                ])
                .route(web::get().to(streams::open)),
            )
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
