//! Variables in values and in `.env` files.

use std::cell::RefCell;

use expect_test::expect;

use super::super::interpolate::{Lookup, expand};
use super::{check, check_problems, read};

/// Knows `A=1`, `E=` and `N=A`.
#[derive(Default)]
struct Vars {
    missing: RefCell<Vec<String>>,
}

impl Lookup for Vars {
    fn get(&self, name: &str) -> Option<String> {
        let known = [("A", "1"), ("E", ""), ("N", "A")];
        known.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    fn missing(&self, name: &str) {
        self.missing.borrow_mut().push(name.to_owned());
    }
}

#[test]
fn every_form() {
    let cases = [
        ("plain", "plain"),
        ("$A-${A}", "1-1"),
        ("$$A $${A} $$$A", "$A ${A} $1"),
        ("${U:-d}|${U-d}|${E:-d}|${E-d}|${A:-d}|${A-d}", "d|d|d||1|1"),
        ("${A:?no}|${A?no}|${E?no}", "1|1|"),
        ("${U:+x}|${U+x}|${E:+x}|${E+x}|${A:+x}|${A+x}", "|||x|x|x"),
        ("${U:-${A}}|${U:-a${E:-b${N}}c}", "1|abAc"),
        ("${U:-$$}|${U:-}|${U-http://x:80/y?z}", "$||http://x:80/y?z"),
        ("${U}", ""),
        ("ü$A", "ü1"),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text, &Vars::default()).as_deref(), Ok(expected), "{text}");
    }
    let vars = Vars::default();
    assert_eq!(expand("$U ${W} ${V:-}", &vars).as_deref(), Ok("  "));
    assert_eq!(*vars.missing.borrow(), ["U", "W"]);
}

#[test]
fn forms_that_are_none() {
    let deep = format!("{}x{}", "${U:-".repeat(40), "}".repeat(40));
    let cases = [
        "${U?}",
        "${U:?give it}",
        "${E:?empty}",
        "$",
        "a $ b",
        "$1",
        "${",
        "${A",
        "${1}",
        "${A!x}",
        "${}",
        "${U:-${A}",
        &deep,
    ];
    let render = |text: &&str| format!("{}\n", expand(text, &Vars::default()).unwrap_err());
    let got: String = cases.iter().map(render).collect();
    expect![[r#"
        variable `U` is required
        variable `U` is required: give it
        variable `E` is required: empty
        `$` is not a variable; write `$$` for a plain `$`
        `$ b` is not a variable; write `$$` for a plain `$`
        `$1` is not a variable; write `$$` for a plain `$`
        `${` lacks its closing `}`
        `${A` lacks its closing `}`
        `${1}` is not a variable; write `$$` for a plain `$`
        `${A!x}` is not a variable; write `$$` for a plain `$`
        `${}` is not a variable; write `$$` for a plain `$`
        `${U:-${A}` lacks its closing `}`
        variables are nested too deeply in a default value
    "#]]
    .assert_eq(&got);
}

#[test]
fn values_are_typed_after_replacing() {
    check(
        "services:\n  web:\n    image: app:${TAG:?}\n    scale: ${COUNT:-2}\n    tty: ${TTY:-true}\n    environment:\n      UNSET: $UNSET\n      AGAIN: ${UNSET}\n      EMPTY: ${EMPTY}\n",
        expect![[r#"
            service web x2
              tty: true
              imageUuid: "docker:app:1.2"
              environment: {"AGAIN":"","EMPTY":"","UNSET":""}
            compose.yaml:7: warning: services.web.environment.UNSET: variable `UNSET` is not set; it becomes an empty text
        "#]],
    );
    check_problems(
        "services:\n  web:\n    image: app:${MISSING:?set MISSING in .env}\n    mem_limit: ${EMPTY}\n    command: echo $\n",
        expect![[r#"
            compose.yaml:3: error: services.web.image: variable `MISSING` is required: set MISSING in .env
            compose.yaml:4: error: services.web.mem_limit: is empty
            compose.yaml:5: error: services.web.command: `$` is not a variable; write `$$` for a plain `$`
        "#]],
    );
}

#[test]
fn dot_env_counts_less_than_the_environment() {
    check(
        r#"
services:
  web:
    image: app:$TAG
    environment: {A: $A, B: $B, C: "$C", D: "${D}"}
=== .env
# comment
TAG=from-file
export A=1 # trailing
B='single $A'
C="double $A \$A \"q\""
D=${A}/${TAG}
"#,
        expect![[r#"
            service web
              imageUuid: "docker:app:1.2"
              environment: {"A":"1","B":"single $A","C":"double 1 $A \"q\"","D":"1/1.2"}
        "#]],
    );
}

#[test]
fn env_files() {
    check(
        r#"
services:
  web:
    image: app
    env_file:
      - one.env
      - {path: two.env, required: true}
      - {path: gone.env, required: false}
      - {path: raw.env, format: raw}
    environment: {B: explicit, DROPPED: }
=== one.env
A=one
B=one
DROPPED=x
PASSWORD=pa$$word#1
DOLLAR=a$1b
MULTI="first
second"
TAG
NOT_SET
SPACED = padded   # note
EMPTY_ONE=
=== two.env
A=two
FROM_OUTSIDE=${PORT}
=== raw.env
RAW="$A" # kept
"#,
        expect![[r#"
            service web
              imageUuid: "docker:app"
              environment: {"A":"two","B":"explicit","DOLLAR":"a$1b","EMPTY_ONE":"","FROM_OUTSIDE":"8080","MULTI":"first\nsecond","PASSWORD":"pa$word#1","RAW":"\"$A\" # kept","SPACED":"padded","TAG":"1.2"}
        "#]],
    );
    check_problems(
        "services:\n  web: {image: app, env_file: [bad.env, gone.env]}\n=== bad.env\nA B=1\nC='open\n",
        expect![[r#"
            compose.yaml:2: error: services.web.env_file[0]: line 1 of the file: `A B` is not a variable name
            compose.yaml:2: error: services.web.env_file[0]: line 2 of the file: the quote `'` is not closed
            compose.yaml:2: error: services.web.env_file[1]: file `gone.env` does not exist
        "#]],
    );
}

#[test]
fn only_used_variables_are_told() {
    let project = read("services: {web: {image: 'app:$TAG', environment: [PORT, NOPE]}}");
    let names: Vec<&String> = project.variables.keys().collect();
    assert_eq!(names, ["PORT", "TAG"]);
}
