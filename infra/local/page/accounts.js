// The accounts to choose from: a new client's, and one in each state that a client can meet.

import { el, emit, listen } from "./dom.js";
import { say } from "./language.js";

export const NEW_ACCOUNT = "88000001";

// The secret of every preset account, which is public: it is the one of RFC 6238.
export const PUBLISHED_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

// The bind code of the preset accounts that need one.
export const BIND_CODE = "12345678";

const PRESETS = [
  "88000089",
  "88000090",
  "88000091",
  "88000092",
  "88000093",
  "88000094",
  "88000095",
  "88000096",
  "88000097",
  "88000098",
  "88000099",
];

export const isPreset = (account) => PRESETS.includes(account);

export function offerAccounts(into) {
  let chosen = NEW_ACCOUNT;
  const show = () => into.replaceChildren(...[NEW_ACCOUNT, ...PRESETS].map(choice));

  function choice(account) {
    const onclick = () => {
      chosen = account;
      emit("account", account);
      show();
      into.querySelector("[aria-pressed=true]").focus();
    };
    const pressed = String(account === chosen);
    return el(
      "button",
      { type: "button", class: "chip", "aria-pressed": pressed, onclick },
      el("code", {}, account),
      el("span", {}, say(`account_${account}`)),
    );
  }

  show();
  listen("language", show);
}
