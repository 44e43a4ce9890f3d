//! Snapshots, backups and their targets: made by actions of what they are made of.

use serde_json::{Map, Value};

use super::{Answer, Creation, Ctx, DENIED, EVERY_ACTION, Hook};
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process::site::Site;
use crate::process::{self, secrets, snapshot as keeping};
use crate::store::{Read, Tx};

/// `snapshot`.
pub const SNAPSHOT: Hook = Hook { act: Some(act), ..Hook::of("snapshot") };

/// `backupTarget`.
pub const TARGET: Hook =
    Hook { create: Some(create_target), act: Some(act_on_target), ..Hook::of("backupTarget") };

/// Option of the volumes that machines start from.
const BASE_IMAGE: &str = "base-image";
/// Actions on what is in a volume.
const KEEPING: &[&str] = &["snapshot", "restorefrombackup", "reverttosnapshot"];
/// Those that nobody may be using it for.
const REPLACING: &[&str] = &["restorefrombackup", "reverttosnapshot"];

/// Volumes offer what their driver can do, and are not put back while a container is at work in them.
pub fn guard(_: &Site, read: &Read<'_>, _: &Caller, rows: &mut [Resource]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let used = keeping::in_use(read, &ids)?;
    for row in rows {
        let mut denied: Vec<&str> = Vec::new();
        if !keeping::can_be_kept(read, row)? {
            denied.extend(KEEPING);
        } else if used.contains(&row.id) {
            denied.extend(REPLACING);
        }
        let can_come_back = row.map(keeping::ARCHIVE).is_some();
        if !can_come_back {
            denied.push("restore");
        }
        if !denied.is_empty() && row.str(DENIED) != Some(EVERY_ACTION) {
            row.set(DENIED, denied.into_iter().map(Value::from).collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// What a volume is to be put back from is its own, and there.
pub fn check(
    ctx: &mut Ctx<'_, '_>,
    volume: &Resource,
    action: &str,
    input: &mut Map<String, Value>,
) -> Result<()> {
    let (ty, field) = match action {
        "reverttosnapshot" => ("snapshot", "snapshotId"),
        "restorefrombackup" => ("backup", "backupId"),
        _ => return Ok(()),
    };
    let id = input.get(field).and_then(Value::as_i64).unwrap_or(0);
    let wrong = |why: String| Err(Error::field("InvalidReference", field).message(why));
    // What belongs to another environment does not exist.
    let ours = |row: &Resource| {
        row.ty == ty && row.removed.is_none() && row.account_id == volume.account_id
    };
    let Some(row) = ctx.tx.get(id)?.filter(ours) else {
        return wrong(format!("there is no such {ty}"));
    };
    if row.state != "created" {
        return wrong(format!("{ty} `{}` is {}, not created", row.display_name(), row.state));
    }
    // What a machine starts from is put back from its own backups only.
    let is_root = volume.map("driverOpts").is_some_and(|opts| opts.contains_key(BASE_IMAGE));
    if ty == "backup" && is_root && row.int("volumeId") != Some(volume.id) {
        return wrong(format!(
            "volume `{}` has a `{BASE_IMAGE}`, and backup `{}` is of another volume",
            volume.display_name(),
            row.display_name()
        ));
    }
    if ty == "snapshot" && row.int("volumeId") != Some(volume.id) {
        return wrong(format!(
            "snapshot `{}` is not of volume `{}`",
            row.display_name(),
            volume.display_name()
        ));
    }
    Ok(())
}

fn child(
    tx: &Tx<'_>,
    parent: &Resource,
    ty: &'static str,
    input: &Map<String, Value>,
) -> NewResource {
    let mut row = NewResource::new(ty, tx.entropy.uuid());
    row.account_id = parent.account_id;
    row.name = input.get("name").and_then(Value::as_str).map(str::to_owned);
    row
}

/// `volume.snapshot`.
pub fn take(ctx: &mut Ctx<'_, '_>, volume: &Resource, input: Map<String, Value>) -> Result<Answer> {
    if volume.int("hostId").is_none()
        && crate::model::storage::is_local(volume.str("driver").unwrap_or_default())
    {
        return Err(Error::conflict(format!(
            "volume `{}` is on no host yet: no container has used it",
            volume.display_name()
        )));
    }
    let new = child(ctx.tx, volume, "snapshot", &input).with("volumeId", volume.id);
    let mut data = Map::new();
    if let Some(quiesce) = input.get("quiesce") {
        data.insert("quiesce".to_owned(), quiesce.clone());
    }
    Ok(Answer::Row(process::create(ctx.tx, new, data)?))
}

/// `snapshot.backup`.
pub fn back_up(
    ctx: &mut Ctx<'_, '_>,
    snapshot: &Resource,
    input: Map<String, Value>,
) -> Result<Answer> {
    let id = input.get("backupTargetId").and_then(Value::as_i64).unwrap_or(0);
    let target = ctx.tx.get(id)?.filter(|row| row.ty == "backupTarget" && row.removed.is_none());
    let usable =
        target.filter(|row| row.state == "created" && row.account_id == snapshot.account_id);
    let Some(target) = usable else {
        return Err(Error::field("InvalidReference", "backupTargetId")
            .message("there is no such backup target, or it is not created"));
    };
    let new = child(ctx.tx, snapshot, "backup", &input)
        .with("snapshotId", snapshot.id)
        .with("volumeId", snapshot.int("volumeId"))
        .with("backupTargetId", target.id);
    Ok(Answer::Row(process::create(ctx.tx, new, Map::new())?))
}

/// The latest snapshot of a volume stays as long as the volume, and any as long as it is being copied.
fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if action != "remove" {
        return Ok(());
    }
    let Some(volume) = row.int("volumeId") else { return Ok(()) };
    let alive = ctx.tx.get(volume)?.is_some_and(|volume| volume.removed.is_none());
    let latest = ctx.tx.referrers("snapshot", "volumeId", volume)?.into_iter().next_back();
    if alive && latest.is_some_and(|latest| latest.id == row.id) {
        return Err(Error { status: 400, ..Error::code("InvalidState") }
            .message(format!("snapshot `{}` is the latest of its volume", row.display_name())));
    }
    let backups = ctx.tx.referrers("backup", "snapshotId", row.id)?;
    match backups.iter().find(|backup| backup.state == "creating") {
        Some(backup) => Err(Error::conflict(format!(
            "backup `{}` is being made of snapshot `{}`",
            backup.display_name(),
            row.display_name()
        ))),
        None => Ok(()),
    }
}

fn create_target(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let name = creation.row.name.clone().unwrap_or_default();
    if creation.row.data.get("nfsConfig").is_some_and(|config| !config.is_null()) {
        return Err(Error::field("InvalidOption", "nfsConfig").message(format!(
            "backup targets are buckets or folders of the server: mount the share at `{name}` in the folder of \
             backups and leave nfsConfig out"
        )));
    }
    if let Some(Value::Object(config)) = creation.row.data.get_mut(keeping::S3) {
        let secret = config.shift_remove("secretKey");
        let rules = process::outbound::rules(ctx.tx)?;
        if let Err(unfit) = keeping::check_bucket(config, &rules) {
            return Err(Error::field("InvalidFormat", unfit.field).message(unfit.why));
        }
        let secret = secret.as_ref().and_then(Value::as_str).unwrap_or_default().as_bytes();
        let sealed = secrets::seal(ctx.vault, "backupTarget", &creation.row.uuid, secret)?;
        creation.row.data.insert(secrets::KEY.to_owned(), sealed.into());
    }
    // Its folder is the server's, so no two environments share one.
    let others = ctx.tx.by_name("backupTarget", None, &name)?;
    if !others.is_empty() {
        return Err(Error::field("NotUnique", "name")
            .message(format!("there is a backup target called `{name}` already")));
    }
    Ok(())
}

/// A target with backups in it stays.
fn act_on_target(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if action != "remove" {
        return Ok(());
    }
    let backups = ctx.tx.referrers("backup", "backupTargetId", row.id)?;
    match backups.first() {
        Some(backup) => Err(Error::conflict(format!(
            "backup target `{}` holds backups, such as `{}`; remove them first",
            row.display_name(),
            backup.display_name()
        ))),
        None => Ok(()),
    }
}
