//! The catalog as clients use it: what is served, who may change it, and stacks that are made from it.

mod answered;
mod launched;
mod served;
mod whole;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::site::{Answer, Client, Site};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in files {
        put(folder.path(), path, text);
    }
    folder
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, text).expect("a file");
}

/// Offers a folder to everyone under a name.
async fn offer(site: &Site, name: &str, folder: &Path) {
    let value = json!({ "catalogs": { name: { "url": folder.to_string_lossy() } } });
    let body = json!({ "value": value.to_string() });
    site.admin().await.put("/settings/catalog.url", body).await.ok(200);
}

/// The catalog as a caller of the first environment sees it.
fn inside(client: &Client, site: &Site) -> Client {
    client.at(format!("{}/v1-catalog/projects/1a5", site.url))
}

/// The ids in a list.
fn ids(answer: Answer) -> Vec<String> {
    let list = answer.ok(200);
    let data = list["data"].as_array().expect("data").iter();
    data.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// A string of JSON.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}
