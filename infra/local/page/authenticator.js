// A demo authenticator, for those without a phone at hand. A real one keeps its keys on the phone;
// this one keeps them in the page, which makes it worthless as a second factor.

import { isPreset, PUBLISHED_SECRET } from "./accounts.js";
import { ring } from "./clock.js";
import { button, el, hear, tell } from "./dom.js";
import { say } from "./language.js";

const STEP = 30;
const SLOW_SECONDS = 120;
const KEPT_AS = "totp-binding demo authenticator";

export function demoAuthenticator(root, toggle) {
  let { on, keys } = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? '{"on": false, "keys": {}}');
  let slow = false;

  function keep() {
    sessionStorage.setItem(KEPT_AS, JSON.stringify({ on, keys }));
    show();
  }

  function add({ account, issuer, secret }) {
    const { [account]: _, ...others } = keys;
    keys = { [account]: { issuer, secret }, ...others };
    keep();
  }

  function show() {
    toggle.setAttribute("aria-checked", String(on));
    root.hidden = !on;
    const entries = Object.entries(keys).map(([account, key]) => entry(account, key));
    const empty = el("p", { class: "empty" }, say("no_keys"));
    root.querySelector(".entries").replaceChildren(...(entries.length ? entries : [empty]));
    const onchange = (event) => {
      slow = event.target.checked;
      show();
    };
    const box = el("input", { type: "checkbox", id: "slow", checked: slow, onchange });
    root.querySelector(".slow").replaceChildren(box, el("label", { for: "slow" }, say("slow")));
    codes();
  }

  function entry(account, { issuer }) {
    const type = async () => {
      const shown = await code(keys[account].secret, now());
      newestForm(account)?.enter(shown);
    };
    return el(
      "div",
      { class: "entry", "data-account": account },
      el("span", { class: "entry-name" }, `${issuer} · ${account}`),
      el("output", { class: "entry-code" }, ""),
      ring(say("ring")),
      button(say("type_it"), type),
    );
  }

  // The boxes that a code of this account goes into: of several open ones, those opened last.
  function newestForm(account) {
    const forms = [];
    tell("boxes-wanted", { account, forms });
    return forms.sort((one, other) => other.openedAt - one.openedAt)[0];
  }

  const now = () => Math.floor(Date.now() / 1000) - (slow ? SLOW_SECONDS : 0);

  async function codes() {
    for (const each of root.querySelectorAll(".entry")) {
      const shown = await code(keys[each.dataset.account].secret, now());
      const text = `${shown.slice(0, 3)} ${shown.slice(3)}`;
      const output = each.querySelector("output");
      if (output.textContent !== text) output.textContent = text;
    }
  }

  toggle.addEventListener("click", () => {
    on = !on;
    keep();
  });
  hear("key", add);
  hear("logged-in", (account) => {
    if (isPreset(account) && !keys[account]) add({ account, issuer: say("published"), secret: PUBLISHED_SECRET });
  });
  hear("language", show);
  setInterval(codes, 500);
  show();
}

// RFC 6238 over RFC 4226, section 5.3: six digits of an HMAC-SHA-1 of the step.
export async function code(secret, seconds) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(seconds / STEP)));
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", base32(secret), algorithm, false, ["sign"]);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter));
  const binary = mac.getUint32(mac.getUint8(19) & 0xf) & 0x7fffffff;
  return String(binary % 1_000_000).padStart(6, "0");
}

// RFC 4648 section 6, without padding.
function base32(text) {
  const bits = [...text].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter));
  const joined = bits.map((five) => five.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(joined.match(/.{8}/g), (eight) => parseInt(eight, 2));
}
