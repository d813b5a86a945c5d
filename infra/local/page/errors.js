// Buttons that provoke each error of the contract, and show it raw and as an app would.

import { BIND_CODE, PUBLISHED_SECRET } from "./accounts.js";
import { code } from "./authenticator.js";
import { Client } from "./client.js";
import { el, listen } from "./dom.js";
import { unfoldable } from "./exchange.js";
import { language, say } from "./language.js";
import { problemNotice, received } from "./notice.js";

const PASSWORD = "Demo-Pass-1";
const UNUSED = "88000020";
const CROWDED = "88000019";

const codeOf = (stepsAgo) => code(PUBLISHED_SECRET, Date.now() / 1000 - 30 * stepsAgo);

async function wrongCode() {
  const near = await Promise.all(Array.from({ length: 43 }, (_, index) => codeOf(index - 21)));
  return Array.from({ length: 44 }, (_, index) => String(index).padStart(6, "0")).find((one) => !near.includes(one));
}

// Many calls at once, which a browser cannot make by itself.
async function crowd(client) {
  const { body } = await client.logIn(CROWDED, PASSWORD);
  return client.send("POST", "/crowd", undefined, body.token);
}

// The client, the account and the call that provoke each error.
const PROVOCATIONS = {
  login_required: ["desktop", null, (client) => client.binding()],
  login_invalid: ["desktop", null, (client) => client.send("GET", "/api/binding", undefined, "not.a.token")],
  login_expired: ["desktop", "88000098", (client) => client.binding()],
  desktop_only: ["mobile", UNUSED, (client) => client.bind()],
  malformed_request: ["desktop", "88000091", (client) => client.verify(undefined)],
  malformed_code: ["desktop", "88000091", (client) => client.verify("12345")],
  already_bound: ["desktop", "88000091", (client) => client.bind()],
  bind_code_required: ["desktop", "88000090", (client) => client.bind()],
  bind_code_expired: ["desktop", "88000089", (client) => client.bind(BIND_CODE)],
  bind_not_started: ["desktop", UNUSED, (client) => client.confirm("123456")],
  bind_expired: ["desktop", "88000093", (client) => client.confirm("123456")],
  not_bound: ["mobile", UNUSED, (client) => client.verify("123456")],
  wrong_code: ["mobile", "88000099", async (client) => client.verify(await wrongCode())],
  code_expired: ["mobile", "88000091", async (client) => client.verify(await codeOf(4))],
  code_used: ["mobile", "88000096", async (client) => client.verify(await codeOf(0))],
  locked: ["mobile", "88000094", (client) => client.verify("123456")],
  suspended: ["mobile", "88000095", (client) => client.verify("123456")],
  not_found: ["desktop", null, (client) => client.send("GET", "/api/nothing")],
  too_many_requests: ["desktop", null, (client) => client.send("GET", "/gateway-answers/THROTTLED")],
  busy: ["desktop", null, crowd],
  unavailable: ["mobile", "88000097", (client) => client.verify("123456")],
};

export function offerErrors(root) {
  const choices = root.querySelector(".chips");
  const shown = root.querySelector(".shown");

  async function provoke(name) {
    const [channel, account, call] = PROVOCATIONS[name];
    let last;
    const client = new Client(channel, language, (exchange) => {
      last = exchange;
    });
    if (account) await client.logIn(account, PASSWORD);
    const answer = await call(client);
    const note = answer.ok ? say("went_well") : problemNotice(received(answer.problem));
    shown.replaceChildren(note, unfoldable(last));
    shown.querySelector("details").open = true;
  }

  function show() {
    choices.replaceChildren(
      ...Object.keys(PROVOCATIONS).map((name) =>
        el("button", { type: "button", class: "chip", onclick: () => provoke(name) }, el("code", {}, name)),
      ),
    );
    shown.replaceChildren(el("p", { class: "empty" }, say("choose_error")));
  }

  show();
  listen("language", show);
}
