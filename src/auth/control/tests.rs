//! Access control off and on, who may log in, and what settings may not do to it.

use std::sync::Arc;

use super::*;
use crate::auth::testing::{World, basic, bearer, get, within};
use crate::auth::{AuthType, Authenticator, Options, RequestFacts, Role};

fn open(world: &World) -> Arc<Auth> {
    let options = Options { access: Access::Open, ..world.options() };
    let parts = (world.store.clone(), world.clock.clone(), world.entropy.clone());
    Auth::new(parts.0, parts.1, parts.2, options).unwrap()
}

/// A call from this machine that proves nothing.
fn here() -> RequestFacts {
    RequestFacts { client_ip: Some([127, 0, 0, 1].into()), ..get() }
}

fn config<'a>(username: &'a str, password: &'a str, enabled: Option<bool>) -> LocalConfig<'a> {
    LocalConfig { username, password, name: "", access_mode: "unrestricted", enabled }
}

async fn status(auth: &Auth, request: &RequestFacts) -> u16 {
    auth.authenticate(request).await.map_or_else(|error| error.status, |_| 200)
}

async fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (u16, &'static str) {
    let error = result.unwrap_err();
    (error.status, error.code)
}

#[tokio::test]
async fn while_it_is_off_whoever_is_here_is_the_first_administrator() {
    let world = World::seeded().await;
    let auth = open(&world);
    assert!(!auth.is_controlled() && !auth.is_enabled());
    let caller = auth.authenticate(&here()).await.unwrap();
    assert_eq!((caller.user_id, caller.auth_type, caller.role), (1, AuthType::Admin, Role::Admin));
    let inside = auth.authenticate(&within(here(), 5)).await.unwrap();
    assert_eq!((inside.account_id, inside.role), (5, Role::Owner));
    assert_eq!(status(&auth, &within(here(), 77)).await, 403);
    assert_eq!(status(&auth, &get()).await, 401, "from another machine");
    assert_eq!(status(&auth, &RequestFacts { enforce: true, ..here() }).await, 401);
    let other_site = RequestFacts {
        host: Some("localhost:8080".to_owned()),
        origin: Some("http://evil.example".to_owned()),
        ..here()
    };
    assert_eq!(status(&auth, &other_site).await, 401);
    let bearer_form =
        RequestFacts { authorization: basic("x-api-bearer=1a5", "x").authorization, ..here() };
    let caller = auth.authenticate(&bearer_form).await.unwrap();
    assert_eq!((caller.account_id, caller.auth_type), (5, AuthType::Admin));
    let (key, secret) = world.key(5).await;
    let project = RequestFacts { authorization: basic(&key, &secret).authorization, ..here() };
    let caller = auth.authenticate(&project).await.unwrap();
    assert_eq!((caller.role, caller.auth_type), (Role::Project, AuthType::Basic));
    assert_eq!(auth.prepare_setup().unwrap(), None, "no code is needed");
    let told = auth.token_status(&here()).unwrap();
    assert_eq!((&told["security"], &told["enabled"]), (&false.into(), &false.into()));
    assert_eq!(refusal(auth.login("a:b", None).await).await, (500, "NoAuthProvider"));
}

#[tokio::test]
async fn switching_it_on_lasts() {
    let world = World::seeded().await;
    let auth = open(&world);
    let before = auth.authenticate(&here()).await.unwrap();
    let mut ended = auth.ended_sessions();
    assert_eq!(auth.is_live(&before).await, Ok(true));
    let blank = auth.configure_local(config("", "", Some(true)), None).await;
    assert_eq!(refusal(blank).await, (400, "UserCredentialCreation"));
    let blank = auth.configure_local(config("root", "", Some(true)), None).await;
    assert_eq!(refusal(blank).await, (400, "UserCredentialCreation"));
    assert!(!auth.is_controlled(), "what fails changes nothing");

    let named = LocalConfig { name: "Root", ..config("root", "secret", Some(true)) };
    auth.configure_local(named, None).await.unwrap();
    assert!(auth.is_controlled() && auth.is_enabled());
    assert_eq!(ended.recv().await.unwrap(), OPEN_PROOF);
    assert_eq!(auth.is_live(&before).await, Ok(false));
    assert_eq!(status(&auth, &here()).await, 401);
    let caller = auth.authenticate(&basic("root", "secret")).await.unwrap();
    assert_eq!((caller.user_id, caller.user_name.as_deref()), (1, Some("Root")));
    let told = auth.token_status(&here()).unwrap();
    assert_eq!((&told["security"], &told["authProvider"]), (&true.into(), &PROVIDER.into()));

    let again = open(&world);
    world.store.write(|tx| settle(tx, Access::Open)).await.unwrap();
    assert!(again.is_controlled(), "also after a restart");
    again.login("root:secret", None).await.unwrap();
}

#[tokio::test]
async fn a_login_that_exists_must_match_and_a_new_one_replaces_the_old() {
    let world = World::seeded().await;
    let auth = open(&world);
    auth.configure_local(config("root", "secret", Some(true)), None).await.unwrap();
    let wrong = auth.configure_local(config("root", "guess", Some(true)), None).await;
    assert_eq!(refusal(wrong).await, (401, "IncorrectPassword"));
    auth.configure_local(config("root", "secret", Some(true)), None).await.unwrap();
    auth.configure_local(config("boss", "secret", Some(true)), None).await.unwrap();
    assert_eq!(status(&auth, &basic("root", "secret")).await, 401);
    assert_eq!(auth.authenticate(&basic("boss", "secret")).await.unwrap().user_id, 1);
}

#[tokio::test]
async fn saying_nothing_of_enabled_switches_off_with_no_provider() {
    let world = World::seeded().await;
    let auth = open(&world);
    let provider = || world.store.read(provider).unwrap();
    auth.configure_local(config("root", "secret", Some(true)), None).await.unwrap();
    assert_eq!(provider().as_deref(), Some(PROVIDER));
    auth.configure_local(config("", "", Some(false)), None).await.unwrap();
    assert_eq!((auth.is_controlled(), provider().as_deref()), (false, Some(PROVIDER)));
    auth.login("root:secret", None).await.unwrap();
    auth.configure_local(config("", "", None), None).await.unwrap();
    assert_eq!((auth.is_controlled(), provider()), (false, None));
    assert_eq!(refusal(auth.login("root:secret", None).await).await, (500, "NoAuthProvider"));
}

#[tokio::test]
async fn nothing_switches_it_off_when_the_configuration_does_not_allow_it() {
    let world = World::seeded().await;
    let auth = world.auth();
    for enabled in [Some(false), None] {
        let refused = auth.configure_local(config("root", "secret", enabled), None).await;
        assert_eq!(refusal(refused).await, (403, "Forbidden"), "{enabled:?}");
    }
    world.set_setting(SECURITY, "false").await;
    assert!(auth.is_controlled());
    assert_eq!(status(&auth, &here()).await, 401);
    world.store.write(|tx| settle(tx, Access::Controlled)).await.unwrap();
    assert_eq!(world.store.read(|read| read.setting_stored(SECURITY)), Ok(None));
    // Who may log in can be changed all the same.
    let required = LocalConfig { access_mode: "required", ..config("root", "secret", Some(true)) };
    auth.configure_local(required, None).await.unwrap();
    assert_eq!(world.store.read(mode_of), Ok("required"));
    let odd = LocalConfig { access_mode: "odd", ..config("", "", Some(true)) };
    assert_eq!(refusal(auth.configure_local(odd, None).await).await, (422, "InvalidOption"));
}

#[tokio::test]
async fn the_mode_decides_who_may_log_in() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "root").await;
    let bob = world.user(&auth, "user", "bob").await;
    // No environment of his own is made, which would make him a member.
    world.set_setting("project.create.default", "false").await;
    let may = async |name: &str| {
        let login = auth.login(&format!("{name}:{name}-secret"), None).await;
        login.map_or_else(|error| error.status, |_| 201)
    };
    assert_eq!((may("bob").await, may("root").await), (201, 201));
    world.set_setting(ACCESS_MODE, "restricted").await;
    assert_eq!((may("bob").await, may("root").await), (403, 201));
    let refused = auth.login("bob:bob-secret", None).await;
    assert_eq!(refusal(refused).await, (403, "AuthError"));
    world.member(5, bob, "member").await;
    assert_eq!(may("bob").await, 201);
    world.set_setting(ACCESS_MODE, "required").await;
    assert_eq!((may("bob").await, may("root").await), (403, 201));
    world.set_setting(ALLOWED, "github_user:7, 1i!rancher_id:1a9").await;
    assert_eq!((may("bob").await, bob), (403, 10));
    world.set_setting(ALLOWED, "github_user:7, 1i!rancher_id:1a10").await;
    assert_eq!(may("bob").await, 201);
}

#[tokio::test]
async fn sessions_end_with_their_provider() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "root").await;
    let key = auth.login("root:root-secret", None).await.unwrap().key;
    world.set_setting(settings::PROVIDER, PROVIDER).await;
    assert_eq!(status(&auth, &bearer(&key)).await, 200);
    // Only the environment of the server can say so.
    world.set_setting(settings::PROVIDER, "githubconfig").await;
    let other = world.auth();
    let changed = other.authenticate(&bearer(&key)).await;
    assert_eq!(refusal(changed).await, (401, "AuthProviderChanged"));
    assert_eq!(other.token_status(&bearer(&key)).unwrap()["accountId"], serde_json::Value::Null);
    let login = other.login("root:root-secret", None).await;
    assert_eq!(refusal(login).await, (503, "NotConfigured"));
}

#[tokio::test]
async fn settings_neither_open_the_server_nor_lock_everybody_out() {
    let world = World::seeded().await;
    let check = |name: &str, value: Option<&str>| {
        let result = world.store.read(|read| check_setting(read, name, value));
        result.map_or_else(|error| error.status, |()| 200)
    };
    assert_eq!(check(SECURITY, Some("true")), 400, "nobody has a login");
    assert_eq!(check(SECURITY, Some("false")), 200, "it is off and may be");
    let auth = world.auth();
    world.user(&auth, "admin", "root").await;
    assert_eq!(check(SECURITY, Some("true")), 200);
    let fixed = [(SECURITY.to_owned(), "true".to_owned())];
    let write = move |tx: &mut Tx<'_>| tx.set_setting_layer(Layer::Configuration, &fixed);
    world.store.write(write).await.unwrap();
    assert_eq!((check(SECURITY, Some("false")), check(SECURITY, None)), (403, 200));
    let provider = settings::PROVIDER;
    assert_eq!(check(provider, Some("githubconfig")), 422);
    assert_eq!((check(provider, Some(PROVIDER)), check(provider, Some("none"))), (200, 200));
    assert_eq!(check("api.host", Some("githubconfig")), 200);
}
