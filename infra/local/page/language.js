// The chosen language. words/ has one file for each language.

import { emit } from "./dom.js";
import en from "./words/en.js";
import simplified from "./words/zh-CN.js";
import traditional from "./words/zh-HK.js";

export const LANGUAGES = { "zh-CN": simplified, "zh-HK": traditional, en };

const STORAGE_KEY = "totp-binding language";

let chosen = localStorage.getItem(STORAGE_KEY);
if (!(chosen in LANGUAGES)) chosen = suggested();

export const language = () => chosen;

export function choose(tag) {
  chosen = tag;
  localStorage.setItem(STORAGE_KEY, tag);
  translatePage();
  emit("language");
}

// Return the words of a key, with {placeholders} filled in.
export function say(key, values = {}) {
  const words = LANGUAGES[chosen][key];
  if (words === undefined) throw new Error(`no words for ${key} in ${chosen}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Translate index.html, whose elements name the keys of their words.
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

// Return the words for a type of event, or the type itself if there are none.
export function eventName(type) {
  return LANGUAGES[chosen][`event_${type}`] ?? String(type);
}

// Return the source of an event: a client's channel and address, or support's operator and ticket.
export function eventSource({ channel, operator, operator_proved: proved, ticket, reason, address }) {
  const who = (proved ? operator.split("/").at(-1) : operator) ?? (channel ? say(`channel_${channel}`) : null);
  return [who, ticket, reason ? say(`reason_${reason}`) : null, address].filter(Boolean).join(" · ");
}

// Format a time of the API in local time, without the date if it is today. No time is a dash.
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
