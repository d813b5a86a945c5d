// Messages to people: the API's own words for errors, the page's words for everything else.

import { countdown } from "./clock.js";
import { el } from "./dom.js";
import { language, say } from "./language.js";

export function notice(kind, title, ...more) {
  return el(
    "div",
    { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" },
    el("p", { class: "notice-title" }, title),
    more.filter(Boolean).map((each) => (typeof each === "string" ? el("p", {}, each) : each)),
  );
}

export function waitLine(until, over) {
  return el("p", { class: "wait" }, say("wait"), countdown(until, over));
}

// Return the end of the wait that an error asks for, in milliseconds of this machine's clock.
export const waitEnd = (problem) => problem.at + problem.retry_after * 1000;

// The errors whose request number customer service asks for.
const NUMBERED = ["malformed_request", "unavailable"];

// Return the message for an error. If it asks for a wait, count down and call `over` at the end.
export function problemNotice(problem, over) {
  const number = NUMBERED.includes(problem.code)
    ? el("span", {}, `${say("request_number")} ${problem.request_id}`)
    : null;
  return notice(
    "bad",
    problem.title ?? say(problem.status === 401 ? "wrong_password" : "offline"),
    problem.detail ?? (problem.status === 401 ? null : say("offline_detail")),
    problem.retry_after ? waitLine(waitEnd(problem), over) : null,
    problem.type ? el("p", { class: "fine" }, el("code", {}, `${problem.status} ${problem.code}`), number) : null,
  );
}

// Return a problem with its time, for the countdown, and its language.
export function received(problem) {
  return { ...problem, at: Date.now(), language: language() };
}
