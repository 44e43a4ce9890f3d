//! Templates in, text out. What Go prints for the same is written beside.

use std::collections::BTreeMap;

use super::{Facts, is_template, render};

fn answers() -> BTreeMap<String, String> {
    let rows = [
        ("NAME", "shop"),
        ("COUNT", "3"),
        ("TLS", "true"),
        ("EMPTY", ""),
        ("FLAGS", r#"--a=1 --b="x y" 'c d'"#),
        ("VOLUME", "/srv/data"),
        ("PAIR", "host:8080"),
    ];
    rows.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn facts() -> Facts {
    Facts {
        stack: "web".into(),
        environment: "Default".into(),
        version: "v2".into(),
        previous_version: "v1".into(),
    }
}

fn shown(template: &str) -> String {
    match render(template, &answers(), &facts()) {
        Ok(text) => text,
        Err(failure) => format!("! {failure}"),
    }
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (template, expect) in rows {
        assert_eq!(shown(template), *expect, "{template}");
    }
}

#[test]
fn answers_and_facts_are_printed() {
    check(&[
        ("a", "a"),
        ("{{.Values.NAME}}", "shop"),
        ("<{{ .Values.NONE }}>", "<>"),
        ("{{.Stack.Name}} {{.Release.Name}} {{.Environment.Name}}", "web web Default"),
        ("{{.Release.Version}} {{.Release.PreviousVersion}}", "v2 v1"),
        ("{{.Other}}", "<no value>"),
        ("{{.Other.More}}", "! line 1: nothing has no field `More`"),
        ("{{.Values.NAME.More}}", "! line 1: a text has no field `More`"),
        ("{{ \"a\\tb\\\"\" }}{{ `}}` }}", "a\tb\"}}"),
        ("{{ 42 }}{{ true }}{{ nil }}", "42true<no value>"),
        ("{{/* said */}}{{- /* to nobody */ -}}", ""),
    ]);
}

#[test]
fn dashes_take_blanks_away() {
    check(&[
        ("a  {{- 1 -}}\n  b", "a1b"),
        ("a {{ 1 -}}\n\n b", "a 1b"),
        ("a\n{{- 1 }} b", "a1 b"),
        ("a {{-1}}", "a -1"),
        ("a:\n{{- if true }}\n  b: c\n{{- end }}\n", "a:\n  b: c\n"),
    ]);
}

#[test]
fn blocks_choose() {
    check(&[
        ("{{if eq .Values.TLS \"true\"}}yes{{else}}no{{end}}", "yes"),
        ("{{if .Values.EMPTY}}yes{{end}}", ""),
        ("{{if eq .Values.NAME \"a\"}}1{{else if eq .Values.NAME \"shop\"}}2{{else}}3{{end}}", "2"),
        ("{{if false}}1{{else if false}}2{{else}}3{{end}}!", "3!"),
        ("{{with .Values.NAME}}<{{.}}>{{else}}none{{end}}", "<shop>"),
        ("{{with .Values.EMPTY}}<{{.}}>{{else}}none{{end}}", "none"),
        ("{{with .Values}}{{.NAME}}{{$.Stack.Name}}{{end}}", "shopweb"),
        ("{{if (and (ne .Values.NAME \"\") (eq .Values.TLS \"true\"))}}y{{end}}", "y"),
        ("{{if or .Values.EMPTY .Values.NONE}}y{{else}}n{{end}}", "n"),
        ("{{if not (contains .Values.VOLUME \"/\")}}y{{else}}n{{end}}", "y"),
        ("{{if contains \"/\" .Values.VOLUME}}y{{end}}", "y"),
        ("{{if eq (printf \"%.1s\" .Values.VOLUME) \"/\"}}bind{{end}}", "bind"),
        ("{{if eq .Values.NAME \"a\" \"b\" \"shop\"}}y{{end}}", "y"),
    ]);
}

#[test]
fn lists_are_gone_through() {
    check(&[
        ("{{range $i, $e := atoi .Values.COUNT | until}}{{$i}}={{$e}} {{end}}", "0=0 1=1 2=2 "),
        ("{{range until 3}}{{.}}{{end}}", "012"),
        ("{{range $e := list \"a\" \"b\"}}{{$e}}{{.}}{{end}}", "aabb"),
        (
            "{{range $k, $v := .Stack}}{{$k}}={{$v}};{{end}}",
            "Name=web;PreviousVersion=v1;Version=v2;",
        ),
        ("{{range .None}}x{{else}}none{{end}}", "none"),
        (
            "{{range until 9}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}",
            "02",
        ),
        (
            "{{range $i, $e := splitPreserveQuotes .Values.FLAGS}}[{{$e}}]{{end}}",
            r#"[--a=1][--b="x y"]['c d']"#,
        ),
        ("{{(split \":\" .Values.PAIR)._1}}", "8080"),
        ("{{index (splitList \":\" .Values.PAIR) 0}}", "host"),
        ("{{range .Values.NAME}}{{end}}", "! line 1: `range` goes over lists and maps, not a text"),
    ]);
}

#[test]
fn variables_are_set_and_go_out_of_sight() {
    check(&[
        ("{{$image := \"nginx:1\"}}{{$image}}", "nginx:1"),
        ("{{$x:=1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{if true}}{{$x := 1}}{{end}}{{$x}}", "! line 1: there is no variable `$x`"),
        ("{{$x = 1}}", "! line 1: there is no variable `$x`"),
        ("{{if $n := .Values.NAME}}{{$n}}{{end}}", "shop"),
    ]);
}

#[test]
fn functions_do_as_in_go() {
    check(&[
        (
            "{{printf \"%s-%d-%v-%q-%t-%05d-%-4s|%4s|%x|%%\" \"a\" 7 true \"q\" false 42 \"l\" \"r\" 255}}",
            "a-7-true-\"q\"-false-00042-l   |   r|ff|%",
        ),
        ("{{printf \"%d\" \"a\"}}{{printf \"%s\"}}", "%!d(a)%!s(MISSING)"),
        ("{{.Values.NAME | upper | quote}}", "\"SHOP\""),
        ("{{default \"x\" .Values.EMPTY}}{{.Values.NAME | default \"x\"}}", "xshop"),
        ("{{coalesce .Values.EMPTY .Values.NONE \"z\"}}{{ternary \"a\" \"b\" true}}", "za"),
        (
            "{{add 1 2 3}}{{sub 5 2}}{{mul 2 3}}{{div 7 2}}{{mod 7 2}}{{max 1 9 3}}{{min 4 2}}{{add1 1}}",
            "636319 22".replace(' ', "").as_str(),
        ),
        ("{{len \"abc\"}}{{len (list 1 2)}}", "32"),
        ("{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}", "truetruefalsetrue"),
        ("{{ne \"a\" \"b\"}}{{empty \"\"}}{{not 0}}", "truetruetrue"),
        ("{{hasPrefix \"sh\" .Values.NAME}}{{hasSuffix \"sh\" .Values.NAME}}", "truefalse"),
        ("{{replace \"o\" \"0\" .Values.NAME}}{{trim \" a \"}}{{trimAll \"-\" \"-a-\"}}", "sh0paa"),
        ("{{trimSuffix \"p\" .Values.NAME}}{{trimPrefix \"s\" .Values.NAME}}", "shohop"),
        (
            "{{title \"a b\"}}{{lower \"AB\"}}{{trunc 2 \"abc\"}}{{substr 1 3 \"abcd\"}}",
            "A Bababbc",
        ),
        (
            "{{join \",\" (list 1 \"a\")}}{{first (list 1 2)}}{{last (list 1 2)}}{{rest (list 1 2)}}",
            "1,a12[2]",
        ),
        (
            "{{indent 2 \"a\\nb\"}}{{nindent 1 \"c\"}}{{repeat 2 \"ab\"}}{{squote 1}}",
            "  a\n  b\n cabab'1'",
        ),
        (
            "{{$d := dict \"k\" 1}}{{$d.k}}{{hasKey $d \"k\"}}{{keys $d}}{{index $d \"k\"}}",
            "1true[k]1",
        ),
        (
            "{{has 1 (list 1)}}{{untilStep 4 0 -2}}{{toString 1}}{{int \"7\"}}{{int64 \"x\"}}",
            "true[4 2]170",
        ),
        ("{{print 1 \"a\"}}{{println 1 2}}{{cat \"a\" 1}}{{nospace \"a b\"}}", "1a1 2\na 1ab"),
    ]);
}

#[test]
fn mistakes_have_a_line() {
    check(&[
        ("\n\n{{", "! line 3: `{{` without `}}`"),
        ("\n{{if true}}\n", "! line 2: a block without `end`"),
        ("{{end}}", "! line 1: `end` or `else` without `if`, `with` or `range`"),
        ("{{if true}}{{else}}{{else}}{{end}}", "! line 1: a second `else`"),
        ("{{if true}}{{else range x}}{{end}}", "! line 1: only `if` or `with` may follow `else`"),
        (
            "a\n{{nothing}}",
            "! line 2: `nothing`: there is no such function; begin the file with `# notemplating` if it is not a template",
        ),
        ("{{template \"x\"}}", "! line 1: `template` is not supported"),
        ("{{}}", "! line 1: a value is missing"),
        ("{{if}}{{end}}", "! line 1: a value is missing"),
        ("{{(1}}", "! line 1: `(` without `)`"),
        ("{{1)}}", "! line 1: `)` without `(`"),
        ("{{\"a}}", "! line 1: a text without its end"),
        ("{{1.5}}", "! line 1: `1.5` is not a whole number"),
        ("{{a ? b}}", "! line 1: `?` means nothing here"),
        ("{{.Values.NAME \"x\"}}", "! line 1: what is no function is given an argument"),
        ("{{eq 1}}", "! line 1: `eq`: argument 2 is missing"),
        ("{{div 1 0}}", "! line 1: `div`: there is no such number"),
        ("{{lt 1 \"a\"}}", "! line 1: `lt`: a number and a text have no order"),
        ("{{index (list 1) 4}}", "! line 1: `index`: the list has no item 4"),
        ("{{$a, $b := 1}}", "! line 1: two variables are set by `range` alone"),
    ]);
}

#[test]
fn nothing_takes_for_ever() {
    let deep = "{{if true}}".repeat(100) + &"{{end}}".repeat(100);
    let round = "{{range until 9999}}{{range until 9999}}x{{end}}{{end}}";
    let heavy = "{{$x := \"aaaaaaaaaa\"}}{{range until 9999}}{{$x = print $x $x}}{{end}}";
    let wide = "{{range until 9999}}{{repeat 9999 \"aaaaaaaaaa\"}}{{end}}";
    let nested = format!("{{{{{}1{}}}}}", "(".repeat(100), ")".repeat(100));
    check(&[
        (&deep, "! line 1: blocks are nested more than 64 deep"),
        (&nested, "! line 1: parentheses are nested more than 64 deep"),
        (round, "! line 1: the template takes more than 200000 steps"),
        (heavy, "! line 1: the template makes more values than it may"),
        (wide, "! line 1: the template prints more than 4194304 bytes"),
        ("{{until 10001}}", "! line 1: `until`: the list has more than 10000 items"),
        ("{{untilStep 0 1 0}}", "[]"),
        ("{{repeat 999999999 \"ab\"}}", "! line 1: `repeat`: the text has more than 1048576 bytes"),
        ("{{printf \"%99999d\" 1}}", "! line 1: `printf`: a value is at most 1000 letters wide"),
        ("{{add 9223372036854775807 1}}", "! line 1: `add`: the number is too large"),
    ]);
}

#[test]
fn a_file_may_say_that_it_is_no_template() {
    for (text, expect) in [
        ("a: {{b}}", true),
        ("a: b", false),
        ("# notemplating\na: {{b}}", false),
        ("\n#notemplating\na: {{b}}", false),
        ("# else\na: {{b}}", true),
    ] {
        assert_eq!(is_template(text), expect, "{text}");
    }
}
