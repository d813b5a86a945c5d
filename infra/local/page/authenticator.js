// A demo authenticator, for people without a phone. A real one keeps its keys on the phone. This one
// keeps them in the page, so it is no second factor.

import { isPreset, PUBLISHED_SECRET } from "./accounts.js";
import { ring } from "./clock.js";
import { button, el, emit, listen } from "./dom.js";
import { say } from "./language.js";

const STEP = 30;
const SLOW_SECONDS = 120;
const STORAGE_KEY = "totp-binding demo authenticator";

export function demoAuthenticator(root, toggle) {
  let { on, keys } = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? '{"on": false, "keys": {}}');
  let slow = false;

  function save() {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ on, keys }));
    show();
  }

  function add({ account, issuer, secret }) {
    const { [account]: _, ...others } = keys;
    keys = { [account]: { issuer, secret }, ...others };
    save();
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

  // Return the code form of this account that was opened last.
  function newestForm(account) {
    const forms = [];
    emit("boxes-wanted", { account, forms });
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
    save();
  });
  listen("key", add);
  listen("logged-in", (account) => {
    if (isPreset(account) && !keys[account]) add({ account, issuer: say("published"), secret: PUBLISHED_SECRET });
  });
  listen("language", show);
  setInterval(codes, 500);
  show();
}

// Return a TOTP code (RFC 6238, RFC 4226 section 5.3): six digits of the HMAC-SHA-1 of the step.
export async function code(secret, seconds) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(seconds / STEP)));
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", base32(secret), algorithm, false, ["sign"]);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter));
  const binary = mac.getUint32(mac.getUint8(19) & 0xf) & 0x7fffffff;
  return String(binary % 1_000_000).padStart(6, "0");
}

// Decode Base32 (RFC 4648 section 6) without padding.
function base32(text) {
  const bits = [...text].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter));
  const joined = bits.map((five) => five.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(joined.match(/.{8}/g), (eight) => parseInt(eight, 2));
}
