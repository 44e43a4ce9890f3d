//! Sessions from login to their end, over a real store.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;

use super::*;
use crate::auth::Authenticator;
use crate::auth::testing::{START, World, basic, bearer, get, within};
use crate::store::AuditFilter;
use expect_test::expect;

async fn alive(auth: &Auth, key: &str) -> bool {
    auth.authenticate(&bearer(key)).await.is_ok()
}

/// Waits for the watcher to say that a proof has ended.
async fn heard(ended: &mut Receiver<String>, proof: &str) {
    while ended.recv().await.unwrap() != proof {}
}

/// Proofs that have ended so far.
fn so_far(ended: &mut Receiver<String>) -> Vec<String> {
    std::iter::from_fn(|| ended.try_recv().ok()).collect()
}

#[tokio::test]
async fn a_login_answers_with_the_token_resource() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let login = auth.login("ann:ann-secret", None).await.unwrap();
    assert_eq!((login.key.len(), login.lifetime_s), (40, 3600));
    assert_eq!(login.resource["jwt"], Value::from(login.key.as_str()));
    let mut shown = login.resource.clone();
    shown.insert("jwt".to_owned(), Value::from("key"));
    expect![[r#"
        {
          "type": "token",
          "accountId": "1a8",
          "authProvider": "localAuthConfig",
          "authenticatedAsAccountId": "1a8",
          "enabled": true,
          "identities": [
            {
              "id": "rancher_id:1a8",
              "type": "identity",
              "all": null,
              "externalId": "1a8",
              "externalIdType": "rancher_id",
              "login": "ann",
              "name": "ann",
              "profilePicture": null,
              "profileUrl": null,
              "projectId": null,
              "role": null,
              "user": true
            }
          ],
          "jwt": "key",
          "originalLogin": "ann",
          "redirectUrl": null,
          "security": true,
          "user": "ann",
          "userIdentity": {
            "id": "rancher_id:1a8",
            "type": "identity",
            "all": null,
            "externalId": "1a8",
            "externalIdType": "rancher_id",
            "login": "ann",
            "name": "ann",
            "profilePicture": null,
            "profileUrl": null,
            "projectId": null,
            "role": null,
            "user": true
          },
          "userType": "admin"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&shown).unwrap());

    let row =
        world.store.read(|read| read.token(&secret::sha256_hex(&login.key))).unwrap().unwrap();
    assert_eq!((row.created, row.expires), (START, START + 3_600_000));
    assert!(!format!("{row:?}{login:?}").contains(&login.key));

    let status = auth.token_status(&bearer(&login.key)).unwrap();
    assert_eq!(status["accountId"], shown["accountId"]);
    assert_eq!(status["jwt"], Value::Null);
    let status = auth.token_status(&get()).unwrap();
    assert_eq!((&status["accountId"], &status["security"]), (&Value::Null, &Value::Bool(true)));
    assert_eq!(status["authProvider"], PROVIDER);
}

#[tokio::test]
async fn codes_are_split_at_the_first_colon() {
    let world = World::seeded().await;
    let auth = world.auth();
    let phc = auth.hash_password("a:b:").await.unwrap();
    world.store.write(|tx| keys::insert_password(tx, 1, "ann", phc)).await.unwrap();
    let auth = world.auth();
    for (code, expect) in [
        ("ann:a:b:", Ok(())),
        ("ann:a:b", Err(401)),
        ("ann", Err(403)),
        ("", Err(403)),
        (":", Err(401)),
        ("nobody:a:b:", Err(401)),
    ] {
        let found = auth.login(code, None).await.map(|_| ()).map_err(|error| error.status);
        assert_eq!(found, expect, "{code}");
    }
}

#[tokio::test]
async fn a_session_ends_by_logout_and_only_that_one() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let one = auth.login("ann:ann-secret", None).await.unwrap().key;
    let two = auth.login("ann:ann-secret", None).await.unwrap().key;
    let caller = auth.authenticate(&bearer(&one)).await.unwrap();
    let mut ended = auth.ended_sessions();
    assert!(auth.is_live(&caller).await.unwrap());

    let cookie =
        RequestFacts { method: "DELETE".to_owned(), token_cookie: Some(one.clone()), ..get() };
    assert_eq!(auth.logout(&cookie).await.unwrap_err().code, "InvalidCSRFToken");
    let value = Some("A1".to_owned());
    auth.logout(&RequestFacts { csrf: value.clone(), csrf_cookie: value, ..cookie }).await.unwrap();
    assert_eq!((alive(&auth, &one).await, alive(&auth, &two).await), (false, true));
    assert_eq!(so_far(&mut ended), [caller.session.clone().unwrap()]);
    assert!(!auth.is_live(&caller).await.unwrap());
    auth.logout(&bearer(&one)).await.unwrap();
    let error = auth.logout(&get()).await.unwrap_err();
    assert_eq!((error.status, error.code), (500, "JWTNotProvided"));

    let rows = world
        .store
        .read(|read| read.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }))
        .unwrap();
    let said: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {}", row.entry.event, row.entry.data["description"]))
        .collect();
    assert_eq!(
        said,
        [
            "api.token.create \"login `ann`\"",
            "api.token.create \"login `ann`\"",
            "api.token.delete \"logout\"",
            "api.token.create \"refused a session key: Unauthorized\""
        ]
    );
}

#[tokio::test]
async fn a_session_expires_and_the_cache_does_not_outlive_it() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let key = auth.login("ann:ann-secret", None).await.unwrap().key;
    let caller = auth.authenticate(&bearer(&key)).await.unwrap();
    world.hands.advance(3_599_999);
    assert!(alive(&auth, &key).await);
    auth.purge_expired().await;
    let mut ended = auth.ended_sessions();
    world.hands.advance(1);
    assert!(!alive(&auth, &key).await);
    assert!(!auth.is_live(&caller).await.unwrap());
    auth.purge_expired().await;
    assert_eq!(so_far(&mut ended), [secret::sha256_hex(&key)]);
    assert!(world.store.read(|read| read.token_accounts()).unwrap().is_empty());
}

#[tokio::test]
async fn settings_decide_on_lifetime_and_concurrent_sessions() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    world.set_setting("api.auth.jwt.token.expiry", "60000").await;
    let one = auth.login("ann:ann-secret", None).await.unwrap();
    assert_eq!(one.lifetime_s, 60);
    world.set_setting("api.auth.restrict.concurrent.sessions", "true").await;
    let two = auth.login("ann:ann-secret", None).await.unwrap();
    assert_eq!((alive(&auth, &one.key).await, alive(&auth, &two.key).await), (false, true));
}

#[tokio::test]
async fn the_first_login_makes_an_environment_once_if_there_is_none() {
    let world = World::seeded().await;
    let auth = world.auth();
    let projects = || {
        let mut names = Vec::new();
        let each = |row: Resource| {
            names.extend(row.name.filter(|_| row.kind == "project"));
            Ok(())
        };
        world.store.read(|read| read.for_each("account", each)).unwrap();
        names
    };
    world.user(&auth, "admin", "ann").await;
    let bob = world.user(&auth, "user", "bob").await;
    world.member(5, bob, "member").await;
    world.set_setting("project.create.default", "false").await;
    world.user(&auth, "user", "eve").await;
    auth.login("eve:eve-secret", None).await.unwrap();
    world.set_setting("project.create.default", "true").await;
    for code in ["ann:ann-secret", "bob:bob-secret", "eve:eve-secret", "ann:ann-secret"] {
        auth.login(code, None).await.unwrap();
    }
    assert_eq!(projects(), ["Default", "ann-Default"]);
}

#[tokio::test]
async fn a_password_change_ends_every_session_of_its_account() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    world.user(&auth, "user", "bob").await;
    let bob = auth.login("bob:bob-secret", None).await.unwrap().key;
    let ann = auth.login("ann:ann-secret", None).await.unwrap().key;
    auth.authenticate(&basic("bob", "bob-secret")).await.unwrap();
    let (as_bob, as_ann) = (
        auth.authenticate(&bearer(&bob)).await.unwrap(),
        auth.authenticate(&bearer(&ann)).await.unwrap(),
    );
    let found = world.store.read(|read| keys::usable(read, &[keys::PASSWORD], "bob")).unwrap();
    let id = found.unwrap().0.id;
    let found = world.store.read(|read| keys::usable(read, &[keys::PASSWORD], "ann")).unwrap();
    let ann_id = found.unwrap().0.id;
    for (caller, id, old, new, expect) in [
        (&as_bob, id, "wrong", "next", Err((400, "InvalidOldPassword"))),
        (&as_bob, id, "bob-secret", " ", Err((400, "UserCredentialCreation"))),
        (&as_bob, ann_id, "ann-secret", "next", Err((404, "Not Found"))),
        (&as_ann, ann_id, "wrong", "next", Err((400, "InvalidOldPassword"))),
        (&as_ann, 5, "", "next", Err((404, "Not Found"))),
    ] {
        let found = auth.change_secret(caller, id, old, new, None).await;
        assert_eq!(found.map_err(|error| (error.status, error.code)), expect, "{old}");
    }
    let mut ended = auth.ended_sessions();
    auth.change_secret(&as_bob, id, "bob-secret", "next", None).await.unwrap();
    assert_eq!((alive(&auth, &bob).await, alive(&auth, &ann).await), (false, true));
    assert_eq!(so_far(&mut ended), [secret::sha256_hex(&bob), format!("credential:{id}")]);
    auth.authenticate(&basic("bob", "bob-secret")).await.unwrap_err();
    auth.authenticate(&basic("bob", "next")).await.unwrap();
    // An administrator need not know the old one.
    auth.change_secret(&as_ann, id, "", "third", None).await.unwrap();
    auth.login("bob:third", None).await.unwrap();
}

#[tokio::test]
async fn open_connections_end_when_their_ground_is_taken_away() {
    let world = World::seeded().await;
    let auth = world.auth();
    let watcher = tokio::spawn(Arc::clone(&auth).watch());
    let ann = world.user(&auth, "admin", "ann").await;
    let bob = world.user(&auth, "user", "bob").await;
    let member = world.member(5, bob, "member").await;
    let session = async |code: &str| secret::sha256_hex(&auth.login(code, None).await.unwrap().key);
    let (bobs, anns) = (session("bob:bob-secret").await, session("ann:ann-secret").await);
    let (key, key_secret) = world.key(5).await;
    let by_key = auth.authenticate(&basic(&key, &key_secret)).await.unwrap();
    let in_project = within(basic("bob", "bob-secret"), 5);
    let as_member = auth.authenticate(&in_project).await.unwrap();
    let mut ended = auth.ended_sessions();
    // The watcher has looked at nothing yet: it runs when this test waits.
    tokio::task::yield_now().await;

    world.set_state(member, "removed").await;
    heard(&mut ended, &bobs).await;
    assert!(!auth.is_live(&as_member).await.unwrap());
    assert_eq!(world.store.read(|read| read.tokens_of(bob)).unwrap().len(), 1, "not logged out");

    let credential = world.store.read(|read| keys::usable(read, &[keys::API_KEY], &key)).unwrap();
    let id = credential.unwrap().0.id;
    world.set_state(id, "inactive").await;
    heard(&mut ended, &by_key.session.clone().unwrap()).await;
    assert!(!auth.is_live(&by_key).await.unwrap());

    world.set_state(bob, "inactive").await;
    heard(&mut ended, &bobs).await;
    assert_eq!(world.store.read(|read| read.tokens_of(bob)).unwrap(), []);
    assert_eq!(world.store.read(|read| read.tokens_of(ann)).unwrap()[0].key_hash, anns);
    watcher.abort();
}
