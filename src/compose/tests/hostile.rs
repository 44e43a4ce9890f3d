//! Small files that would like to become large.

use std::fmt::Write;

use expect_test::expect;
use proptest::prelude::*;

use super::{check_problems, problems, read};

#[test]
fn a_bomb_of_aliases() {
    let mut text = "x-a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        let _ = writeln!(text, "x-a{level}: &a{level} [{}]", vec![alias; 9].join(","));
    }
    text.push_str("services: {web: {image: x}}\n");
    check_problems(
        &text,
        expect![[r#"
        compose.yaml:5: error: x-a4: the project grows beyond 100000 values (aliases and `extends` included)
    "#]],
    );
}

#[test]
fn a_bomb_of_merge_keys() {
    let keys: String = (0..500).map(|key| format!("k{key}: 1, ")).collect();
    let mut text = format!("x-a: &a {{{keys}}}\nservices:\n");
    for service in 0..500 {
        let _ = writeln!(text, "  s{service}: {{image: x, environment: {{<<: *a}}}}");
    }
    expect![[r#"
        compose.yaml:1: error: services.s196.environment.<<: the project grows beyond 100000 values (aliases and `extends` included)
    "#]].assert_eq(&problems(&read(&text)));
}

#[test]
fn a_bomb_of_extends() {
    let mut text = "services:\n".to_owned();
    for service in 0..3000 {
        let variables: String = (0..20).map(|key| format!("K{service}_{key}: 1, ")).collect();
        let base =
            if service % 49 == 0 { String::new() } else { format!("extends: s{}, ", service - 1) };
        let _ = writeln!(text, "  s{service}: {{image: x, {base}environment: {{{variables}}}}}");
    }
    assert!(problems(&read(&text)).contains("grows beyond 100000 values"));
}

#[test]
fn long_chains() {
    let mut text = "services:\n  s0: {image: x}\n".to_owned();
    for service in 1..200 {
        let _ = writeln!(text, "  s{service}: {{extends: s{}}}", service - 1);
    }
    // Services are resolved in the order of the file, so a chain that grows is short each time.
    assert_eq!(problems(&read(&text)), "");
    let mut text = "services:\n".to_owned();
    for service in 0..200 {
        let _ = writeln!(text, "  s{service}: {{extends: s{}}}", service + 1);
    }
    text.push_str("  s200: {image: x}\n");
    assert!(problems(&read(&text)).contains("more than 50 services extend one another"));
    let mut text = "services:\n".to_owned();
    for service in 0..5000 {
        let _ = writeln!(text, "  s{service}: {{image: x, depends_on: [s{}]}}", service + 1);
    }
    text.push_str("  s5000: {image: x}\n");
    let project = read(&text);
    assert_eq!(problems(&project), "");
    assert_eq!(super::service_order(&project).unwrap()[0], 5000);
}

#[test]
fn deep_nesting() {
    let flow = format!("x: {}{}", "[".repeat(100), "]".repeat(100));
    check_problems(
        &flow,
        expect![[r#"
            compose.yaml:1: error: x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0...: values are nested more than 64 levels deep
        "#]],
    );
    let block: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    check_problems(
        &block,
        expect![[r#"
            compose.yaml:65: error: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a....: values are nested more than 64 levels deep
        "#]],
    );
    check_problems(
        &"- ".repeat(5000),
        expect![[r#"
            compose.yaml:1: error: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]...: values are nested more than 64 levels deep
        "#]],
    );
}

#[test]
fn long_lists() {
    let items = "x, ".repeat(40_000);
    let text = format!("services:\n  web:\n    image: x\n    cap_add: [{items}]\n");
    let over = text.replace("image: x", "image: y").replace("x,", "y,");
    check_problems(
        &format!("{text}=== compose.override.yaml\n{over}"),
        expect![[r#"
        compose.override.yaml:4: error: services.web.cap_add: has more than 5000 items
    "#]],
    );
}

#[test]
fn long_texts_end_soon() {
    // What matters is that none of these takes long or overflows the stack.
    for piece in [
        "[", "{", "- ", "? ", "a: ", "\"", "'", "&a ", "*a ", "!t ", "#", "\n", "|\n", "${", "$$",
        "---\n", "%", "@", "- a\n", "a:\n ", ",", "<<: ",
    ] {
        read(&piece.repeat(20_000));
        read(&format!("services: {{web: {{image: x, command: [{}", piece.repeat(10_000)));
    }
}

#[test]
fn many_findings_end() {
    let keys: String = (0..1000).map(|key| format!("    k{key}: 1\n")).collect();
    let found = problems(&read(&format!("services:\n  web:\n    image: x\n{keys}")));
    assert_eq!(found.lines().count(), 201);
    assert!(found.contains("too many problems; the rest is not shown"));
}

#[test]
fn much_text_from_variables() {
    let line = "${A:-".to_owned() + &"x".repeat(60_000) + "}";
    let list: String = (0..400).map(|_| "\n      - ".to_owned() + "$BIG").collect();
    let text = format!(
        "services:\n  web:\n    image: x\n    command:{list}\n=== .env\nBIG={}\n",
        "y".repeat(60_000)
    );
    assert!(problems(&read(&text)).contains("expand to too much text"));
    assert_eq!(
        problems(&read(&format!("services: {{web: {{image: x, command: [\"{line}\"]}}}}"))),
        ""
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text, reading ends and gives findings instead of a panic.
    #[test]
    fn any_text(text in "[a-z:{}\\[\\]\\-&*<$'\"| \t\n,#!?%@=.0-9/~]{0,200}") {
        read(&text);
        read(&format!("services:\n  web:\n    image: x\n    {}", text.replace('\n', "\n    ")));
    }

    /// Every key of a service takes any kind of value without a panic.
    #[test]
    fn any_value(index in any::<proptest::sample::Index>(), value in any::<proptest::sample::Index>()) {
        const VALUES: &[&str] = &[
            "", "x", "-1", "1e9", "true", "[]", "{}", "[x]", "[[x]]", "{a: b}", "[{a: b}]", "{a: {b: c}}",
            "'${TAG}'", "[':', '::', ':::', '/', '=']", "{target: x, source: y}", "9999999999999999999",
            "{path: ., port: 1}", "'a:b:c:d'", "[{}]", "[null]", "{a: null}", "'é:ü'",
        ];
        let keys = super::super::service::key_names();
        let key = index.get(&keys);
        read(&format!("services:\n  web:\n    image: x\n    {key}: {}\n", value.get(VALUES)));
    }
}
