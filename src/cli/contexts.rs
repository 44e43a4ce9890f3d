//! `context`: the servers that are known, and the one in use.

pub mod book;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Result;
use super::failure::{Exit, Failure};
use super::output::{Output, Row, Style};
use super::settings::Settings;
use book::{Book, Context};

/// Arguments of `context`.
#[derive(Clone, Debug, Args)]
pub struct ContextArgs {
    #[command(subcommand)]
    what: What,
}

/// What is done with contexts.
#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Show the servers that are known
    Ls,
    /// Use a server from now on
    Use {
        /// Its name; `-` for that of this machine's data folder
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Forget a server; the key there stays what it is (see `logout`)
    Rm {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show the server in use, or another, without its key
    Show {
        /// Its name; the one in use if absent
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// Titles of the table.
const TITLES: [&str; 5] = ["", "CONTEXT", "URL", "ENVIRONMENT", "ACCESS KEY"];

/// Runs the verb.
///
/// # Errors
/// When the name is unknown, or the file cannot be read or written.
pub fn run(settings: &Settings, out: &Output, args: &ContextArgs) -> Result<Exit> {
    let mut book = Book::read(&settings.around)?;
    match &args.what {
        What::Ls => list(out, &book),
        What::Use { name } if name == "-" => {
            book.current = None;
            book.write(&settings.around)?;
            let record = json!({ "type": "context", "context": null, "current": true });
            out.say("the server of this machine's data folder is in use", &record);
        }
        What::Use { name } => {
            let url = book.find(name)?.url.clone();
            book.current = Some(name.clone());
            book.write(&settings.around)?;
            out.say(format!("{name} at {url} is in use"), &record(&book, name, book.find(name)?));
        }
        What::Rm { name } => {
            book.find(name)?;
            book.remove(name);
            book.write(&settings.around)?;
            let record = json!({ "type": "context", "context": name, "removed": true });
            out.say(format!("{name} is forgotten"), &record);
        }
        What::Show { name } => show(out, &book, name.as_deref())?,
    }
    Ok(Exit::Ok)
}

fn list(out: &Output, book: &Book) {
    for (name, context) in &book.contexts {
        out.record(&record(book, name, context));
    }
    if book.contexts.is_empty() {
        out.note("no server is known; log in to one with `ranchette login URL`");
        return;
    }
    let rows: Vec<Row> = book.contexts.iter().map(|(name, one)| row(book, name, one)).collect();
    out.table(&TITLES, &rows);
}

fn row(book: &Book, name: &str, context: &Context) -> Row {
    let is_current = book.current.as_deref() == Some(name);
    let plain = |text: &Option<String>| (text.clone().unwrap_or_default(), None);
    vec![
        (if is_current { "*" } else { "" }.to_owned(), Some(Style::Good)),
        (name.to_owned(), None),
        (context.url.clone(), None),
        plain(&context.environment),
        plain(&context.access_key),
    ]
}

fn show(out: &Output, book: &Book, name: Option<&str>) -> Result<()> {
    let Some(name) = name.or(book.current.as_deref()) else {
        return Err(Failure::new("no context is in use").hint(
            "choose one with `ranchette context use NAME`, or log in with `ranchette login URL`",
        ));
    };
    let context = book.find(name)?;
    out.record(&record(book, name, context));
    out.line(format!("context      {name}"));
    out.line(format!("url          {}", context.url));
    let ca_file = context.ca_file.as_ref().map(|path| path.display().to_string());
    for (title, value) in [
        ("environment ", &context.environment),
        ("access key  ", &context.access_key),
        ("ca file     ", &ca_file),
    ] {
        if let Some(value) = value {
            out.line(format!("{title} {value}"));
        }
    }
    Ok(())
}

/// As `--json` shows it; a secret is never shown.
fn record(book: &Book, name: &str, context: &Context) -> Value {
    json!({
        "type": "context",
        "context": name,
        "current": book.current.as_deref() == Some(name),
        "url": context.url,
        "environment": context.environment,
        "accessKey": context.access_key,
        "caFile": context.ca_file,
    })
}

#[cfg(test)]
mod tests {
    use super::super::output::{End, render_table};
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_one_in_use_has_a_star_and_no_secret_is_shown() {
        let context = |url: &str, environment: Option<&str>| Context {
            url: url.to_owned(),
            access_key: Some("AK".to_owned()),
            secret_key: Some("hidden".to_owned()),
            environment: environment.map(str::to_owned),
            ca_file: None,
        };
        let mut book = Book { current: Some("farm".to_owned()), ..Book::default() };
        book.contexts.insert("lab".to_owned(), context("http://lab:8080", None));
        book.contexts.insert("farm".to_owned(), context("https://farm.example", Some("1a7")));
        let rows: Vec<Row> =
            book.contexts.iter().map(|(name, one)| row(&book, name, one)).collect();
        expect![[r#"
               CONTEXT  URL                   ENVIRONMENT  ACCESS KEY
            *  farm     https://farm.example  1a7          AK
               lab      http://lab:8080                    AK"#]]
        .assert_eq(&render_table(&TITLES, &rows, End::Elsewhere, None));
        let text = book.contexts.iter().map(|(name, one)| record(&book, name, one).to_string());
        assert!(text.collect::<String>().contains("AK"));
        assert!(
            !book.contexts.iter().any(|(n, c)| record(&book, n, c).to_string().contains("hidden"))
        );
    }
}
