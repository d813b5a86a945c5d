// Starts all parts of the page.

import { NEW_ACCOUNT, offerAccounts } from "./accounts.js";
import { demoAuthenticator } from "./authenticator.js";
import { Desktop } from "./desktop.js";
import { listen } from "./dom.js";
import { offerErrors } from "./errors.js";
import { startFeed } from "./feed.js";
import { choose, language, translatePage } from "./language.js";
import { Phone } from "./phone.js";
import { Support } from "./support.js";

const part = (id) => document.getElementById(id);

function languageButtons() {
  for (const each of document.querySelectorAll("[data-language]")) {
    each.setAttribute("aria-pressed", String(each.dataset.language === language()));
  }
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", () => choose(each.dataset.language));
}
listen("language", languageButtons);

translatePage();
languageButtons();
offerAccounts(part("accounts"));
demoAuthenticator(part("authenticator"), part("authenticator-switch"));
new Desktop(part("desktop"), NEW_ACCOUNT);
new Phone(part("phone"), NEW_ACCOUNT);
new Support(part("support"), NEW_ACCOUNT);
offerErrors(part("errors"));
startFeed(part("feed"));
