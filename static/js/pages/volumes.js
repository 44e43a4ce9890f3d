// Volumes: what is in them, who uses them, what was kept of them and where, and what was removed.

import { can, global, get, list, scoped } from "../api.js";
import { toast } from "../dialogs.js";
import { h, icon } from "../dom.js";
import { byName, condition, count, moment } from "../format.js";
import {
  addTarget, backUp, bringBack, called, goBack, putBack, putInto, removeCopy, removeTarget, removeVolume, takeSnapshot, usersOf,
} from "../keeping.js";
import { watch } from "../live.js";
import { href } from "../router.js";
import { ago, badge, button, empty, failed, filterBox, heading, loading, progress } from "../ui.js";

const UNDO = "volume.undo.seconds";
const FILTER_FROM = 8;

/** The environment's volumes; each opens to what was kept of it. */
export default function volumesPage(app) {
  const changed = app.redraw;
  const state = { opened: new Set(), filter: "", removed: [], undo: 0, stopped: false };
  const ended = (what) => (one) => {
    if (one.transitioningMessage) toast(`The ${what} ${called(one)} failed: ${one.transitioningMessage}`, "bad");
  };
  const lists = {
    volumes: watch({ collection: "volumes", types: ["volume"], stirredBy: ["container"], belongs: isOwn, ended: learn, changed }),
    snapshots: watch({ collection: "snapshots", types: ["snapshot"], ended: ended("snapshot"), changed }),
    backups: watch({ collection: "backups", types: ["backup"], ended: ended("backup"), changed }),
    targets: watch({ collection: "backuptargets", types: ["backuptarget"], changed }),
    stacks: watch({ collection: "stacks", types: ["stack"], changed }),
  };
  learn();

  // Removed volumes are of no list; the setting is changed rarely.
  async function learn() {
    try {
      const [undo, removed] = await Promise.all([
        get(global(`settings/${UNDO}`)).catch(() => null),
        list(scoped("volumes"), { _removed: "true", state: "removed" }),
      ]);
      state.undo = Number(undo?.activeValue) || 0;
      state.removed = removed;
    } catch (error) {
      state.removed = [];
      if (!state.stopped && error.status !== 401) toast(error.message, "bad");
    }
    if (!state.stopped) changed();
  }

  function copies(of, id) {
    return newestFirst([...lists[of].items.values()].filter((one) => one.volumeId === id));
  }

  const page = {
    state,
    lists,
    hosts: () => app.hosts.items,
    targets: () => byName(lists.targets.items.values()),
    snapshots: (volume) => copies("snapshots", volume.id),
    backups: (volume) => copies("backups", volume.id),
    toggle(id) {
      if (!state.opened.delete(id)) state.opened.add(id);
      changed();
    },
    async undo(volume) {
      if (await bringBack(volume)) await learn();
    },
  };

  function view() {
    const head = heading("Volumes");
    // "Nothing kept" is only said when it is known.
    const { volumes, snapshots, backups, targets } = lists;
    const needed = [volumes, snapshots, backups, targets];
    const broken = needed.find((one) => one.error);
    if (broken) return [head, failed(broken)];
    if (!needed.every((one) => one.loaded)) return [head, loading("volumes")];
    const all = byName(volumes.items.values());
    const fits = (volume) => volume.name.toLowerCase().includes(state.filter.toLowerCase());
    return [
      head,
      all.length >= FILTER_FROM && filterBox(state.filter, (text) => {
        state.filter = text;
        changed();
      }, "Find a volume"),
      all.length === 0 ? nothing() : h("ul", { class: "rows volumes", key: "volumes" }, all.filter(fits).map((one) => row(one, page))),
      removedVolumes(page),
      lostBackups(all, page),
      backupTargets(page),
    ];
  }

  return {
    title: "Volumes",
    view,
    stop() {
      state.stopped = true;
      for (const one of Object.values(lists)) one.stop();
    },
  };
}

// Folders of hosts and the disks of containers are not volumes that anybody made.
function isOwn(volume) {
  return Boolean(volume.name) && !volume.isHostPath && !volume.instanceId;
}

function newestFirst(copies) {
  return copies.sort((a, b) => (moment(b, "created") || 0) - (moment(a, "created") || 0));
}

function row(volume, page) {
  const open = page.state.opened.has(volume.id);
  const { name } = volume;
  const snapshots = page.snapshots(volume);
  const backups = page.backups(volume);
  const options = (key, image) => ({ icon: image, key, compact: true, kind: "quiet" });
  return h("li", { class: "volume", key: volume.id, "data-volume": name },
    h("div", { class: "volume-main" },
      h("button", { class: "disclose", type: "button", "aria-expanded": String(open), onclick: () => page.toggle(volume.id) },
        icon("chevron", open && "turned"), h("span", { class: "service-name" }, name)),
      h("span", { class: "volume-state" }, badge(volume)),
      h("span", { class: "volume-kept muted small" }, kept(snapshots, backups)),
      h("span", { class: "volume-actions" },
        can(volume, "snapshot") && button(`Snapshot of ${name}`, () => takeSnapshot(volume), options("snapshot", "snapshot")),
        can(volume, "remove") && button(`Remove ${name}`, () =>
          removeVolume(volume, { snapshots, backups, undo: page.state.undo }), options("remove", "trash"))),
      h("p", { class: "volume-what small muted" }, about(volume, page))),
    progress(volume),
    open && h("div", { class: "volume-inside", key: "inside" },
      copyList("Snapshots", snapshots, none(volume), (one) => snapshotLine(one, volume, page)),
      copyList("Backups", backups, "None. Take a snapshot, then back it up.", (one) => backupLine(one, volume, page)),
      snapshots.length + backups.length > 0 && !can(volume, "reverttosnapshot") && usersOf(volume)
        && h("p", { class: "hint" }, `Nothing can be put back while ${usersOf(volume)} may write into it: stop the service first.`)));
}

function kept(snapshots, backups) {
  const parts = [];
  if (snapshots.length > 0) parts.push(count(snapshots.length, "snapshot"));
  if (backups.length > 0) parts.push(count(backups.length, "backup"));
  return parts.join(", ") || "nothing kept";
}

function about(volume, page) {
  const host = page.hosts().get(volume.hostId);
  const stack = page.lists.stacks.items.get(volume.stackId);
  const used = usersOf(volume);
  return [
    volume.driver, host && ` on ${host.hostname || host.name}`,
    stack && [" · stack ", h("a", { href: href("stacks", stack.id) }, stack.name)],
    used ? ` · used by ${used}` : " · used by nobody",
    volume.accessMode && volume.accessMode !== "multiHostRW" && ` · ${volume.accessMode}`,
  ];
}

function none(volume) {
  return can(volume, "snapshot") ? "None yet." : "Its driver cannot keep what is in it.";
}

function copyList(title, copies, words, line) {
  return h("section", { class: "copies", key: title }, h("h3", {}, title),
    copies.length === 0 ? h("p", { class: "muted small" }, words) : h("ul", {}, copies.map(line)));
}

// "created" is what is expected; only what is not has to be said.
function standing(copy) {
  return copy.state === "created" && copy.transitioning !== "error" ? null : badge(copy, condition(copy));
}

function snapshotLine(one, volume, page) {
  const targets = page.targets().filter((target) => target.state === "created");
  const name = called(one);
  const options = (key, image) => ({ icon: image, key, compact: true, kind: "quiet" });
  return h("li", { class: "copy", key: one.id, "data-snapshot": one.name || one.id },
    h("span", { class: "copy-name" }, name, standing(one)),
    h("span", { class: "muted small" }, ago(moment(one, "created"))),
    h("span", { class: "copy-actions" },
      can(volume, "reverttosnapshot") && one.state === "created"
        && button(`Go back to ${name}`, () => goBack(volume, one), options("back", "undo")),
      can(one, "backup") && targets.length > 0
        && button(`Back up ${name}`, () => backUp(one, volume, targets), options("backup", "download")),
      can(one, "remove") && button(`Remove the snapshot ${name}`, () => removeCopy(one, "snapshot"), options("remove", "trash"))),
    progress(one));
}

function backupLine(one, volume, page) {
  const name = called(one);
  const options = (key, image) => ({ icon: image, key, compact: true, kind: "quiet" });
  const free = [...page.lists.volumes.items.values()].filter((other) => can(other, "restorefrombackup"));
  const restorable = one.state === "created";
  return h("li", { class: "copy", key: one.id, "data-backup": one.name || one.id },
    h("span", { class: "copy-name" }, name, standing(one), proved(one)),
    h("span", { class: "muted small" }, ago(moment(one, "created")), " in ", where(one, page)),
    h("span", { class: "copy-actions" },
      restorable && volume && can(volume, "restorefrombackup")
        && button(`Put ${name} back`, () => putBack(volume, one), options("back", "undo")),
      restorable && !volume && free.length > 0
        && button(`Put ${name} into a volume`, () => putInto(one, byName(free)), options("into", "undo")),
      can(one, "remove") && button(`Remove the backup ${name}`, () => removeCopy(one, "backup"), options("remove", "trash"))),
    progress(one));
}

function proved(backup) {
  const when = moment(backup, "provedAt");
  return when !== null && h("span", { class: "badge ok", title: "it was put into a scratch volume, and holds what was kept" },
    icon("check"), "proved ", ago(when));
}

function where(backup, page) {
  const target = page.lists.targets.items.get(backup.backupTargetId);
  return h("code", { title: backup.uri }, target ? target.name : backup.uri);
}

function removedVolumes(page) {
  const now = Date.now();
  const back = newestFirst(page.state.removed.filter((one) => can(one, "restore") && (moment(one, "undoUntil") || 0) > now));
  if (back.length === 0) return null;
  return h("section", { class: "section", key: "removed", "data-section": "removed" }, h("h2", {}, "Removed, and can be brought back"),
    h("ul", { class: "rows" }, back.map((one) => h("li", { class: "volume", key: one.id, "data-removed": one.name },
      h("div", { class: "volume-main" },
        h("span", { class: "removed-name" }, one.name),
        h("span", { class: "volume-kept muted small" }, "gone for good ", ago(moment(one, "undoUntil"))),
        h("span", { class: "volume-actions" }, button(`Bring ${one.name} back`, () => page.undo(one), { icon: "undo", kind: "quiet" })),
        one.removalNote && h("p", { class: "volume-what small muted" }, one.removalNote.split("; the action")[0]))))));
}

function lostBackups(volumes, page) {
  const there = new Set(volumes.map((one) => one.id));
  const lost = newestFirst([...page.lists.backups.items.values()].filter((one) => !there.has(one.volumeId)));
  if (lost.length === 0) return null;
  return h("section", { class: "section", key: "lost", "data-section": "lost" }, h("h2", {}, "Backups of volumes that are gone"),
    h("ul", { class: "rows" }, lost.map((one) => backupLine(one, null, page))));
}

function backupTargets(page) {
  const targets = page.targets();
  return h("section", { class: "section", key: "targets", "data-section": "targets" },
    h("div", { class: "section-head" }, h("h2", {}, "Backup targets"), button("New target", () => addTarget(), { icon: "plus" })),
    targets.length === 0
      ? h("p", { class: "muted" }, "None. Snapshots are kept on the server itself; a target is a folder on another disk, or a bucket.")
      : h("ul", { class: "rows keys" }, targets.map((one) => targetRow(one, page))));
}

function targetRow(target, page) {
  const held = [...page.lists.backups.items.values()].filter((one) => one.backupTargetId === target.id).length;
  const s3 = target.s3Config;
  return h("li", { class: "key-row", key: target.id, "data-target": target.name },
    h("div", { class: "key-what" }, h("strong", {}, target.name), target.state !== "created" && badge(target)),
    h("div", { class: "small muted" }, s3 ? ["bucket ", h("code", {}, s3.bucket), " at ", h("code", {}, s3.endpoint)] : "a folder of the server",
      ` · ${held === 0 ? "empty" : count(held, "backup")}`, progress(target)),
    h("div", { class: "key-actions" }, can(target, "remove")
      && button(`Remove ${target.name}`, () => removeTarget(target), { icon: "trash", kind: "quiet", compact: true, key: "remove" })));
}

function nothing() {
  return empty({
    art: "volume",
    title: "No volumes",
    text: "A volume keeps data when its containers are replaced. Name one in a compose file, and it appears here.",
  });
}
