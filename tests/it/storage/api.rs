//! What the API answers about volumes, templates and drivers.

use ranchette::model::resource::NewResource;
use ranchette::model::{id, registry};
use serde_json::{Value, json};

use crate::api::site::{Client, Site};

async fn fault(owner: &Client, path: &str, body: Value) -> String {
    owner.post(path, body).await.fault()
}

#[actix_web::test]
async fn volumes_that_cannot_be_are_refused() {
    let site = Site::start().await;
    let owner = site.owner().await;
    for (body, expect) in [
        (
            json!({"name": "a"}),
            "422 MissingRequired driver: volume `a` needs a driver, such as local",
        ),
        (
            json!({"name": "a", "driver": "local", "sizeMb": 10}),
            "422 InvalidOption sizeMb: the driver `local` of volume `a` cannot limit its size",
        ),
        (
            json!({"name": "a", "driver": "nfs", "driverOpts": {"server": "filer"}}),
            "422 MissingRequired driverOpts: a volume of driver `nfs` needs the option `share`",
        ),
        (
            json!({"name": "a", "driver": "dir", "driverOpts": {"path": "mnt"}}),
            "422 InvalidOption driverOpts: `mnt` is not an absolute path for a volume of driver `dir`",
        ),
    ] {
        assert_eq!(fault(&owner, "/volumes", body).await, expect);
    }
    let shared = json!({"name": "a", "driver": "dir", "driverOpts": {"path": "/mnt/all"}});
    let made = owner.post("/volumes", shared.clone()).await.ok(201);
    assert_eq!(made["uri"], "dir:///a");
    // Duplicate names with a plain driver are accepted.
    owner.post("/volumes", shared).await.ok(201);
}

/// What is in use can be neither removed nor taken out of use.
#[actix_web::test]
async fn a_volume_in_use_stays() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let used = row(&site, "volume", "used", "active", json!({"driver": "local"})).await;
    let path = format!("/volumes/1v{used}");
    let shown = owner.get(&path).await.ok(200);
    for action in ["remove", "deactivate", "purge", "restore"] {
        assert!(shown["actions"][action].is_null(), "{action} is not offered");
        let said = owner.post(&format!("{path}?action={action}"), json!({})).await;
        assert!(said.status >= 400, "{action}: {}", said.text);
    }
    assert_eq!(owner.delete(&path).await.status, 405);
    let left = row(&site, "volume", "left", "detached", json!({"driver": "local"})).await;
    let shown = owner.get(&format!("/volumes/1v{left}")).await.ok(200);
    assert!(shown["actions"]["remove"].is_string(), "{shown}");
    assert_eq!(owner.delete(&format!("/volumes/1v{left}")).await.ok(200)["state"], "removing");
}

#[actix_web::test]
async fn a_driver_by_its_id_has_capabilities() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let driver = site
        .store
        .write(|tx| {
            let new = NewResource::new("storageDriver", "driver".to_owned())
                .name("store")
                .state("active")
                .account(5)
                .with("volumeCapabilities", json!(["schedule.size"]));
            tx.insert(new)
        })
        .await
        .expect("a driver");
    let id = format!("1sd{}", driver.id);
    let body = json!({"name": "disk", "storageDriverId": id, "sizeMb": 100});
    let made = owner.post("/volumes", body.clone()).await.ok(201);
    assert_eq!((&made["driver"], &made["sizeMb"]), (&json!("store"), &json!(100)));
    assert_eq!(
        fault(&owner, "/volumes", body).await,
        "422 NotUnique name: the environment already has a volume called `disk`"
    );
    let by_name = json!({"name": "other", "driver": "store", "sizeMb": 1});
    let made = owner.post("/volumes", by_name).await.ok(201);
    assert_eq!(made["storageDriverId"], id);
}

#[actix_web::test]
async fn templates_are_checked() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let other = owner.post("/stacks", json!({"name": "other"})).await.ok(201);
    let body = json!({"name": "data", "stackId": stack["id"]});
    owner.post("/volumetemplates", body.clone()).await.ok(201);
    assert_eq!(
        fault(&owner, "/volumetemplates", body).await,
        "422 NotUnique name: the stack already has a volume template called `data`"
    );
    owner.post("/volumetemplates", json!({"name": "data", "stackId": other["id"]})).await.ok(201);
    let both = json!({"name": "x", "stackId": stack["id"], "external": true, "perContainer": true});
    assert_eq!(
        fault(&owner, "/volumetemplates", both).await,
        "422 InvalidOption perContainer: the volume `x` is external: it exists once, and not once for \
         each container"
    );
    let nowhere = json!({"name": "x"});
    let said = fault(&owner, "/volumetemplates", nowhere).await;
    assert!(said.starts_with("422 MissingRequired stackId"), "{said}");
}

#[actix_web::test]
async fn a_driver_in_use_stays() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "infra"})).await.ok(201);
    let service = json!({
        "name": "driver",
        "stackId": stack["id"],
        "storageDriver": {"name": "store"},
        "launchConfig": {"imageUuid": "docker:busybox"},
    });
    let service = owner.post("/storagedriverservices", service).await.ok(201);
    let text = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
    let (service, stack) = (text(&service), text(&stack));
    let number: i64 = service.trim_start_matches("1s").parse().expect("an id");
    let volume = site
        .store
        .write(move |tx| {
            let driver = NewResource::new("storageDriver", "driver".to_owned())
                .name("store")
                .state("active")
                .account(5)
                .with("serviceId", number);
            let driver = tx.insert(driver)?;
            let volume = NewResource::new("volume", "volume".to_owned())
                .name("disk")
                .state("active")
                .account(5)
                .with("driver", "store")
                .with("storageDriverId", driver.id);
            tx.insert(volume)
        })
        .await
        .expect("a volume");
    let expect = "409 DRIVER_IN_USE -: the storage driver of service `driver` is in use by `disk`";
    for path in [format!("/services/{service}"), format!("/stacks/{stack}")] {
        let refused = owner.delete(&path).await;
        assert_eq!(refused.fault(), expect);
        assert_eq!(refused.json()["detail"], volume.id.to_string());
    }
}

/// A row of the administrator's environment, in a state that no process leads to here.
async fn row(
    site: &Site,
    ty: &'static str,
    name: &'static str,
    state: &'static str,
    fields: Value,
) -> i64 {
    let write = move |tx: &mut ranchette::store::Tx<'_>| {
        let mut new = NewResource::new(ty, tx.entropy.uuid()).name(name).state(state).account(5);
        if let Value::Object(fields) = fields {
            new.data.extend(fields);
        }
        tx.insert(new)
    };
    site.store.write(write).await.expect("a row").id
}

#[actix_web::test]
async fn what_is_kept_is_refused_in_words() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let local = json!({"driver": "local", "hostId": 1});
    let a = row(&site, "volume", "a", "detached", local.clone()).await;
    let b = row(&site, "volume", "b", "detached", local).await;
    let of = |volume: i64| json!({ "volumeId": volume });
    let first = row(&site, "snapshot", "first", "created", of(a)).await;
    let making = row(&site, "snapshot", "making", "creating", of(a)).await;
    let last = row(&site, "snapshot", "last", "created", of(a)).await;
    let other = row(&site, "snapshot", "other", "created", of(b)).await;
    let name = |ty: &str, row: i64| id::format(&registry::lookup(ty).expect(ty).prefix, row);
    let path = |ty: &str, row: i64| format!("/{}s/{}", ty.to_lowercase(), name(ty, row));
    let act = |ty: &str, row: i64, action: &str| format!("{}?action={action}", path(ty, row));
    let revert = act("volume", a, "reverttosnapshot");
    for (snapshot, expect) in [
        (other, "snapshot `other` is not of volume `a`"),
        (making, "snapshot `making` is creating, not created"),
    ] {
        let said =
            fault(&owner, &revert, json!({ "snapshotId": name("snapshot", snapshot) })).await;
        assert_eq!(said, format!("422 InvalidReference snapshotId: {expect}"));
    }
    let asked = json!({ "quiesce": "shout" });
    let said = fault(&owner, &act("volume", a, "snapshot"), asked).await;
    assert!(said.starts_with("422 InvalidOption quiesce"), "{said}");
    let nowhere = row(&site, "volume", "c", "inactive", json!({"driver": "local"})).await;
    let said = fault(&owner, &act("volume", nowhere, "snapshot"), json!({})).await;
    assert!(said.ends_with("volume `c` is on no host yet: no container has used it"), "{said}");
    let foreign = json!({"driver": "local", "isHostPath": true});
    let foreign = row(&site, "volume", "/etc", "active", foreign).await;
    let shown = owner.get(&path("volume", foreign)).await.ok(200);
    for action in ["snapshot", "restorefrombackup", "reverttosnapshot", "restore"] {
        assert!(shown["actions"][action].is_null(), "{action} of what is no volume of ours");
    }

    let nfs = json!({"name": "nas", "nfsConfig": {"server": "filer", "share": "/all"}});
    let said = fault(&owner, "/backuptargets", nfs).await;
    assert!(
        said.starts_with("422 InvalidOption nfsConfig: backup targets are buckets or folders"),
        "{said}"
    );
    let target = row(&site, "backupTarget", "nas", "created", json!({})).await;
    assert_eq!(
        fault(&owner, "/backuptargets", json!({"name": "nas"})).await,
        "422 NotUnique name: there is a backup target called `nas` already"
    );
    let unmade = row(&site, "backupTarget", "unmade", "creating", json!({})).await;
    let to = json!({ "backupTargetId": name("backupTarget", unmade) });
    assert_eq!(
        fault(&owner, &act("snapshot", first, "backup"), to).await,
        "422 InvalidReference backupTargetId: there is no such backup target, or it is not created"
    );
    let fields = json!({ "snapshotId": last, "volumeId": a, "backupTargetId": target });
    row(&site, "backup", "one", "creating", fields).await;
    assert_eq!(
        owner.delete(&path("snapshot", last)).await.fault(),
        "400 InvalidState -: snapshot `last` is the latest of its volume"
    );
    owner.delete(&path("snapshot", first)).await.ok(200);
    let newest = row(&site, "snapshot", "newest", "created", of(a)).await;
    let said = owner.delete(&path("snapshot", last)).await.fault();
    assert!(said.ends_with("backup `one` is being made of snapshot `last`"), "{said}");
    let said = owner.delete(&path("snapshot", newest)).await.fault();
    assert!(said.ends_with("snapshot `newest` is the latest of its volume"), "{said}");
    let said = owner.delete(&path("backupTarget", target)).await.fault();
    assert!(said.ends_with("holds backups, such as `one`; remove them first"), "{said}");
}

#[actix_web::test]
async fn what_a_machine_starts_from_is_put_back_from_its_own_backups() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let local = json!({"driver": "local", "hostId": 1});
    let data = row(&site, "volume", "data", "detached", local).await;
    let root = json!({"driver": "local", "hostId": 1, "driverOpts": {"base-image": "rancher/vm"}});
    let root = row(&site, "volume", "root", "detached", root).await;
    let of_data = row(&site, "backup", "of-data", "created", json!({ "volumeId": data })).await;
    let of_root = row(&site, "backup", "of-root", "created", json!({ "volumeId": root })).await;
    let prefix = &registry::lookup("backup").expect("backup").prefix;
    let restore = |volume: i64| format!("/volumes/1v{volume}?action=restorefrombackup");
    let from = |backup: i64| json!({ "backupId": id::format(prefix, backup) });
    let why = "volume `root` has a `base-image`, and backup `of-data` is of another volume";
    let said = fault(&owner, &restore(root), from(of_data)).await;
    assert_eq!(said, format!("422 InvalidReference backupId: {why}"));
    for (volume, backup) in [(root, of_root), (data, of_root)] {
        let answer = owner.post(&restore(volume), from(backup)).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
}

#[actix_web::test]
async fn what_others_keep_is_not_there() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let local = json!({"driver": "local", "hostId": 1});
    let volume = row(&site, "volume", "ours", "detached", local).await;
    let snapshot = row(&site, "snapshot", "ours", "created", json!({ "volumeId": volume })).await;
    for (ty, of, at, action, field) in [
        ("snapshot", "volume", volume, "reverttosnapshot", "snapshotId"),
        ("backup", "volume", volume, "restorefrombackup", "backupId"),
        ("backupTarget", "snapshot", snapshot, "backup", "backupTargetId"),
    ] {
        let write = move |tx: &mut ranchette::store::Tx<'_>| {
            let project = NewResource::new("account", tx.entropy.uuid()).kind("project");
            let project = tx.insert(project.name("theirs").state("active"))?.id;
            let new = NewResource::new(ty, tx.entropy.uuid()).name("theirs").state("created");
            tx.insert(new.account(project).with("volumeId", volume))
        };
        let theirs = site.store.write(write).await.expect("a row").id;
        let name = |ty: &str, row: i64| id::format(&registry::lookup(ty).expect(ty).prefix, row);
        let path = format!("/{of}s/{}?action={action}", name(of, at));
        // An administrator sees it, and cannot bring it here; nobody else sees it.
        let said = fault(&owner, &path, json!({ field: name(ty, theirs) })).await;
        assert!(said.starts_with(&format!("422 InvalidReference {field}: there is no")), "{said}");
    }
}

#[actix_web::test]
async fn the_key_of_a_bucket_is_never_shown() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let bucket = |more: Value| {
        let mut config = json!({
            "endpoint": "http://s3.example:9000", "bucket": "ranch", "accessKey": "cow",
            "secretKey": "hush-hush",
        });
        if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
            config.extend(more);
        }
        json!({ "name": "far", "s3Config": config })
    };
    for (more, expect) in [
        (
            json!({ "endpoint": "ftp://s3.example" }),
            "422 InvalidFormat endpoint: `ftp://s3.example` is not the address of a server: it has \
             to begin with `https://` or `http://`",
        ),
        (
            json!({ "endpoint": "https://s3.example", "caCert": "moo" }),
            "422 InvalidFormat caCert: `caCert` is no certificate in PEM: nothing in it begins with \
             `-----BEGIN CERTIFICATE-----`",
        ),
        (
            json!({ "endpoint": "s3.example" }),
            "422 InvalidFormat endpoint: `s3.example` is not the address of a server: relative URL \
             without a base",
        ),
        (
            json!({ "endpoint": "http://cow:hush@s3.example" }),
            "422 InvalidFormat endpoint: the key belongs into `accessKey` and `secretKey`, not into \
             `endpoint`",
        ),
    ] {
        assert_eq!(fault(&owner, "/backuptargets", bucket(more)).await, expect);
    }
    let said = fault(&owner, "/backuptargets", bucket(json!({ "secretKey": null }))).await;
    assert!(said.starts_with("422 ") && said.contains(" secretKey: "), "{said}");
    let made = owner.post("/backuptargets", bucket(json!({}))).await;
    assert!(!made.text.contains("hush-hush"), "{}", made.text);
    let made = made.ok(201);
    assert_eq!(
        (&made["s3Config"]["bucket"], &made["s3Config"]["region"]),
        (&json!("ranch"), &json!("us-east-1"))
    );
    let path = format!("/backuptargets/{}", made["id"].as_str().expect("an id"));
    let shown = [
        owner.get(&path).await.text,
        owner.get("/backuptargets").await.text,
        site.admin().await.get("/auditlogs?limit=-1").await.text,
        site.store
            .read(|read| Ok(format!("{:?}", read.by_name("backupTarget", None, "far")?)))
            .expect("rows"),
    ];
    for text in shown {
        assert!(text.contains("far") && !text.contains("hush-hush"), "{text}");
    }
}
