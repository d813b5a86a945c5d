// API calls as lists that unfold: requests and responses with their headers.

import { el } from "./dom.js";
import { say } from "./language.js";

const KEPT = 8;
const LONGEST = 160;

// Return a list of the latest exchanges, newest first. Pass its `add` to a Client as `watch`.
export function exchangeList(into) {
  const list = el("ol", { class: "exchanges" });
  into.append(list);
  list.add = (exchange) => {
    list.prepend(el("li", {}, unfoldable(exchange)));
    while (list.children.length > KEPT) list.lastElementChild.remove();
  };
  return list;
}

export function unfoldable({ method, path, sent, answer }) {
  const code = answer.problem?.code ?? answer.body?.outcome;
  return el(
    "details",
    { class: "exchange" },
    el(
      "summary",
      {},
      el("span", { class: "call" }, `${method} ${path.replace("/2015-03-31/functions/", "… /")}`),
      el("span", { class: `status ${answer.ok ? "good" : "bad"}` }, String(answer.status || "–")),
      code ? el("code", {}, code) : null,
    ),
    wire(say("sent"), `${method} ${path}`, Object.entries(sent.headers), sent.body),
    wire(say("answered"), String(answer.status), answer.headers, answer.body),
  );
}

function wire(title, firstLine, headers, body) {
  const lines = [firstLine, ...headers.map(([name, value]) => `${name}: ${shortened(value)}`)];
  if (body !== undefined && body !== null && body !== "") lines.push("", readable(body));
  return el(
    "figure",
    {},
    el("figcaption", {}, title),
    el("pre", { tabindex: 0, role: "group", "aria-label": title }, lines.join("\n")),
  );
}

export function readable(body) {
  const shorten = (_, value) => (typeof value === "string" ? shortened(value) : value);
  return typeof body === "string" ? body : JSON.stringify(body, shorten, 2);
}

// Shorten tokens, passes and pictures; their beginnings are enough to recognise them.
function shortened(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length})` : text;
}
