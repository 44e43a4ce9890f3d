//! `haConfig`: this one node, how large its database is, a copy of it, and a script that sets up a
//! second start from that copy.

use serde_json::{Map, Value};

use super::row;
use crate::api::hooks::{Access, Answer, Asked, Attachment, Ctx, Source, Write};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::store::{self, Read};

/// `haConfigs`.
pub const SOURCE: Source = Source { name: "haConfigs", list, get, write: Some(write) };

/// The id of the one there is.
const ID: &str = "haConfig";

fn config(read: &Read<'_>) -> Result<Resource> {
    let megabytes = read.database_bytes()?.div_euclid(1 << 20);
    Ok(row(NewResource::new("haConfig", String::new())
        .with("id", ID)
        .with("clusterSize", 1)
        .with("dbHost", "localhost")
        .with("dbSize", megabytes)
        .with("enabled", false)))
}

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(vec![config(asked.read)?])
}

fn get(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    if text.eq_ignore_ascii_case(ID) { config(asked.read).map(Some) } else { Ok(None) }
}

/// Being one node cannot be changed; saying so again is fine.
fn write(ctx: &mut Ctx<'_, '_>, write: &Write) -> Result<Resource> {
    match write {
        Write::Update(id, changes) if id.eq_ignore_ascii_case(ID) => {
            if changes.get("enabled") == Some(&Value::Bool(true)) {
                return Err(Error::field("InvalidOption", "enabled").message(
                    "this server is one node with a database of its own; it cannot form a cluster",
                ));
            }
            config(ctx.tx)
        }
        Write::Update(..) => Err(Error::not_found()),
        Write::Create(_) | Write::Delete(_) => Err(Error::status(405)),
    }
}

/// `createscript`: a script that starts a server like this one on another machine.
pub fn create_script(access: &Access<'_>, input: &Map<String, Value>) -> Result<Answer> {
    let text = |field: &str| input.get(field).and_then(Value::as_str).unwrap_or("").trim();
    let url = text("hostRegistrationUrl").trim_end_matches('/');
    if !is_plain_url(url) {
        return Err(Error::field("InvalidFormat", "hostRegistrationUrl")
            .message(format!("`{url}` is not a URL such as https://ranch.example")));
    }
    let port = input.get("httpPort").and_then(Value::as_i64).unwrap_or(80);
    let text = script(url, port, access.origin);
    let bytes = text.into_bytes();
    Ok(Answer::File(Attachment::Bytes("ranchette-setup.sh".into(), "text/x-shellscript", bytes)))
}

/// Whether a URL is one that can stand in a file between quotes: only letters that need none.
fn is_plain_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-.:/[]_~".contains(letter))
    })
}

/// The script. What the caller has said stands in the configuration only, never in a command.
fn script(url: &str, port: i64, origin: &str) -> String {
    format!(
        r#"#!/bin/sh
# Sets up a second start of a Ranchette server, from a copy of its database.
#
#   sh ranchette-setup.sh COPY
#
# COPY is what {origin}/v2-beta/haconfigs/haconfig/dbdump gives an administrator, or `ranchette backup`.
# A server is one node: stop the first one before this one starts on the same engine.
set -eu

: "${{RANCHETTE:=ranchette}}"
: "${{DATA_DIR:=/var/lib/ranchette}}"
: "${{CONFIG:=/etc/ranchette/config.toml}}"

copy=${{1:?say which copy of the database to start from}}
[ -r "$copy" ] || {{ echo "cannot read $copy" >&2; exit 1; }}

mkdir -p "$(dirname "$CONFIG")"
if [ -e "$CONFIG" ]; then
    echo "$CONFIG exists and stays as it is" >&2
else
    cat > "$CONFIG" <<'END'
[server]
listen = "0.0.0.0:{port}"
url = "{url}"
END
fi

"$RANCHETTE" --config "$CONFIG" --data-dir "$DATA_DIR" check-config
"$RANCHETTE" --config "$CONFIG" --data-dir "$DATA_DIR" restore "$copy"
[ -n "${{SETUP_ONLY:-}}" ] || exec "$RANCHETTE" --config "$CONFIG" --data-dir "$DATA_DIR" serve
"#
    )
}

/// `dbdump`: a copy of the database as it is now. Hashes of passwords are in it: only who may have the
/// script is shown the link.
///
/// # Errors
/// When the copy cannot be made.
pub fn dump(access: &Access<'_>) -> Result<Answer> {
    let path = access.state.store.path();
    let folder = path.parent().unwrap_or(path);
    let copy = folder.join(format!("dump-{}.db", access.state.entropy.uuid()));
    let opened = store::backup(path, &copy)
        .and_then(|()| std::fs::File::open(&copy).map_err(Error::internal));
    // It stays readable through the open file alone.
    let removed = std::fs::remove_file(&copy);
    let file = opened?;
    removed.map_err(Error::internal)?;
    Ok(Answer::File(Attachment::Open("ranchette.db".into(), "application/vnd.sqlite3", file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_need_no_quoting_get_into_the_script() {
        for (url, plain) in [
            ("https://ranch.example:8443", true),
            ("http://[::1]:8080/path", true),
            ("https://", false),
            ("ftp://ranch.example", false),
            ("https://ranch.example\"\nEND\nrm -rf /", false),
            ("https://$(reboot)", false),
        ] {
            assert_eq!(is_plain_url(url), plain, "{url}");
        }
    }
}
