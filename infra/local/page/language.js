// The language that people chose; words/ has one file for each.

import { tell } from "./dom.js";
import en from "./words/en.js";
import simplified from "./words/zh-CN.js";
import traditional from "./words/zh-HK.js";

export const LANGUAGES = { "zh-CN": simplified, "zh-HK": traditional, en };

const KEPT_AS = "totp-binding language";

let chosen = localStorage.getItem(KEPT_AS);
if (!(chosen in LANGUAGES)) chosen = suggested();

export const language = () => chosen;

export function choose(tag) {
  chosen = tag;
  localStorage.setItem(KEPT_AS, tag);
  translatePage();
  tell("language");
}

// The words of a key, with {names} filled in.
export function say(key, values = {}) {
  const words = LANGUAGES[chosen][key];
  if (words === undefined) throw new Error(`no words for ${key} in ${chosen}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What index.html says by itself: elements name the key of their words.
export function translatePage() {
  document.documentElement.lang = chosen;
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of document.querySelectorAll("[data-say-label]")) {
    element.setAttribute("aria-label", say(element.dataset.sayLabel));
  }
}

// What an event was; one that we have no words for goes by its own name.
export function happening(type) {
  return LANGUAGES[chosen][`event_${type}`] ?? String(type);
}

// Through whom it came: a client by channel and address, or support by operator and ticket.
export function byWhom({ channel, operator, ticket, reason, address }) {
  const who = operator ?? (channel ? say(`channel_${channel}`) : null);
  return [who, ticket, reason ? say(`reason_${reason}`) : null, address].filter(Boolean).join(" · ");
}

// A time of the API for people here, without the date where it is today's; a dash for none.
export function localTime(rfc3339) {
  if (!rfc3339) return "–";
  const at = new Date(rfc3339);
  const today = at.toDateString() === new Date().toDateString();
  const style = today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(chosen, { ...style, hourCycle: "h23" }).format(at);
}

function suggested() {
  for (const tag of navigator.languages) {
    if (/^en\b/i.test(tag)) return "en";
    if (/^zh-(hk|tw|mo|hant)\b/i.test(tag)) return "zh-HK";
    if (/^zh\b/i.test(tag)) return "zh-CN";
  }
  return "zh-CN";
}
