//! A stack that is bound to a directory, in a real browser: what is written on disk is seen, planned and
//! applied, and what is written in the browser is on disk.

use std::path::Path;

use super::{COMPOSE, Server, enter, fits, look, with_browser};

/// A directory becomes a stack, the disk changes, the editor changes the disk, and both at once.
pub async fn a_stack_follows_its_directory(server: &Server) {
    let disk = tempfile::TempDir::new().expect("temporary folder");
    let root = disk.path().canonicalize().expect("a path");
    let file = root.join("shop/compose.yaml");
    std::fs::create_dir(root.join("shop")).expect("made");
    let windows = COMPOSE.replace('\n', "\r\n");
    write(&file, &windows);
    server.site.folders.allow(vec![root.clone()]);
    with_browser(async |page| {
        enter(page, server).await;
        page.press("New stack").await;
        page.until("the directory", "document.querySelector('[data-directory]')").await;
        page.value("document.querySelector('[data-directory]').closest('details').open = true")
            .await;
        page.press("Use").await;
        page.until_at("dialog", "2 services to create").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;

        write(&file, &windows.replace("sim/web:1", "sim/web:2"));
        page.until_at("[data-directory=changed]", "1 service to change").await;
        look(page, "changed").await;
        page.until_at("[data-service=web] .service-image", "sim/web:1").await;
        page.press("See the plan").await;
        page.until_at(".planning", "its settings differ from what runs").await;
        page.press("Apply").await;
        page.until_at("[data-service=web] .service-image", "sim/web:2").await;
        page.until("nothing is left", "!document.querySelector('[data-directory=changed]')").await;

        page.press("Edit").await;
        page.until("the editor", "document.querySelector('[data-editor]')").await;
        let mine = COMPOSE.replace("sim/web:1", "sim/web:3");
        page.paste("[data-editor]", &mine).await;
        page.until_at(".planning", "its settings differ from what runs").await;
        write(&file, &windows.replace("sim/db:1", "sim/db:2"));
        page.press("Save and apply").await;
        page.until_at("dialog", "Somebody else has written to the file").await;
        page.until_at("dialog .versions-beside", "sim/db:2").await;
        look(page, "conflict").await;
        page.press("Write mine over it").await;
        page.until_at("[data-service=web] .service-image", "sim/web:3").await;
        let saved = std::fs::read_to_string(&file).expect("read");
        assert_eq!(saved, windows.replace("sim/web:1", "sim/web:3"));

        write(&file, "services:\n  web:\n    image: sim/web:1\n    prots: []\n");
        page.until_at("[data-directory=invalid]", "compose.yaml:4").await;
        page.press("See the files").await;
        page.until_at(".problem", "prots").await;
        page.until("its tab is marked", "document.querySelector('[role=tab] .tab-mark.bad')").await;
        look(page, "directory").await;
        page.resize(390, 844).await;
        fits(page, "a directory").await;
    })
    .await;
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("written");
}
