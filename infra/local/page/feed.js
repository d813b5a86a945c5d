// The live feed of audit events and notifications, newest first.

import { el, listen } from "./dom.js";
import { readable } from "./exchange.js";
import { eventSource, eventName, localTime, say } from "./language.js";

const POLL_INTERVAL = 1_500; // Milliseconds.
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

  async function poll() {
    try {
      const response = await fetch(`/feed?after=${position}`, { cache: "no-store" });
      const news = (await response.json()).events;
      if (news.length) {
        // Positions start at 1 again after a restart, and the events shown are of the earlier run.
        const before = news[0].position > position ? events : [];
        position = news.at(-1).position;
        events = [...news.reverse(), ...before].slice(0, SHOWN);
        show();
      }
    } catch {
      // The service is not running; try again at the next poll.
    }
  }

  listen("language", show);
  poll();
  setInterval(() => document.hidden || poll(), POLL_INTERVAL);
}

function row({ position, kind, document: event }, open) {
  const text = eventName(event.type);
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
        el("span", { class: "by" }, eventSource(event)),
      ),
      el("pre", { tabindex: 0, role: "group", "aria-label": text }, readable(event)),
    ),
  );
}
