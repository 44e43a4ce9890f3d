// What can be done to what is in volumes: kept in snapshots and backups, put back, removed, brought back.
// Each dialog says in plain words what is lost.

import { act, can, del, post, scoped } from "./api.js";
import { ask, attempt, formDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { count, dateTime, moment, relative, sentence, span } from "./format.js";
import { field } from "./ui.js";

/** Drivers whose volumes stand for a directory that stays when they go. */
const STAYS = { nfs: "the directory on the NFS server", dir: "the directory on the hosts" };
const QUIESCE = [
  ["none", "goes on", "the snapshot holds what a power failure would leave"],
  ["pause", "is frozen", "nothing changes while it is read"],
  ["stop", "is stopped, and started again after", "right for most databases"],
];

/**
 * What becomes of what is in a volume that is removed.
 * @param {any} volume
 * @param {{snapshots: any[], backups: any[], undo: number}} known `undo` is for how many seconds it can be undone
 * @returns {{lost: string[], kept: string[]}}
 */
export function removalFate(volume, { snapshots, backups, undo }) {
  const stays = STAYS[volume.driver];
  const lost = [];
  const kept = [];
  if (stays) kept.push(`What is in it stays in ${stays}.`);
  else if (undo > 0) kept.push(`What is in it is kept for ${span(undo)}; until then it can be brought back.`);
  else lost.push("Everything in it is deleted, and cannot be brought back.");
  if (snapshots.length > 0) lost.push(`Its ${count(snapshots.length, "snapshot")} ${snapshots.length === 1 ? "goes" : "go"} with it.`);
  if (backups.length > 0) kept.push(`Its ${count(backups.length, "backup")} ${backups.length === 1 ? "stays" : "stay"}.`);
  else if (!stays && undo <= 0) lost.push("There is no backup of it.");
  return { lost, kept };
}

/** What a snapshot or a backup is called. */
export function called(copy) {
  return copy.name || `of ${dateTime(moment(copy, "created"))}`;
}

/** The containers that have a volume, as a sentence, or null. */
export function usersOf(volume) {
  const names = [...new Set((volume.mounts || []).map((mount) => mount.instanceName || mount.instanceId))];
  if (names.length === 0) return null;
  return names.length > 3 ? `${sentence(names.slice(0, 2))} and ${names.length - 2} more` : sentence(names);
}

/** Asks how, and takes a snapshot. */
export function takeSnapshot(volume) {
  const used = usersOf(volume);
  return formDialog(`Snapshot of ${volume.name}`, "Take the snapshot", [
    h("p", { class: "muted" }, "Keeps what is in the volume now, on the server, so that the volume can go back to it."),
    field("Name", h("input", { name: "name", maxlength: "255", autocomplete: "off", placeholder: "before the upgrade" })),
    used && h("fieldset", { class: "choices" }, h("legend", {}, `What uses it (${used}) meanwhile …`), QUIESCE.map(([value, label, why], i) =>
      h("label", { class: "check", key: value }, h("input", { type: "radio", name: "quiesce", value, checked: i === 0 }),
        h("span", {}, label, h("span", { class: "hint" }, ` · ${why}`))))),
  ], (form) => act(volume, "snapshot", { name: form.get("name").trim(), quiesce: form.get("quiesce") || "none" }));
}

/** Asks where to, and copies a snapshot to a backup target. */
export function backUp(snapshot, volume, targets) {
  return formDialog(`Back up ${volume.name}`, "Back up", [
    h("p", { class: "muted" }, "Copies the snapshot ", h("strong", {}, called(snapshot)),
      " to a backup target and proves the copy: it is put into a scratch volume and compared."),
    field("Backup target", h("select", { name: "target", required: true },
      targets.map((one) => h("option", { value: one.id, key: one.id }, one.name)))),
    field("Name", h("input", { name: "name", maxlength: "255", autocomplete: "off", value: snapshot.name || "" })),
  ], (form) => act(snapshot, "backup", { backupTargetId: form.get("target"), name: form.get("name").trim() }));
}

const replaced = (volume, copy) => h("ul", { class: "losses" },
  h("li", { class: "lost" }, "Everything that is in ", h("strong", {}, volume.name), " now is replaced. What was written since the copy was made, ",
    relative(moment(copy, "created")), ", is lost unless another snapshot has it."),
  h("li", { class: "kept" }, "The copy stays, and its checksum is looked at before anything is replaced."));

/** Asks, and makes a volume hold what a snapshot of it holds. */
export async function goBack(volume, snapshot) {
  const yes = await ask({
    title: `Take ${volume.name} back to ${called(snapshot)}?`,
    body: replaced(volume, snapshot),
    confirm: "Go back to it",
    danger: true,
  });
  if (yes) await attempt(() => act(volume, "reverttosnapshot", { snapshotId: snapshot.id }), `Taking ${volume.name} back`);
}

/** Asks, and makes a volume hold what a backup holds. */
export async function putBack(volume, backup) {
  const yes = await ask({
    title: `Put the backup ${called(backup)} back into ${volume.name}?`,
    body: replaced(volume, backup),
    confirm: "Put it back",
    danger: true,
  });
  if (yes) await attempt(() => act(volume, "restorefrombackup", { backupId: backup.id }), `Putting ${called(backup)} back`);
}

/** Asks which volume, and puts the backup of one that is gone into it. */
export function putInto(backup, volumes) {
  return formDialog(`Put the backup ${called(backup)} into a volume`, "Replace what is in it", [
    h("p", {}, "Everything that is in the chosen volume now is replaced, and lost unless a snapshot has it."),
    field("Volume", h("select", { name: "volume", required: true },
      volumes.map((one) => h("option", { value: one.id, key: one.id }, one.name))),
    { hint: "those that no running container uses" }),
  ], (form) => {
    const volume = volumes.find((one) => one.id === form.get("volume"));
    return act(volume, "restorefrombackup", { backupId: backup.id });
  });
}

/** Asks, and removes a snapshot or a backup. */
export async function removeCopy(copy, what) {
  const yes = await ask({
    title: `Remove the ${what} ${called(copy)}?`,
    body: h("ul", { class: "losses" }, h("li", { class: "lost" }, "What it holds cannot be put back from it any more."),
      h("li", { class: "kept" }, "The volume stays as it is.")),
    confirm: "Remove",
    danger: true,
  });
  if (yes) await attempt(() => act(copy, "remove"), `Removing the ${what}`);
}

/** Asks, and removes a volume. */
export async function removeVolume(volume, known) {
  const { lost, kept } = removalFate(volume, known);
  const yes = await ask({
    title: `Remove the volume ${volume.name}?`,
    body: h("ul", { class: "losses" }, lost.map((text) => h("li", { class: "lost", key: text }, text)),
      kept.map((text) => h("li", { class: "kept", key: text }, text))),
    confirm: "Remove the volume",
    danger: true,
  });
  if (yes) await attempt(() => (can(volume, "remove") ? act(volume, "remove") : del(volume.links.self)), `Removing ${volume.name}`);
}

/** Brings back a removed volume with what was in it. */
export function bringBack(volume) {
  return attempt(() => act(volume, "restore"), `Bringing ${volume.name} back`);
}

/** Asks for a backup target, and makes it. */
export function addTarget() {
  const bucket = h("div", { class: "fields", hidden: true },
    field("Server", h("input", { name: "endpoint", maxlength: "1024", placeholder: "https://s3.example", autocomplete: "off" }),
      { hint: "begins with https:// or http://" }),
    field("Bucket", h("input", { name: "bucket", maxlength: "63", autocomplete: "off" })),
    field("Region", h("input", { name: "region", maxlength: "64", placeholder: "us-east-1", autocomplete: "off" })),
    field("Folder in the bucket", h("input", { name: "prefix", maxlength: "512", placeholder: "optional", autocomplete: "off" })),
    field("Access key", h("input", { name: "accessKey", maxlength: "255", autocomplete: "off" })),
    field("Secret key", h("input", { name: "secretKey", type: "password", maxlength: "1024", autocomplete: "new-password" }),
      { hint: "it is sealed and never shown again" }),
    field("Certificate of its authority", h("textarea", { name: "caCert", rows: "3", spellcheck: "false", autocomplete: "off", placeholder: "-----BEGIN CERTIFICATE-----" }),
      { hint: "only for a server that this machine's authorities do not vouch for" }));
  const needed = ["endpoint", "bucket", "accessKey", "secretKey"];
  const choose = (event) => {
    const chosen = event.target.value === "bucket";
    bucket.el.hidden = !chosen;
    for (const name of needed) bucket.el.querySelector(`[name=${name}]`).required = chosen;
  };
  return formDialog("New backup target", "Add", [
    field("Name", h("input", {
      name: "name", required: true, maxlength: "255", pattern: "[a-zA-Z0-9_.\\-]+", autocomplete: "off", placeholder: "offsite",
    }), { hint: "letters, digits, and . _ -" }),
    h("fieldset", { class: "choices" }, h("legend", {}, "Backups go into"),
      h("label", { class: "check" }, h("input", { type: "radio", name: "kind", value: "folder", checked: true, onchange: choose }),
        h("span", {}, "a folder of this name on the server", h("span", { class: "hint" }, " · mount a disk or a share there"))),
      h("label", { class: "check" }, h("input", { type: "radio", name: "kind", value: "bucket", onchange: choose }),
        h("span", {}, "a bucket of an S3-compatible server"))),
    bucket,
  ], (form) => post(scoped("backuptargets"), targetOf(Object.fromEntries(form))));
}

/**
 * What the API is sent for a filled-in backup target. What was typed for a bucket stays here when a folder is meant.
 * @param {Object<string, string>} given fields of the form by name
 */
export function targetOf(given) {
  const text = (name) => (given[name] || "").trim();
  const target = { name: text("name") };
  if (given.kind !== "bucket") return target;
  const s3Config = { secretKey: given.secretKey };
  for (const name of ["endpoint", "bucket", "region", "prefix", "accessKey", "caCert"]) if (text(name)) s3Config[name] = text(name);
  return { ...target, s3Config };
}

/** Asks, and removes a backup target. */
export async function removeTarget(target) {
  const yes = await ask({
    title: `Remove the backup target ${target.name}?`,
    body: h("p", {}, "Nothing can be backed up there any more. A target with backups in it stays until they are removed."),
    confirm: "Remove", danger: true,
  });
  if (yes) await attempt(() => act(target, "remove"), `Removing ${target.name}`);
}
