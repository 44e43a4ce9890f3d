//! Logs of several containers as one.

use serde_json::{Value, json};

use super::desk::Desk;

#[actix_web::test]
async fn lines_of_several_containers_come_in_the_order_of_time() {
    let desk = Desk::logged_in().await;
    let speaker = |words: &str| json!({"command": ["sh", "-c", words]});
    desk.place.container("one", speaker("echo a; sleep 2; echo c; sleep 2; echo e; sleep 9")).await;
    desk.place.container("two", speaker("sleep 1; echo b; sleep 2; echo d; sleep 9")).await;
    let mut lines: Vec<Value> = Vec::new();
    let mut told = String::new();
    for _ in 0..600 {
        desk.place.time.advance(100);
        lines = desk.run(&["logs", "one", "two", "--json"]).await.records();
        told = lines.iter().filter_map(|line| line["line"].as_str()).collect();
        if told.len() == 5 {
            break;
        }
    }
    assert_eq!(told, "abcde", "{lines:?}");
    assert_eq!(lines[1]["container"], "two");

    let last = desk.run(&["logs", "one", "two", "--tail", "1"]).await.ok();
    assert_eq!(last, "two | d\none | e\n");
    let time = lines[3]["time"].as_str().expect("a time");
    let since = desk.run(&["logs", "one", "two", "--since", time]).await.ok();
    assert_eq!(since, "two | d\none | e\n");
    let odd = desk.run(&["logs", "one", "--since", "yesterday"]).await;
    assert_eq!(odd.code, 1, "{odd:?}");
    assert!(odd.err.contains("`yesterday` is no time"), "{}", odd.err);

    // On a terminal names have colours, and following begins with what there is.
    let mut terminal = desk.terminal(&["logs", "-f", "one", "two"]);
    terminal.until("\u{1b}[36mone |\u{1b}[0m a\r\n\u{1b}[33mtwo |\u{1b}[0m b\r\n").await;
    terminal.until("\u{1b}[36mone |\u{1b}[0m e\r\n").await;
    terminal.kill();
    let (rest, _) = terminal.end().await;
    assert!(!rest.contains('|'), "nothing comes twice: {rest:?}");
    desk.place.stop().await;
}
