// What happens, as it happens: audit events and notifications, newest first.

import { el, hear } from "./dom.js";
import { readable } from "./exchange.js";
import { byWhom, happening, localTime, say } from "./language.js";

const EVERY = 1_500; // Milliseconds.
const SHOWN = 60;

export function startFeed(root) {
  const list = root.querySelector("ol");
  const empty = root.querySelector(".empty");
  let events = [];
  let position = 0;

  function show() {
    empty.hidden = events.length > 0;
    const open = new Set([...list.querySelectorAll("details[open]")].map((each) => each.dataset.position));
    list.replaceChildren(...events.map((event) => row(event, open.has(String(event.position)))));
  }

  async function ask() {
    try {
      const response = await fetch(`/feed?after=${position}`, { cache: "no-store" });
      const news = (await response.json()).events;
      if (news.length) {
        // After a restart the count begins anew, and what was shown is of another world.
        const before = news[0].position > position ? events : [];
        position = news.at(-1).position;
        events = [...news.reverse(), ...before].slice(0, SHOWN);
        show();
      }
    } catch {
      // The service has stopped; it may come back.
    }
  }

  hear("language", show);
  ask();
  setInterval(() => document.hidden || ask(), EVERY);
}

function row({ position, kind, document: event }, open) {
  const text = happening(event.type);
  return el(
    "li",
    {},
    el(
      "details",
      { class: "news", "data-position": position, open },
      el(
        "summary",
        {},
        el("span", { class: `kind ${kind}` }, say(`kind_${kind}`)),
        el("time", {}, localTime(event.at)),
        el("code", {}, event.account ?? ""),
        el("span", { class: "what" }, text),
        el("span", { class: "by" }, byWhom(event)),
      ),
      el("pre", { tabindex: 0, role: "group", "aria-label": text }, readable(event)),
    ),
  );
}
