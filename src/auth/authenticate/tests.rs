//! Proofs, environments and roles, over a real store.

use super::*;
use crate::auth::Options;
use crate::auth::caller::Role;
use crate::auth::testing::{World, basic, bearer, get, within};
use crate::model::id;

/// The status of a refusal, or the role.
fn outcome(result: Result<Caller>) -> Result<Role, u16> {
    result.map(|caller| caller.role).map_err(|error| error.status)
}

#[tokio::test]
async fn each_kind_of_proof_is_accepted_where_the_spec_says() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    world.user(&auth, "user", "bob").await;
    let session = auth.login("ann:ann-secret", None).await.unwrap().key;
    let in_basic = format!("X-API-Bearer={}", id::format("a", 5));
    let checks = [
        (get(), Err(401)),
        (bearer(&session), Ok(Role::Admin)),
        (bearer("nonsense"), Err(401)),
        (RequestFacts { token_cookie: Some(session.clone()), ..get() }, Ok(Role::Admin)),
        (RequestFacts { token_query: Some(session.clone()), ..get() }, Ok(Role::Admin)),
        (basic("ann", "ann-secret"), Ok(Role::Admin)),
        (basic("x-api-bearer", &session), Ok(Role::Admin)),
        (basic(&in_basic, &session), Ok(Role::Owner)),
        (basic("x-api-bearer=1a77", &session), Err(403)),
        (basic("x-api-bearer", "nonsense"), Err(401)),
        (RequestFacts { authorization: Some("Basic ???".to_owned()), ..get() }, Err(401)),
        (RequestFacts { authorization: Some("Digest x".to_owned()), ..get() }, Err(401)),
        // A dead cookie does not stand in the way of good credentials.
        (
            RequestFacts { token_cookie: Some("old".to_owned()), ..basic("ann", "ann-secret") },
            Ok(Role::Admin),
        ),
        // Of two that are good, credentials come before a session.
        (
            RequestFacts { token_cookie: Some(session.clone()), ..basic("bob", "bob-secret") },
            Ok(Role::User),
        ),
        (RequestFacts { for_token: true, ..get() }, Ok(Role::Token)),
    ];
    for round in ["first", "from the cache"] {
        for (request, expect) in &checks {
            let found = outcome(auth.authenticate(request).await);
            assert_eq!(&found, expect, "{round}: {:?}", request.authorization);
        }
    }
}

#[tokio::test]
async fn api_keys_act_for_their_account_or_environment() {
    let world = World::seeded().await;
    let auth = world.auth();
    let bob = world.user(&auth, "user", "bob").await;
    let other = world.project("other").await;
    let (own_key, own_secret) = world.key(bob).await;
    let (project_key, project_secret) = world.key(5).await;

    let user = auth.authenticate(&basic(&own_key, &own_secret)).await.unwrap();
    assert_eq!((user.user_id, user.account_id, user.role), (bob, bob, Role::User));
    assert_eq!((user.all_accounts, user.in_project()), (false, false));

    let request = basic(&project_key, &project_secret);
    let project = auth.authenticate(&request).await.unwrap();
    assert_eq!((project.user_id, project.account_id, project.role), (5, 5, Role::Project));
    assert!(project.in_project());
    assert_eq!(outcome(auth.authenticate(&within(request.clone(), 5)).await), Ok(Role::Project));
    assert_eq!(outcome(auth.authenticate(&within(request, other)).await), Err(403));

    let selecting = RequestFacts {
        client_access_key: Some(project_key.clone()),
        ..basic(&own_key, &own_secret)
    };
    assert_eq!(outcome(auth.authenticate(&selecting).await), Err(403));
    world.member(5, bob, "member").await;
    assert_eq!(outcome(auth.authenticate(&selecting).await), Ok(Role::Member));

    for (key, secret) in
        [(&own_key, "wrong"), (&"0".repeat(20), &own_secret), (&own_key, &project_secret)]
    {
        assert_eq!(outcome(auth.authenticate(&basic(key, secret)).await), Err(401));
    }
}

#[tokio::test]
async fn what_is_no_longer_in_use_proves_nothing() {
    let world = World::seeded().await;
    let auth = world.auth();
    for state in ["inactive", "removed", "deactivating"] {
        let project = world.project("short-lived").await;
        let (key, secret) = world.key(project).await;
        let request = basic(&key, &secret);
        assert_eq!(outcome(auth.authenticate(&request).await), Ok(Role::Project));
        world.set_state(project, state).await;
        assert_eq!(outcome(auth.authenticate(&request).await), Err(401), "{state}");
    }
    for state in ["inactive", "removed"] {
        let (key, secret) = world.key(5).await;
        let request = basic(&key, &secret);
        assert_eq!(outcome(auth.authenticate(&request).await), Ok(Role::Project));
        let credential =
            world.store.read(|read| keys::usable(read, &[keys::API_KEY], &key)).unwrap();
        world.set_state(credential.unwrap().0.id, state).await;
        assert_eq!(outcome(auth.authenticate(&request).await), Err(401), "{state}");
    }
    let bob = world.user(&auth, "user", "bob").await;
    world.user(&auth, "admin", "ann").await;
    let session = auth.login("bob:bob-secret", None).await.unwrap().key;
    world.set_state(bob, "inactive").await;
    assert_eq!(outcome(auth.authenticate(&basic("bob", "bob-secret")).await), Err(401));
    assert_eq!(outcome(auth.authenticate(&bearer(&session)).await), Err(401));
    assert_eq!(auth.login("bob:bob-secret", None).await.unwrap_err().status, 401);
}

#[tokio::test]
async fn the_role_in_an_environment_is_the_best_membership() {
    let world = World::seeded().await;
    let auth = world.auth();
    let bob = world.user(&auth, "user", "bob").await;
    world.user(&auth, "admin", "ann").await;
    world.user(&auth, "readAdmin", "eve").await;
    let request = within(basic("bob", "bob-secret"), 5);
    let mut members = Vec::new();
    assert_eq!(outcome(auth.authenticate(&request).await), Err(403));
    for (role, expect) in [
        ("readonly", Role::ReadOnly),
        ("restricted", Role::Restricted),
        ("member", Role::Member),
        ("owner", Role::Owner),
        ("readonly", Role::Owner),
    ] {
        members.push(world.member(5, bob, role).await);
        assert_eq!(outcome(auth.authenticate(&request).await), Ok(expect), "{role}");
    }
    for member in members {
        world.set_state(member, "removed").await;
    }
    assert_eq!(outcome(auth.authenticate(&request).await), Err(403));
    let ann = auth.authenticate(&within(basic("ann", "ann-secret"), 5)).await.unwrap();
    assert_eq!((ann.role, ann.all_accounts, ann.account_id), (Role::Owner, true, 5));
    let eve = auth.authenticate(&within(basic("eve", "eve-secret"), 5)).await.unwrap();
    assert_eq!((eve.role, eve.all_accounts), (Role::ReadAdmin, true));
}

#[tokio::test]
async fn environments_are_selected_by_header_then_query_then_path() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let other = world.project("other").await;
    let (fifth, other_id) = (id::format("a", 5), id::format("a", other));
    let stopped = world.project("stopped").await;
    world.set_state(stopped, "inactive").await;
    let stopped = id::format("a", stopped);
    let check = async |header: &str, query: &str, path: &str, expect: Result<i64, u16>| {
        let part = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let request = RequestFacts {
            project_header: part(header),
            project_query: part(query),
            project_path: part(path),
            ..basic("ann", "ann-secret")
        };
        let found = auth.authenticate(&request).await;
        let found = found.map(|caller| caller.account_id).map_err(|error| error.status);
        assert_eq!(found, expect, "{header} {query} {path}");
    };
    check(&fifth, &other_id, "", Ok(5)).await;
    check("", &other_id, &fifth, Ok(other)).await;
    check("", "", &other_id, Ok(other)).await;
    check("Default", "", "", Err(400)).await;
    check("1a99999", "", "", Err(403)).await;
    check("1a6", "", "", Err(403)).await;
    check(&stopped, "", "", Err(403)).await;
}

#[tokio::test]
async fn cookie_callers_must_repeat_the_csrf_value_and_others_need_not() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let key = auth.login("ann:ann-secret", None).await.unwrap().key;
    let post = |request: RequestFacts| RequestFacts { method: "POST".to_owned(), ..request };
    let cookie = RequestFacts { token_cookie: Some(key.clone()), ..get() };
    let with = |sent: &str| RequestFacts {
        csrf_cookie: Some("A1B2C3D4E5".to_owned()),
        csrf: Some(sent.to_owned()),
        ..post(cookie.clone())
    };
    for (request, expect) in [
        (cookie.clone(), Ok(Role::Admin)),
        (post(cookie.clone()), Err(403)),
        (with("A1B2C3D4E5"), Ok(Role::Admin)),
        (with("A1B2C3D4E6"), Err(403)),
        (post(bearer(&key)), Ok(Role::Admin)),
        (post(basic("ann", "ann-secret")), Ok(Role::Admin)),
    ] {
        assert_eq!(outcome(auth.authenticate(&request).await), expect, "{}", request.method);
    }
}

#[tokio::test]
async fn wrong_passwords_wait_longer_and_longer_but_the_owner_who_was_right_does_not() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    world.user(&auth, "user", "bob").await;
    auth.authenticate(&basic("ann", "ann-secret")).await.unwrap();
    for (wait, expect) in
        [(0, 401), (0, 401), (0, 401), (0, 429), (999, 429), (1, 401), (1999, 429), (1, 401)]
    {
        world.hands.advance(wait);
        for name in ["ann", "bob", "nobody"] {
            let request = RequestFacts { client_ip: None, ..basic(name, "guess") };
            assert_eq!(outcome(auth.authenticate(&request).await), Err(expect), "{name}");
        }
    }
    assert_eq!(outcome(auth.authenticate(&basic("ann", "ann-secret")).await), Ok(Role::Admin));
    assert_eq!(outcome(auth.authenticate(&basic("bob", "bob-secret")).await), Err(429));
    world.hands.advance(4000);
    assert_eq!(outcome(auth.authenticate(&basic("bob", "bob-secret")).await), Ok(Role::User));
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_cost_changes() {
    let world = World::seeded().await;
    let auth = world.auth();
    world.user(&auth, "admin", "ann").await;
    let cost = crate::auth::secret::Cost { memory_kib: 16, iterations: 1, parallelism: 1 };
    let options = Options { cost, ..world.options() };
    let parts = (world.store.clone(), world.clock.clone(), world.entropy.clone());
    let dearer = Auth::new(parts.0, parts.1, parts.2, options).unwrap();
    let stored = || {
        let found = world.store.read(|read| keys::usable(read, &[keys::PASSWORD], "ann")).unwrap();
        found.and_then(|(row, _)| keys::secret_hash(&row).map(str::to_owned)).unwrap()
    };
    assert!(stored().contains("m=8,"), "{}", stored());
    dearer.authenticate(&basic("ann", "ann-secret")).await.unwrap();
    assert!(stored().contains("m=16,"), "{}", stored());
    dearer.authenticate(&basic("ann", "ann-secret")).await.unwrap();
    assert_eq!(outcome(dearer.authenticate(&basic("ann", "ann-secres")).await), Err(401));
}

#[tokio::test]
async fn refused_proofs_are_recorded_without_their_secrets() {
    let world = World::seeded().await;
    let auth = world.auth();
    for request in [basic("bob", "hunter2"), bearer("hunter2"), get()] {
        auth.authenticate(&request).await.unwrap_err();
    }
    auth.login("bob:hunter2", None).await.unwrap_err();
    world.user(&auth, "admin", "ann").await;
    let auth = world.auth();
    auth.login("bob:hunter2", None).await.unwrap_err();
    let filter = crate::store::AuditFilter { limit: 10, ..Default::default() };
    let rows = world.store.read(|read| read.audit(&filter)).unwrap();
    let said: Vec<_> = rows.iter().map(|row| row.entry.data["description"].clone()).collect();
    assert_eq!(
        said,
        [
            "refused `bob`: Unauthorized",
            "refused a session key: Unauthorized",
            "refused login `bob`: wrong login or password",
        ]
    );
    assert!(rows.iter().all(|row| !format!("{row:?}").contains("hunter2")));
    assert_eq!(rows[0].entry.data["clientIp"], "10.0.0.9");
}
