//! Every code of the error table, earned by the input that earns it: status, code, field, a message that
//! names the thing, and nothing changed.
//!
//! The rows are in `table/`. A code that the server can send and no row earns fails, and so does a
//! code in the sources that the error table does not know.

mod ground;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use ranchette::error::{CODES, status_text};

use ground::Ground;
use table::{BESIDES, ELSEWHERE, rows};

/// Attempts after which a row that is sent again and again has failed.
const ATTEMPTS: usize = 60;

#[actix_web::test]
async fn every_fault_is_earned_by_the_input_that_earns_it() {
    let mut wrong = String::new();
    for place in table::PLACES {
        let ground = Ground::new(*place).await;
        for row in rows().filter(|row| row.place == *place) {
            let before = ground.everything();
            let expect = ground.fill(row.expect);
            let mut found = ground.send(row).await;
            for _ in 1..ATTEMPTS {
                if !row.again || fits(&found.line, &expect) {
                    break;
                }
                found = ground.send(row).await;
            }
            let said = found.message.as_deref().unwrap_or("");
            // Statuses may say no more than they are, as in Rancher.
            let plain = (400..600).any(|status| status_text(status) == found.code);
            let names = !said.is_empty() && (plain || said != found.code);
            if !fits(&found.line, &expect) || !names {
                wrong.push_str(&format!(
                    "{} {}\n   is {}\n  not {expect}\n",
                    row.request, row.body, found.line
                ));
            }
            let after = ground.everything();
            if before != after {
                wrong.push_str(&format!("{} {}: something changed\n", row.request, row.body));
            }
        }
    }
    assert_eq!(wrong, "", "\n{wrong}");
}

/// An expectation that ends in `…` is a beginning.
fn fits(found: &str, expect: &str) -> bool {
    match expect.strip_suffix('…') {
        Some(beginning) => found.starts_with(beginning),
        None => found == expect,
    }
}

#[test]
fn every_code_has_a_row() {
    let earned: BTreeSet<&str> = rows().filter_map(|row| row.expect.split(' ').nth(1)).collect();
    let elsewhere = |code: &str| ELSEWHERE.iter().any(|row| row.0 == code);
    for (code, _) in CODES {
        assert!(
            earned.contains(code) || elsewhere(code),
            "no row of tests/it/api/faults/table/ earns `{code}`"
        );
        assert!(!(earned.contains(code) && elsewhere(code)), "`{code}` has a row and an excuse");
    }
    for (code, why) in ELSEWHERE {
        assert!(CODES.iter().any(|row| row.0 == *code), "{code} is no code");
        assert!(why.len() > 20, "say why nothing earns {code}");
    }
}

/// The lines of a table in `docs/errors.md`, below a heading: their cells.
fn documented(heading: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = std::fs::read_to_string(path).expect("docs/errors.md");
    let part = text.split("\n## ").find(|part| part.starts_with(heading)).expect(heading);
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The document says every code with every status that it comes with, and no other.
#[test]
fn the_document_of_codes_says_what_is_earned() {
    let mut said = BTreeSet::new();
    for row in documented("Codes\n") {
        let code = row[0].trim_matches('`').to_owned();
        let first = row[1].split(", ").next().and_then(|status| status.parse().ok());
        let known = CODES.iter().find(|known| known.0 == code).map(|known| known.1);
        assert_eq!(first, known, "{code}");
        said.extend(row[1].split(", ").map(|status| (code.clone(), status.to_owned())));
    }
    let mut there: BTreeSet<(String, String)> =
        CODES.iter().map(|(code, status)| ((*code).to_owned(), status.to_string())).collect();
    there.extend(rows().filter_map(|row| {
        let (status, rest) = row.expect.split_once(' ')?;
        let code = rest.split(' ').next()?;
        let named = CODES.iter().any(|known| known.0 == code);
        named.then(|| (code.to_owned(), status.to_owned()))
    }));
    there.extend(BESIDES.iter().map(|row| (row.0.to_owned(), row.1.to_owned())));
    assert_eq!(said, there);
    let unused: Vec<String> = documented("Codes of Rancher's")
        .iter()
        .flat_map(|row| row[0].split(' ').map(|code| code.trim_matches('`').to_owned()))
        .collect();
    assert!(unused.len() > 20, "{unused:?}");
    for code in unused {
        assert!(!CODES.iter().any(|known| known.0 == code), "{code} is there");
    }
}

#[test]
fn every_code_of_the_sources_is_in_the_table() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for code in codes(&text) {
            seen += 1;
            let known = CODES.iter().any(|row| row.0 == code);
            let plain = (400..600).any(|status| status_text(status) == code);
            assert!(known || plain, "{}: `{code}` is not in CODES of src/error.rs", file.display());
        }
    }
    assert!(seen > 50, "{seen} codes seen: the sources are written in another way now");
}

fn sources(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// The texts that errors are made of: the first argument of what makes one.
fn codes(text: &str) -> Vec<&str> {
    let makers = ["Error::code(", "Error::field(", ".fault(", " fault("];
    let mut found = Vec::new();
    for maker in makers {
        for (at, _) in text.match_indices(maker) {
            let rest = text[at + maker.len()..].trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let word = rest.split('"').next().unwrap_or("");
            if word.chars().all(char::is_alphanumeric) && !word.is_empty() {
                found.push(word);
            }
        }
    }
    found
}
