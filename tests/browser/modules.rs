//! Pure modules of the pages, asked in a real browser.

use serde_json::{Value, json};

use super::{Server, with_browser};

/// Module, expression over it as `m`, value.
type Row = (&'static str, &'static str, Value);

/// The pure parts compute what they say.
pub async fn pure_modules_compute_what_they_say(server: &Server) {
    with_browser(async |page| {
        page.open(&server.url).await;
        let rows = [
            of_stacks(),
            of_files_on_disk(),
            of_questions(),
            of_what_is_kept(),
            of_webhooks(),
            of_terminals(),
            of_records(),
        ];
        for (module, expression, expected) in rows.into_iter().flatten() {
            let script = format!("import('/static/js/{module}.js').then((m) => {expression})");
            assert_eq!(page.value(&script).await, expected, "{module}: {expression}");
        }
    })
    .await;
}

fn of_files_on_disk() -> Vec<Row> {
    vec![
        ("bound", "m.isEdited({text: 'a', typed: 'b'})", json!(true)),
        ("bound", "m.isEdited({text: null, typed: ''})", json!(false)),
        (
            "bound",
            "m.merged([], [{name: 'x', text: 'a', hash: '1'}, {name: '.env', text: null, hash: null}, {name: 'z', isText: false, hash: '2'}])",
            json!([
                {"name": "x", "text": "a", "hash": "1", "typed": "a"},
                {"name": ".env", "text": "", "hash": null, "typed": ""},
                {"name": "z", "text": null, "hash": "2", "typed": ""},
            ]),
        ),
        // What was typed is not lost, and is known to be made from what was there before.
        (
            "bound",
            "m.merged([{name: 'x', text: 'a', hash: '1', typed: 'mine'}], [{name: 'x', text: 'theirs', hash: '2'}])",
            json!([{"name": "x", "text": "a", "hash": "1", "typed": "mine"}]),
        ),
        (
            "bound",
            "m.merged([{name: 'x', text: 'a', hash: '1', typed: 'a'}], [{name: 'x', text: 'theirs', hash: '2'}])",
            json!([{"name": "x", "text": "theirs", "hash": "2", "typed": "theirs"}]),
        ),
    ]
}

fn of_stacks() -> Vec<Row> {
    vec![
        (
            "files",
            "m.parseEnv('A=1\\n# no\\nexport B=\"x y\" # c\\nC=\\'$D\\'\\nnot')",
            json!({"A": "1", "B": "x y", "C": "$D"}),
        ),
        (
            "files",
            "m.parseEnv(m.formatEnv({A: 'a \"b\"\\nc', B: ''}))",
            json!({"A": "a \"b\"\nc", "B": ""}),
        ),
        ("files", "m.stackName('My Blog! (2)')", json!("my-blog-2")),
        ("files", "m.base64(new Uint8Array([0, 255, 16]))", json!("AP8Q")),
        ("format", "m.image('docker:nginx:1')", json!("nginx:1")),
        ("format", "m.bytes(1536)", json!("1.5 KiB")),
        ("format", "m.span(3600)", json!("60 min")),
        (
            "format",
            "m.condition({state: 'active', healthState: 'degraded'})",
            json!({"tone": "warn", "word": "degraded"}),
        ),
        (
            "format",
            "m.condition({state: 'active', transitioning: 'error'})",
            json!({"tone": "bad", "word": "failing"}),
        ),
        (
            "format",
            "m.condition({state: 'activating', transitioning: 'error'}).word",
            json!("failing"),
        ),
        ("format", "m.condition({state: 'updating-active'}).tone", json!("busy")),
        (
            "format",
            "m.volumeFate([{dataVolumes: ['db:/data', '/scratch', '/tmp:ro', '/srv:/srv:ro']}])",
            json!({"stay": ["db"], "go": ["the unnamed volume at /scratch", "the unnamed volume at /tmp"], "folders": ["/srv"]}),
        ),
        (
            "format",
            "m.endpoints({publicEndpoints: [{ipAddress: '10.0.0.9', port: 53}, {ipAddress: '10.0.0.9', port: 443}], launchConfig: {ports: ['53:53/udp']}}, 2).map((e) => e.url)",
            json!([null, "https://10.0.0.9:443"]),
        ),
        (
            "router",
            "m.match([['/stacks/:id', 1]], '#/stacks/1st%2F5?a=b').params",
            json!({"id": "1st/5", "a": "b"}),
        ),
        ("router", "m.match([['/stacks/:id', 1]], '#/stacks')", json!(null)),
        (
            "logstream",
            "m.colours('\\u001b[31mred\\u001b[0m\\u001b[2K plain')",
            json!([{"text": "red", "style": "c1"}, {"text": " plain", "style": ""}]),
        ),
        (
            "stats",
            "m.rates({timestamp: '2024-01-01T00:00:00Z', cpu: {usage: {total: 0}}}, {timestamp: '2024-01-01T00:00:02Z', cpu: {usage: {total: 1e9}}, memory: {usage: 7}}).cpu",
            json!(50),
        ),
        (
            "plan",
            "m.planSummary([{action: 'create'}, {action: 'create'}, {action: 'unchanged'}])",
            json!("2 services to create and 1 unchanged"),
        ),
    ]
}

fn of_questions() -> Vec<Row> {
    vec![
        (
            "questions",
            "m.complaint({type: 'int', min: 2, max: 4}, '5') + m.complaint({type: 'int'}, 'x')",
            json!("At most 4.A whole number is needed."),
        ),
        (
            "questions",
            "[m.complaint({required: true}, ''), m.complaint({}, ''), m.complaint({validChars: 'a-c_'}, 'a_d'), m.complaint({invalidChars: '-x'}, 'a-'), m.complaint({minLength: 3}, 'ab')]",
            json!([
                "This is needed.",
                null,
                "“d” is not allowed here.",
                "“-” is not allowed here.",
                "At least 3 letters."
            ]),
        ),
        (
            "questions",
            "[m.initial({variable: 'A', default: '1'}), m.initial({variable: 'A', default: '1'}, {A: 2}), m.initial({type: 'boolean'}), m.initial({type: 'enum', options: ['x']})]",
            json!(["1", "2", "false", "x"]),
        ),
        (
            "questions",
            "[m.fromCatalog('catalog://a:infra*b:3').template, m.fromCatalog('x')]",
            json!(["a:infra*b", null]),
        ),
        (
            "questions",
            "m.grouped([{group: 'b'}, {}, {group: 'b'}]).map(([n, l]) => n + l.length)",
            json!(["1", "b2"]),
        ),
    ]
}

fn of_what_is_kept() -> Vec<Row> {
    vec![
        (
            "keeping",
            "m.removalFate({driver: 'local'}, {snapshots: [1, 2], backups: [], undo: 0})",
            json!({
                "lost": [
                    "Everything in it is deleted, and cannot be brought back.",
                    "Its 2 snapshots go with it.",
                    "There is no backup of it.",
                ],
                "kept": [],
            }),
        ),
        (
            "keeping",
            "m.removalFate({driver: 'dir'}, {snapshots: [], backups: [1], undo: 60})",
            json!({
                "lost": [],
                "kept": ["What is in it stays in the directory on the hosts.", "Its 1 backup stays."],
            }),
        ),
        (
            "keeping",
            "m.targetOf({name: ' a ', kind: 'folder', endpoint: 'http://x', secretKey: 's'})",
            json!({"name": "a"}),
        ),
        (
            "certificates",
            "['Fri Feb 03 17:59:21 UTC 2017', 'Wed Mar 01 00:00:00 UTC 2017', 'Fri Mar 31 00:00:00 UTC 2017', '?'].map((expiresAt) => m.lifetime({expiresAt}, Date.UTC(2017, 1, 8)).word)",
            json!(["expired 4 d ago", "expires in 21 d", "valid for 51 d", "valid"]),
        ),
        (
            "certificates",
            "m.concern([{expiresAt: 'Wed Mar 01 00:00:00 UTC 2017'}, {expiresAt: 'Fri Feb 03 17:59:21 UTC 2017'}], Date.UTC(2017, 1, 8)).tone",
            json!("bad"),
        ),
        (
            "policy",
            "[{action: 'deny', within: 'linked'}, {action: 'allow', between: {selector: 'a=b'}}, {action: 'allow', to: {selector: 'c'}, ports: ['80', '53/udp']}].map((rule) => JSON.stringify(m.fromForm(m.toForm(rule))))",
            json!([
                r#"{"action":"deny","within":"linked"}"#,
                r#"{"action":"allow","between":{"selector":"a=b"}}"#,
                r#"{"action":"allow","to":{"selector":"c"},"ports":["80","53/udp"]}"#,
            ]),
        ),
        (
            "policy",
            "m.ruleWords({to: {selector: 'role=db'}, ports: ['5432']})",
            json!("from everyone to containers with role=db, on 5432"),
        ),
    ]
}

/// What a screen of 10 by 3 says after a text.
fn screen(text: &str) -> String {
    let text = json!(text);
    format!("(() => {{ const s = new m.Screen(10, 3); s.write({text}); return s.text(); }})()")
}

fn of_terminals() -> Vec<Row> {
    let screens = [
        ("a\r\nb\rc", "a\nc"),
        ("0123456789ab", "0123456789\nab"),
        ("a\r\nb\r\nc\r\nd", "b\nc\nd"),
        ("abc\u{1b}[2D\u{1b}[K-", "a-"),
        ("abc\r\u{1b}[2@\u{1b}[Cx", " xabc"),
        ("one\u{1b}[?1049h\u{1b}[Htwo\u{1b}[?1049l", "one"),
        ("a\r\nb\r\nc\u{1b}[1;2r\u{1b}[2;1H\n", "b\n\nc"),
        ("\u{1b}]0;a title\u{7}\u{1b}[1;31mred\u{1b}(0q\u{1b}(B", "red─"),
        ("日e\u{301}", "日e\u{301}"),
    ];
    let mut rows: Vec<Row> =
        screens.map(|(text, seen)| ("screen", &*screen(text).leak(), json!(seen))).to_vec();
    rows.extend([
        // A sequence may come in two pieces, and a program may ask where the cursor is.
        (
            "screen",
            "(() => { const said = []; const s = new m.Screen(10, 3, (text) => said.push(text)); s.write('ab\\x1b['); s.write('6n'); return [s.text(), ...said]; })()",
            json!(["ab", "\u{1b}[1;3R"]),
        ),
        (
            "screen",
            "(() => { const s = new m.Screen(10, 3); s.write('a\\r\\nb\\r\\nc'); s.resize(5, 2); return [s.text(), s.takePast().length, s.rows[0].cells.length]; })()",
            json!(["b\nc", 1, 5]),
        ),
        (
            "cells",
            "[['31'], ['38', '5', '200'], ['38:2::1:2:3'], ['1', '0'], ['48', '2', '1', '2', '3', '4']].map((given) => m.styled(m.PLAIN, given)).map((s) => [s.fore, s.back, s.bold, s.under])",
            json!([
                [1, null, false, false],
                [200, null, false, false],
                ["#010203", null, false, false],
                [null, null, false, false],
                [null, "#010203", false, true],
            ]),
        ),
        ("cells", "[16, 196, 232, 255].map(m.paletteColour)", json!(["#000000", "#ff0000", "#080808", "#eeeeee"])),
        (
            "keyboard",
            "[{key: 'a'}, {key: 'c', ctrlKey: true}, {key: 'x', altKey: true}, {key: 'ArrowUp'}, {key: 'ArrowUp', ctrlKey: true}, {key: 'Delete'}, {key: '@', ctrlKey: true, altKey: true, isAltGraph: true}, {key: 'Tab', shiftKey: true}].map((press) => m.sequence(press))",
            json!([null, "\u{3}", "\u{1b}x", "\u{1b}[A", "\u{1b}[1;5A", "\u{1b}[3~", null, "\u{1b}[Z"]),
        ),
        ("keyboard", "m.sequence({key: 'ArrowUp'}, true)", json!("\u{1b}OA")),
        ("keyboard", "m.words('psql -U \"a b\" \\'c d\\' e')", json!(["psql", "-U", "a b", "c d", "e"])),
        (
            "upgrading",
            "['x:1', 'x:2'].map((image) => m.strategyOf({launchConfig: {imageUuid: 'docker:x:1', version: '7', command: null, labels: {a: 'b'}}}, {image, batch: '2', first: true, within: '60'}))",
            json!([
                {"launchConfig": {"imageUuid": "docker:x:1", "labels": {"a": "b", "io.rancher.container.pull_image": "always", "io.ranchette.upgrade.healthy_within": "60"}}, "batchSize": 2, "startFirst": true},
                {"launchConfig": {"imageUuid": "docker:x:2", "labels": {"a": "b", "io.ranchette.upgrade.healthy_within": "60"}}, "batchSize": 2, "startFirst": true},
            ]),
        ),
        (
            "plan",
            "[m.verdict({problems: [{severity: 'error'}]}).plan, m.verdict({problems: [{severity: 'warning'}]}).plan === null, m.refusal({fieldName: 'name', message: 'taken'}), m.refusal({message: 'no'}).failure]",
            json!([null, false, {"plan": null, "problems": [], "failure": null, "wrongName": "taken"}, "no"]),
        ),
    ]);
    rows
}

fn of_records() -> Vec<Row> {
    vec![(
        "pages/audit",
        "[{eventType: 'api.stack.create'}, {eventType: 'api.host.action', description: 'evacuate'}, {eventType: 'api.stackPlan.create', requestObject: '{\"dryRun\":true}'}, {eventType: 'api.stackPlan.create', requestObject: '{\"dryRun\":false}'}].map(m.happened)",
        json!(["stack create", "host evacuate", "plan looked at", "plan applied"]),
    )]
}

fn of_webhooks() -> Vec<Row> {
    vec![
        (
            "webhooks",
            "[m.told({status: 'waiting'}), m.told({status: 'waiting', attempts: [{error: 'it answered 500'}]}), m.told({status: 'failed', attempts: [{error: 'x'}]}), m.told({status: 'delivered', attempts: [{statusCode: 200}]})].map(({tone, word, why}) => [tone, word, why])",
            json!([
                ["busy", "waiting", null],
                ["warn", "failing", "it answered 500"],
                ["bad", "given up", "x"],
                ["ok", "delivered", null],
            ]),
        ),
        (
            "webhooks",
            "(() => { const form = new FormData(); form.append('name', ' a '); form.append('event', 'backup.failed'); form.append('secret', 's'); return [m.fromForm(form, false), m.fromForm(form, true).stackId, m.wantedWords([]), m.wantedWords(['a', 'b'])]; })()",
            json!([
                {"name": "a", "url": "", "format": "", "events": ["backup.failed"], "secret": "s"},
                null,
                "all events",
                "a, b",
            ]),
        ),
    ]
}
