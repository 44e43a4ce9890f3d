// The page for what is not there: an unknown address, or no environment to show.

import { linkButton, empty, heading } from "../ui.js";

const TEXTS = {
  page: {
    title: "There is nothing here",
    text: "The address may be mistyped, or what it named was removed.",
  },
  environment: {
    title: "No environment",
    text: "Your account is not a member of any environment yet. Ask an administrator to add you.",
  },
};

/** @param {any} app @param {{what: "page"|"environment"}} params */
export default function missingPage(app, { what }) {
  const { title, text } = TEXTS[what];
  return {
    title,
    view: () => [
      heading(title),
      empty({
        art: "stacks",
        title,
        text,
        action: what === "page" ? linkButton("To the stacks", "#/stacks", { kind: "primary" }) : null,
      }),
    ],
  };
}
