//! The history of a service over the API, on a simulated host: what is kept of it, and the way back.

use std::sync::Arc;

use expect_test::expect;
use ranchette::clock::Clock;
use ranchette::engine::Engine as _;
use ranchette::engine::sim::{SimEngine, SimFleet};
use ranchette::process::versions::images;
use serde_json::{Value, json};

use crate::streams::place::Place;

struct Ground {
    place: Place,
    fleet: SimFleet,
    host: SimEngine,
    service: String,
}

impl Ground {
    /// The service `web` in the stack `blog`, which runs.
    async fn start(launch: Value) -> Self {
        let (clock, time) = Clock::manual(Clock::System.now_ms());
        let fleet = SimFleet::new(7, clock);
        let host = fleet.host("host1");
        let place = Place::over("sim://host1", Arc::new(host.clone()), time).await;
        let stack = place.owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
        let body = json!({
            "name": "web", "stackId": stack["id"], "scale": 1, "startOnCreate": true,
            "launchConfig": launch,
        });
        let made = place.owner.post("/services", body).await.ok(201);
        let service = made["id"].as_str().expect("an id").to_owned();
        let ground = Self { place, fleet, host, service };
        ground.state("active").await;
        ground
    }

    async fn state(&self, state: &str) {
        self.place.state(&self.service, state).await;
    }

    async fn act(&self, action: &str, body: Value) -> super::site::Answer {
        let path = format!("/services/{}?action={action}", self.service);
        self.place.owner.post(&path, body).await
    }

    async fn upgrade(&self, launch: Value) {
        let strategy = json!({ "launchConfig": launch, "intervalMillis": 100 });
        self.act("upgrade", json!({ "inServiceStrategy": strategy })).await.ok(202);
        self.end().await;
    }

    async fn end(&self) {
        self.state("upgraded").await;
        self.act("finishupgrade", json!({})).await.ok(202);
        self.state("active").await;
    }

    async fn versions(&self) -> Vec<Value> {
        let path = format!("/services/{}/serviceversions?sort=id", self.service);
        let answer = self.place.owner.get(&path).await.ok(200);
        answer["data"].as_array().expect("a list").clone()
    }

    /// The history, a line a version; ids of images by the order in which they were seen.
    async fn history(&self) -> String {
        let mut seen: Vec<String> = Vec::new();
        let mut lines = String::new();
        for version in self.versions().await {
            let mut images = Vec::new();
            for image in version["images"].as_array().expect("images") {
                let id = image["imageId"].as_str().expect("an id").to_owned();
                let number = seen.iter().position(|known| *known == id).unwrap_or_else(|| {
                    seen.push(id);
                    seen.len() - 1
                });
                let hosts = image["hostIds"].as_array().expect("hosts").len();
                images.push(format!("{} #{number} on {hosts}", image["image"].as_str().unwrap()));
            }
            lines += &format!(
                "{} {} by {}: {} [{}]\n",
                version["versionNumber"],
                version["eventType"].as_str().unwrap(),
                version["changedBy"].as_str().unwrap_or("nobody"),
                version["description"].as_str().unwrap(),
                images.join(", ")
            );
        }
        lines
    }

    async fn version(&self, number: i64) -> Value {
        let versions = self.versions().await;
        let found = versions.into_iter().find(|version| version["versionNumber"] == number);
        found.unwrap_or_else(|| panic!("no version {number}"))
    }

    async fn back_to(&self, number: i64) -> super::site::Answer {
        let id = self.version(number).await["id"].clone();
        self.act("rollbackto", json!({ "versionId": id, "intervalMillis": 100 })).await
    }

    /// The images of the service's containers as the host knows them.
    fn run(&self) -> Vec<(String, String)> {
        let all = self.host.everything().into_iter().filter(|one| one.is_running());
        all.map(|one| (one.image, one.image_id)).collect()
    }

    async fn stop(self) {
        self.place.stop().await;
    }
}

#[actix_web::test]
async fn a_service_goes_back_to_the_very_image_of_an_earlier_version() {
    let ground = Ground::start(json!({"imageUuid": "docker:nginx:1"})).await;
    let first = ground.run();
    // Somebody publishes another image under the same name, and it is pulled.
    ground.fleet.registry().publish("nginx:1");
    let labels = json!({"io.rancher.container.pull_image": "always"});
    ground.upgrade(json!({"imageUuid": "docker:nginx:1", "labels": labels})).await;
    let second = ground.run();
    assert_eq!((&first[0].0, &second[0].0), (&"nginx:1".to_owned(), &"nginx:1".to_owned()));
    assert_ne!(first[0].1, second[0].1, "another image under the same name");
    let launch = json!({"imageUuid": "docker:nginx:2", "environment": {"PASSWORD": "hush"}});
    ground.upgrade(launch).await;
    expect![[r#"
        1 create by Root: image nginx:1 [nginx:1 #0 on 1]
        2 upgrade by Root: the same configuration again [nginx:1 #1 on 1]
        3 upgrade by Root: image nginx:2 instead of nginx:1, variable PASSWORD added [nginx:2 #2 on 1]
    "#]]
    .assert_eq(&ground.history().await);

    let id = ground.version(1).await["id"].clone();
    let path = format!("/services/{}?action=rollbackto&dryRun=true", ground.service);
    let plan = ground.place.owner.post(&path, json!({"versionId": id})).await.ok(200);
    let changed = plan["changes"].as_array().expect("changes");
    let image = |side: &str| {
        let service = changed.iter().find(|change| change["resourceType"] == "service");
        let launch = &service.expect("the service changes")["fields"]["launchConfig"][side];
        launch["imageUuid"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(image("from"), "docker:nginx:2");
    assert!(image("to").starts_with("docker:nginx@sha256:"), "{}", image("to"));
    assert_eq!(ground.versions().await.len(), 3, "a dry run keeps nothing");

    ground.back_to(1).await.ok(200);
    ground.end().await;
    let back = ground.run();
    assert_eq!(back[0].1, first[0].1, "the very image from before");
    let again = ground.back_to(1).await;
    expect!["409 Conflict -: version 1 of service `web` is what it runs already"]
        .assert_eq(&again.fault());
    // An upgrade that is taken back is a version, too, and knows its image.
    let strategy = json!({"launchConfig": {"imageUuid": "docker:nginx:3"}, "intervalMillis": 100});
    ground.act("upgrade", json!({"inServiceStrategy": strategy})).await.ok(202);
    ground.state("upgraded").await;
    let early = ground.back_to(1).await;
    expect!["422 ActionNotAvailable action: service `web` is upgraded; it does not offer `rollbackto` now"]
        .assert_eq(&early.fault());
    ground.act("rollback", json!({})).await.ok(202);
    ground.state("active").await;
    let digest = back[0].0.as_str();
    let (name, hex) = digest.split_once("sha256:").expect("a name by content");
    let history = ground.history().await.replace(digest, "DIGEST");
    let history = history.replace(&format!("{name}{}", &hex[..12]), "SHORT");
    expect![[r#"
        1 create by Root: image nginx:1 [nginx:1 #0 on 1]
        2 upgrade by Root: the same configuration again [nginx:1 #1 on 1]
        3 upgrade by Root: image nginx:2 instead of nginx:1, variable PASSWORD added [nginx:2 #2 on 1]
        4 rollback by Root: back to version 1: image SHORT instead of nginx:2, variable PASSWORD removed [DIGEST #0 on 1]
        5 upgrade by Root: image nginx:3 instead of SHORT [nginx:3 #3 on 1]
        6 rollback by Root: back to before the upgrade: image SHORT instead of nginx:3 [DIGEST #0 on 1]
    "#]]
    .assert_eq(&history);
    ground.stop().await;
}

#[actix_web::test]
async fn an_image_that_cannot_be_had_is_said_before_anything_changes() {
    let ground = Ground::start(json!({"imageUuid": "docker:nginx:1"})).await;
    let first = ground.run();
    let digests = ground.host.image_digests(&first[0].1).await.expect("digests");
    ground.upgrade(json!({"imageUuid": "docker:nginx:2"})).await;

    // It is only in the registry: that is enough, and it is pulled.
    ground.host.external_remove_image(&first[0].1);
    ground.place.run(&images::tasks()[0]).await;
    assert_eq!(ground.version(1).await["images"][0]["hostIds"], json!([]), "the version says so");
    ground.back_to(1).await.ok(200);
    ground.end().await;
    assert_eq!(ground.run()[0].1, first[0].1);
    assert_ne!(ground.version(1).await["images"][0]["hostIds"], json!([]), "it is here again");

    // It is nowhere.
    ground.upgrade(json!({"imageUuid": "docker:nginx:2"})).await;
    ground.host.external_remove_image(&first[0].1);
    ground.fleet.registry().withdraw(&digests[0]);
    let before = ground.place.owner.get(&format!("/services/{}", ground.service)).await.ok(200);
    let short = &first[0].1["sha256:".len()..][..12];
    let refused = ground.back_to(1).await.fault();
    let refused = refused.replace(&digests[0], "DIGEST").replace(short, "ID");
    expect!["409 Conflict -: version 1 of service `web` ran image `nginx:1` (ID), which cannot be had: no host has it any more, nor has its registry: image `DIGEST` not found: manifest for DIGEST not found: manifest unknown"]
        .assert_eq(&refused);
    let after = ground.place.owner.get(&format!("/services/{}", ground.service)).await.ok(200);
    assert_eq!(before, after);
    let unknown = ground.act("rollbackto", json!({"versionId": "1sv999"})).await;
    expect![[r#"422 InvalidReference versionId: field `versionId` of a serviceRollbackTo refers to the serviceVersion "1sv999", which does not exist"#]].assert_eq(&unknown.fault());
    ground.stop().await;
}

#[actix_web::test]
async fn another_image_at_the_start_of_a_container_is_a_version() {
    let ground = Ground::start(json!({"imageUuid": "docker:nginx:1"})).await;
    // Somebody else pulls on the host, and a container is replaced.
    ground.fleet.registry().publish("nginx:1");
    ground.host.pull("nginx:1", None, &|_| {}).await.expect("a pull");
    let container = ground.host.everything()[0].id.clone();
    ground.host.external_remove(&container).expect("a container");
    let count = || {
        ground.place.site.store.read(|read| {
            let mut found = 0;
            read.for_each("serviceVersion", |_| {
                found += 1;
                Ok(())
            })?;
            Ok(found)
        })
    };
    ground.place.until("a second version", |_| Ok((count()? == 2).then_some(()))).await;
    ground.state("active").await;
    let second = ground.version(2).await;
    assert_eq!(second["eventType"], "image");
    assert_eq!(second["changedBy"], Value::Null, "the server did so by itself");
    let said = second["description"].as_str().expect("a description");
    assert!(said.starts_with("image nginx:1 is another: "), "{said}");
    ground.back_to(1).await.ok(200);
    ground.end().await;
    assert_eq!(ground.version(1).await["images"][0]["imageId"], ground.run()[0].1.as_str());

    // No more are kept than a setting says, and none of what is gone.
    ground
        .place
        .site
        .store
        .write(|tx| tx.set_setting("service.versions.kept", Some("2")))
        .await
        .unwrap();
    ground.upgrade(json!({"imageUuid": "docker:nginx:4"})).await;
    let numbers: Vec<Value> =
        ground.versions().await.iter().map(|one| one["versionNumber"].clone()).collect();
    assert_eq!(numbers, [3, 4]);
    ground.act("remove", json!({})).await.ok(202);
    ground.state("removed").await;
    assert_eq!(count().expect("versions"), 0, "none is left that is not removed");
    ground.stop().await;
}
