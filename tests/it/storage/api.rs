//! What the API answers about volumes, templates and drivers.

use ranchette::model::resource::NewResource;
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
