// Going to another image of a service, or to a newer one of the same name: what is asked, and what is sent.

import { act } from "./api.js";
import { formDialog, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { image } from "./format.js";
import { field, notice } from "./ui.js";

const PULL = "io.rancher.container.pull_image";
const WITHIN = "io.ranchette.upgrade.healthy_within";

/**
 * The strategy of an upgrade, from the service as it is. The same image is pulled again.
 * @param {any} service
 * @param {{image: string, batch: string, first: boolean, within: string}} wanted
 */
export function strategyOf(service, wanted) {
  const given = Object.entries(service.launchConfig).filter(([name, value]) => name !== "version" && name !== "type" && value !== null);
  const launchConfig = Object.fromEntries(given);
  const labels = { ...launchConfig.labels };
  const named = wanted.image.trim();
  if (named === image(launchConfig.imageUuid)) labels[PULL] = "always";
  else launchConfig.imageUuid = /^(docker|sim):/.test(named) ? named : `docker:${named}`;
  delete labels[WITHIN];
  if (wanted.within) labels[WITHIN] = wanted.within;
  return { launchConfig: { ...launchConfig, labels }, batchSize: Number(wanted.batch) || 1, startFirst: wanted.first };
}

/** Asks how, and upgrades a service. `directory` is where the files of its stack lie, if it is bound to one. */
export function upgradeService(service, directory) {
  const { name } = service;
  const labels = service.launchConfig.labels || {};
  return formDialog(`Upgrade ${name}`, "Upgrade", [
    h("p", { class: "muted" }, "New containers replace the old ones, which are kept until you finish the upgrade: until then it can be rolled back."),
    directory && notice("warn", "The files in ", h("code", {}, directory), " stay as they are: to keep another image, change it there."),
    field("Image", h("input", {
      name: "image", required: true, maxlength: "1024", class: "mono", value: image(service.launchConfig.imageUuid), autocomplete: "off",
      autocapitalize: "none", spellcheck: "false",
    }), { hint: "the same name is pulled again, for what is newer behind it" }),
    field("Containers at a time", h("input", { name: "batch", type: "number", min: "1", max: "10000", required: true, value: "1" })),
    h("div", { class: "choices" }, h("label", { class: "check" }, h("input", { type: "checkbox", name: "first", value: "yes" }),
      "Start the new ones before the old ones are stopped")),
    field("Take it back by itself", h("input", {
      name: "within", type: "number", min: "1", max: "86400", value: labels[WITHIN] || "", placeholder: "never",
    }), { hint: "when the new ones are not healthy within so many seconds" }),
  ], async (form) => {
    const wanted = { image: form.get("image"), batch: form.get("batch"), first: form.has("first"), within: form.get("within") };
    await act(service, "upgrade", { inServiceStrategy: strategyOf(service, wanted) });
    toast(`Upgrading ${name}`);
  });
}
