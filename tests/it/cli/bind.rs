//! Stacks and directories from the command line.

use std::path::PathBuf;

use super::desk::Desk;

const SHOP: &str = "services: { web: { image: 'nginx:${TAG}', volumes: ['./data:/data'] } }";

/// A desk whose home folder has a folder of a stack that the server may use.
async fn desk() -> (Desk, PathBuf) {
    let desk = Desk::logged_in().await;
    let home = desk.home_path("").canonicalize().expect("a path");
    std::fs::create_dir_all(home.join("stacks/shop")).expect("made");
    let site = &desk.place.core.site;
    site.folders.allow(vec![home.join("stacks")]);
    std::fs::write(home.join("stacks/shop/compose.yaml"), SHOP).expect("written");
    std::fs::write(home.join("stacks/shop/.env"), "TAG=1\n").expect("written");
    (desk, home.join("stacks/shop"))
}

#[actix_web::test]
async fn what_is_brought_up_is_what_the_server_reads_in_the_same_folder() {
    let (desk, folder) = desk().await;
    let file = folder.join("compose.yaml");
    let file = file.to_str().expect("text");
    desk.run(&["up", "-f", file]).await.ok();
    let unbound = desk.run(&["plan", "shop"]).await;
    assert_eq!(unbound.code, 2, "{unbound:?}");
    assert!(unbound.err.contains("stack `shop` is bound to no directory"), "{}", unbound.err);
    let none = desk.run(&["bind", "stacks/shop", "blog"]).await;
    assert!(none.code == 1 && none.err.contains("ranchette up --bind"), "{none:?}");
    let refused = desk.run(&["bind", ".", "shop"]).await;
    assert!(refused.err.contains("which may be used"), "{refused:?}");

    // The command line and the server read the same: nothing is to be done.
    let bound = desk.run(&["bind", "stacks/shop"]).await.ok();
    let shown = folder.display();
    assert_eq!(
        bound,
        format!("stack shop is bound to {shown}\nstack shop is what its files say\n")
    );
    assert_eq!(desk.run(&["plan", "shop"]).await.ok(), "stack shop is what its files say\n");

    std::fs::write(folder.join(".env"), "TAG=2\n").expect("written");
    let plan = desk.run(&["plan", "shop"]).await;
    assert_eq!(plan.code, 6, "{plan:?}");
    assert_eq!(
        plan.out,
        "what the files say of stack shop:\n  change  web: its settings differ from what runs\n"
    );
    desk.run(&["apply", "shop"]).await.ok();
    let image = desk.run(&["inspect", "shop/web", "-f", "launchConfig.imageUuid"]).await.ok();
    assert_eq!(image, "docker:nginx:2\n");
    assert_eq!(desk.run(&["apply", "shop"]).await.ok(), "stack shop is what its files say\n");
    let ps = desk.run(&["ps", "shop"]).await;
    assert!(ps.err.contains(&format!("stack shop is bound to {shown}")), "{ps:?}");
    let directory = desk.run(&["inspect", "shop", "-f", "directory"]).await.ok();
    assert_eq!(directory, format!("{shown}\n"));

    let unbound = desk.run(&["unbind", "shop"]).await.ok();
    let expect = format!("stack shop is no longer bound to {shown}; its files stay there\n");
    assert_eq!(unbound, expect);
    desk.run(&["down", "shop", "--yes"]).await.ok();
    assert_eq!(std::fs::read_to_string(folder.join("compose.yaml")).expect("read"), SHOP);
    desk.place.stop().await;
}

#[actix_web::test]
async fn up_binds_a_new_stack_to_the_folder() {
    let (desk, folder) = desk().await;
    let file = folder.join("compose.yaml");
    let file = file.to_str().expect("text");
    let up = desk.run(&["up", "--bind", "-f", file]).await.ok();
    assert!(up.starts_with("stack shop:\n  create  web: new, 1 container of nginx:1\n"), "{up}");
    let state = desk.run(&["inspect", "shop", "-f", "directoryStatus.state"]).await.ok();
    assert_eq!(state, "settled\n");
    // An override that comes later belongs to it, too.
    std::fs::write(
        folder.join("compose.override.yaml"),
        "services: { web: { image: 'caddy:${TAG}' } }",
    )
    .expect("written");
    let plan = desk.run(&["plan", "shop", "--json"]).await;
    assert!(plan.code == 6 && plan.out.contains(r#""action":"change""#), "{plan:?}");
    desk.place.stop().await;
}
