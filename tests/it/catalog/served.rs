//! What is served of catalogs in folders.

use serde_json::{Value, json};

use super::{folder, ids, inside, offer, put, text};
use crate::api::site::{Client, Site, answer};

const COMPOSE: &str = "web:\n  image: nginx:${TAG}\n";
const FIRST: &str = ".catalog:\n  name: Shop\n  version: v1.0\n  questions:\n    - {variable: TAG, label: Tag, type: string, default: '1', required: true}\n";
const SECOND: &str = ".catalog:\n  name: Shop\n  version: v2.0\n  minimum_rancher_version: v1.6.0\n  questions:\n    - {variable: TAG, type: enum, options: [a, b], default: a}\n    - {variable: KEEP, type: int, min: 1, max: 9, group: More}\n";

const FILES: &[(&str, &str)] = &[
    (
        "templates/shop/config.yml",
        "name: Shop\ndescription: Sells things\nversion: v1.0\ncategory: Sales\nmaintainer: Me\nlicense: MIT\nprojectURL: https://shop.example\nlabels: {a: b}\n",
    ),
    ("templates/shop/catalogIcon-shop.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    ("templates/shop/README.md", "# Shop"),
    ("templates/shop/0/docker-compose.yml", COMPOSE),
    ("templates/shop/0/rancher-compose.yml", FIRST),
    ("templates/shop/1/docker-compose.yml", COMPOSE),
    ("templates/shop/1/rancher-compose.yml", SECOND),
    ("templates/shop/1/README.md", "# Shop 2"),
    ("templates/tool/config.yml", "name: Tool\ncategories: [Sales, Tools]\n"),
    ("templates/tool/0/docker-compose.yml", COMPOSE),
    ("templates/tool/0/rancher-compose.yml", ".catalog: {version: '1'}"),
    ("infra-templates/dns/config.yml", "name: DNS\ncategory: infra\nisSystem: true\n"),
    ("infra-templates/dns/0/docker-compose.yml", COMPOSE),
    ("infra-templates/dns/0/rancher-compose.yml", ".catalog: {version: '1'}"),
    ("templates/late/0/docker-compose.yml", COMPOSE),
    (
        "templates/late/0/rancher-compose.yml",
        ".catalog: {version: '1', minimum_rancher_version: v9.0.0}",
    ),
];

fn outside(client: &Client, site: &Site) -> Client {
    client.at(format!("{}/v1-catalog", site.url))
}

#[actix_web::test]
async fn templates_are_listed_and_shown() {
    let site = Site::start().await;
    let home = folder(FILES);
    offer(&site, "home", home.path()).await;
    let client = inside(&site.owner().await, &site);
    let root = &client.base;

    let catalogs = client.get("/catalogs").await.ok(200);
    assert_eq!(catalogs["data"][0]["id"], "home");
    assert_eq!(catalogs["data"][0]["environmentId"], "global");
    assert_eq!(catalogs["data"][0]["state"], "active");
    assert_eq!(catalogs["data"][1]["id"], "ranchette");
    let one = client.get("/catalogs/home").await.ok(200);
    assert_eq!(text(&one, "url"), home.path().to_string_lossy());

    let list = client.get("/templates?catalogId=home").await.ok(200);
    assert_eq!(list["actions"]["refresh"], format!("{root}/templates?action=refresh"));
    let shop = &list["data"][1];
    assert_eq!(
        *shop,
        json!({
            "id": "home:shop", "type": "template", "baseType": "template", "actions": {},
            "name": "Shop", "description": "Sells things", "category": "Sales",
            "categories": ["Sales"], "templateBase": "", "catalogId": "home",
            "environmentId": "global",
            "defaultVersion": "v1.0", "defaultTemplateVersionId": "home:shop:0",
            "folderName": "shop", "iconFilename": "catalogIcon-shop.svg", "isSystem": "",
            "labels": { "a": "b" }, "license": "MIT", "maintainer": "Me", "path": "",
            "projectURL": "https://shop.example", "upgradeFrom": "",
            "versionLinks": {
                "v1.0": format!("{root}/templates/home:shop:0"),
                "v2.0": format!("{root}/templates/home:shop:1"),
            },
            "links": {
                "self": format!("{root}/templates/home:shop"),
                "icon": format!("{root}/templates/home:shop?image&projectId=1a5"),
                "readme": format!("{root}/templates/home:shop?readme"),
                "project": "https://shop.example",
                "defaultVersion": format!("{root}/templates/home:shop:0"),
            },
        })
    );
    assert_eq!(client.get("/templates/home:shop").await.ok(200), *shop);

    let version = client.get("/templates/home:shop:0").await.ok(200);
    assert_eq!(version["type"], "templateVersion");
    assert_eq!(version["files"]["docker-compose.yml"], COMPOSE);
    assert_eq!(version["files"]["rancher-compose.yml"], FIRST);
    assert_eq!(
        version["questions"][0],
        json!({
            "variable": "TAG", "label": "Tag", "description": "", "type": "string",
            "default": "1", "required": true, "group": "", "min": 0, "max": 0, "minLength": 0,
            "maxLength": 0, "options": [], "validChars": "", "invalidChars": "",
        })
    );
    let second = format!("{root}/templates/home:shop:1");
    assert_eq!(version["upgradeVersionLinks"], json!({ "v2.0": second }));
    assert_eq!(version["links"]["template"], format!("{root}/templates/home:shop"));
    let newest = client.get(&second).await.ok(200);
    assert_eq!(newest["upgradeVersionLinks"], json!({}));
    assert_eq!(newest["questions"][1]["max"], 9);
    let by_name = client.get("/templateversions/home:shop:v2.0").await.ok(200);
    assert_eq!(by_name, newest);
}

#[actix_web::test]
async fn lists_are_filtered() {
    let site = Site::start().await;
    let home = folder(FILES);
    offer(&site, "home", home.path()).await;
    let client = outside(&site.admin().await, &site);
    let check = async |query: &str, expect: &[&str]| {
        let found = ids(client.get(&format!("/templates?catalogId=home&{query}")).await);
        assert_eq!(found, expect, "{query}");
    };
    check("", &["home:late", "home:shop", "home:tool", "home:infra*dns"]).await;
    check("rancherVersion=v1.6.30", &["home:shop", "home:tool", "home:infra*dns"]).await;
    check("minimumRancherVersion_lte=v1.5.0", &["home:shop", "home:tool", "home:infra*dns"]).await;
    check("category_ne=infra", &["home:late", "home:shop", "home:tool"]).await;
    check("category=Sales", &["home:shop", "home:tool"]).await;
    check("category=sales&category=Tools", &["home:tool"]).await;
    check("templateBase_eq=infra", &["home:infra*dns"]).await;
    let old = client.get("/templates/home:shop?rancherVersion=v1.5.0").await.ok(200);
    assert_eq!(old["versionLinks"].as_object().expect("links").len(), 1);
    let old = client.get("/templates/home:shop:0?rancherVersion=v1.5.0").await.ok(200);
    assert_eq!(old["upgradeVersionLinks"], json!({}));
    let all = ids(client.get("/templates").await);
    assert!(all.contains(&"ranchette:gitea".to_owned()), "{all:?}");
    assert_eq!(ids(client.get("/templates?catalog=none").await), [""; 0]);
}

#[actix_web::test]
async fn pictures_and_words_are_sent_as_files() {
    let site = Site::start().await;
    let home = folder(FILES);
    offer(&site, "home", home.path()).await;
    let client = inside(&site.owner().await, &site);
    let icon = client.get("/templates/home:shop?image&projectId=1a5").await;
    assert_eq!((icon.status, icon.header("content-type")), (200, "image/svg+xml"));
    // Opened by itself it is saved, not shown: a picture may hold a script.
    let kept = "attachment; filename=\"catalogIcon-shop.svg\"";
    assert_eq!(icon.header("content-disposition"), kept);
    assert_eq!(icon.header("x-content-type-options"), "nosniff");
    assert!(icon.text.starts_with("<svg"));
    // A browser that shows a picture takes anything.
    let shown = client
        .request("GET", "/templates/home:shop?image")
        .header("user-agent", "Mozilla/5.0")
        .header("accept", "image/svg+xml,image/*,*/*;q=0.8");
    assert_eq!(answer(shown).await.header("content-type"), "image/svg+xml");
    for (path, expect) in [
        ("home:shop?readme", "# Shop"),
        ("home:shop:0?readme", "# Shop"),
        ("home:shop:1?readme", "# Shop 2"),
        ("home:tool?readme", ""),
    ] {
        let readme = client.get(&format!("/templates/{path}")).await;
        assert_eq!((readme.status, readme.text.as_str()), (200, expect), "{path}");
        assert_eq!(readme.header("content-type"), "text/plain; charset=utf-8");
    }
    let none = client.get("/templates/home:tool?image").await.fault();
    assert_eq!(none, "404 Not Found -: template `home:tool` has no icon");
}

#[actix_web::test]
async fn what_is_not_in_a_catalog_is_not_found() {
    let site = Site::start().await;
    let home = folder(FILES);
    put(home.path(), "secret", "secret");
    offer(&site, "home", home.path()).await;
    let client = inside(&site.owner().await, &site);
    for path in [
        "/templates/home:../secret",
        "/templates/home:..%2fsecret",
        "/templates/home:shop:..%2f..%2f..%2fsecret",
        "/templates/home:shop:2",
        "/templates/home:none",
        "/templates/none:shop",
        "/templates/home:..%2f..",
        "/templates/home:",
        "/templates/home",
        "/templates/:::",
        "/templates/home:%00",
        "/templates/home:infra*..",
        "/templates/home:shop/0",
        "/catalogs/..%2f..%2fetc",
        "/catalogs/none",
        "/other",
        "/schemas/other",
        "/questions/1",
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    for (method, path) in
        [("PUT", "/templates/home:shop"), ("DELETE", "/templates"), ("POST", "/x")]
    {
        let answer = client.send(method, path, Some(json!({}))).await;
        assert_eq!(answer.status, 405, "{method} {path}");
    }
    let nobody = site.nobody();
    let answer = nobody.get(&format!("{}/v1-catalog/templates", site.url)).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
}

#[actix_web::test]
async fn a_refresh_reads_what_is_new() {
    let site = Site::start().await;
    let home = folder(FILES);
    offer(&site, "home", home.path()).await;
    let client = outside(&site.admin().await, &site);
    let new = async || ids(client.get("/templates?catalogId=home&category=New").await);
    assert_eq!(new().await, [""; 0]);
    put(home.path(), "templates/new/config.yml", "category: New\n");
    put(home.path(), "templates/new/1.0.0/docker-compose.yml", COMPOSE);
    assert_eq!(new().await, [""; 0]);
    let answer = client.post("/templates?action=refresh", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(new().await, ["home:new"]);
}

#[actix_web::test]
async fn a_folder_that_cannot_be_read_says_so() {
    let site = Site::start().await;
    let home = folder(&[]);
    offer(&site, "home", &home.path().join("none")).await;
    let client = outside(&site.admin().await, &site);
    let home = client.get("/catalogs/home").await.ok(200);
    assert_eq!((text(&home, "state"), text(&home, "transitioning")), ("error", "error"));
    let why = text(&home, "transitioningMessage");
    assert!(why.ends_with("No such file or directory (os error 2)"), "{why}");
    assert_eq!(ids(client.get("/templates?catalogId=home").await), [""; 0]);
}

/// The folder of a catalog of this name for an environment, or what is wrong with it.
async fn add(client: &Client, body: Value) -> String {
    let answer = client.post("/catalogs", body).await;
    if answer.status == 201 { answer.text } else { answer.fault() }
}

#[actix_web::test]
async fn environments_have_catalogs_of_their_own() {
    let site = Site::start().await;
    let owner = inside(&site.owner().await, &site);
    // No address that answers: that it is kept is what counts here.
    let body = json!({ "name": "own", "url": "http://192.0.2.1:9/c.git", "branch": "main" });
    let made = owner.post("/catalogs", body.clone()).await.ok(201);
    assert_eq!((text(&made, "id"), text(&made, "environmentId")), ("own", "1a5"));
    assert_eq!((text(&made, "url"), text(&made, "branch")), ("http://192.0.2.1:9/c.git", "main"));
    assert_eq!(
        add(&owner, body.clone()).await,
        "422 NotUnique name: there is already a catalog called `own`"
    );
    assert_eq!(ids(owner.get("/catalogs").await), ["own", "ranchette"]);
    // Its name hides the one for everyone.
    let hiding = json!({ "name": "ranchette", "url": "http://192.0.2.1:9/r.git" });
    owner.post("/catalogs", hiding).await.ok(201);
    assert_eq!(ids(owner.get("/templates").await), [""; 0]);
    let admin = outside(&site.admin().await, &site);
    assert_eq!(ids(admin.get("/catalogs").await), ["ranchette"]);
    assert!(!ids(admin.get("/templates").await).is_empty());
    // The header selects an environment as well as the path.
    let request = admin.request("GET", "/catalogs").header("x-api-project-id", "1a5");
    assert_eq!(ids(crate::api::site::answer(request).await), ["own", "ranchette"]);
    assert_eq!(
        admin.post("/catalogs", body).await.fault(),
        "400 Bad Request -: a catalog is added to an environment: say which by the header \
         X-API-Project-Id; those for everyone are in the setting `catalog.url`"
    );
    let moved = owner.put("/catalogs/own", json!({ "url": "http://192.0.2.1:9/d.git" })).await;
    assert_eq!(text(&moved.ok(200), "url"), "http://192.0.2.1:9/d.git");
    assert_eq!(owner.delete("/catalogs/own").await.status, 204);
    assert_eq!(owner.delete("/catalogs/ranchette").await.status, 204);
    assert_eq!(ids(owner.get("/catalogs").await), ["ranchette"]);
    assert!(!ids(owner.get("/templates").await).is_empty());
    assert_eq!(
        owner.delete("/catalogs/ranchette").await.fault(),
        "404 Not Found -: the environment has no catalog `ranchette` of its own; those for \
         everyone are in the setting `catalog.url` and in the configuration"
    );
}

#[actix_web::test]
async fn the_audit_log_knows_who_changed_which_catalog() {
    let site = Site::start().await;
    let (rows, owner) = (site.owner().await, inside(&site.owner().await, &site));
    let body = json!({ "name": "own", "url": "http://192.0.2.1:9/c.git" });
    owner.post("/catalogs", body).await.ok(201);
    let row = rows.get("/genericobjects?kind=catalog").await.ok(200)["data"][0].clone();
    owner.put("/catalogs/own", json!({ "url": "http://192.0.2.1:9/d.git" })).await.ok(200);
    let hidden = json!({ "name": "other", "url": "https://u:hush@git.example/c" });
    assert_eq!(owner.post("/catalogs", hidden).await.status, 422);
    assert_eq!(owner.delete("/catalogs/own").await.status, 204);
    owner.post("/templates?action=refresh", json!({})).await;
    owner.get("/catalogs").await.ok(200);

    let log = rows.get("/auditlogs?resourceType=genericObject&sort=id").await;
    assert!(!log.text.contains("hush"), "{}", log.text);
    let log = log.ok(200);
    let entries = log["data"].as_array().expect("entries").iter();
    let told: Vec<String> = entries
        .map(|entry| {
            let about = !entry["resourceId"].is_null();
            format!("{} {} {about}", text(entry, "eventType"), entry["responseCode"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "api.genericObject.create 201 true",
            "api.genericObject.update 200 true",
            "api.genericObject.create 422 false",
            "api.genericObject.delete 204 true",
            "api.genericObject.action 204 false",
        ]
    );
    let first = &log["data"][0];
    assert_eq!(first["accountId"], "1a5");
    let about = first["resourceId"].as_str().expect("an id");
    assert!(text(&row, "id").ends_with(about.trim_start_matches("1go")), "{row} {first}");
}

#[actix_web::test]
async fn what_cannot_be_a_catalog_is_refused() {
    let site = Site::start().await;
    let owner = inside(&site.owner().await, &site);
    let url = "https://git.example/c.git";
    for (body, expect) in [
        (json!({ "url": url }), "400 Bad Request name: a catalog needs a `name`"),
        (json!({ "name": "a" }), "400 Bad Request url: a catalog needs a `url`"),
        (
            json!({ "name": 1, "url": url }),
            "422 InvalidFormat name: `name` of a catalog must be text",
        ),
        (
            json!({ "name": "../a", "url": url }),
            "422 InvalidCharacters name: `../a` cannot be a catalog's name: letters, digits, `-`, `_`, `.`, at most 63",
        ),
        (
            json!({ "name": "a", "url": "/etc" }),
            "422 InvalidFormat url: folders of the server are catalogs only for everyone: an administrator names them in the setting `catalog.url` or in the configuration",
        ),
        (
            json!({ "name": "a", "url": "http://169.254.169.254/c" }),
            "422 InvalidFormat url: `http://169.254.169.254/c` leads to the server itself or beside it",
        ),
        (
            json!({ "name": "a", "url": "https://u:p@git.example/c" }),
            "422 InvalidFormat url: an address must not have a password in it: it would be shown",
        ),
        (
            json!({ "name": "a", "url": url, "branch": "--upload-pack=x" }),
            "422 InvalidFormat url: `--upload-pack=x` cannot be a branch",
        ),
        (
            json!({ "name": "a", "url": url, "kind": "helm" }),
            "422 InvalidOption kind: catalogs of this kind are not read: only `native`",
        ),
        (json!([]), "400 InvalidBodyContent -: a catalog is one object"),
    ] {
        assert_eq!(add(&owner, body).await, expect);
    }
    // A row that somebody makes by another way is no catalog, either.
    let rows = site.owner().await;
    for (name, url) in [("etc", "/etc"), ("loop", "http://127.0.0.1/c"), ("../x", url)] {
        let data = json!({ "url": url });
        let row = json!({ "kind": "catalog", "name": name, "key": name, "resourceData": data });
        let answer = rows.post("/genericobjects", row).await;
        assert!([201, 405].contains(&answer.status), "{}", answer.text);
    }
    assert_eq!(ids(owner.get("/catalogs").await), ["ranchette"]);
}

#[actix_web::test]
async fn only_owners_change_catalogs() {
    let place = crate::streams::place::Place::start().await;
    let body = json!({ "name": "own", "url": "http://192.0.2.1:9/c.git" });
    for role in ["member", "restricted", "readonly"] {
        let client = inside(&place.member(role).await, &place.site);
        for (method, path) in
            [("POST", "/catalogs"), ("PUT", "/catalogs/own"), ("DELETE", "/catalogs/own")]
        {
            let fault = client.send(method, path, Some(body.clone())).await.fault();
            let expect = "403 Forbidden -: only owners of the environment change its catalogs";
            assert_eq!(fault, expect, "{role} {method}");
        }
        assert!(!ids(client.get("/templates").await).is_empty(), "{role}");
    }
    // Somebody who is not in the environment does not see what is in it.
    let (stranger, _) = place.site.person("stranger").await;
    let answer = inside(&stranger, &place.site).get("/catalogs").await;
    assert!([401, 403, 404].contains(&answer.status), "{}", answer.text);
    place.stop().await;
}
