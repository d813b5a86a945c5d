// The support desk, which invokes the support functions as support staff do.

import { Client } from "./client.js";
import { button, el, field, listen, showIn } from "./dom.js";
import { exchangeList } from "./exchange.js";
import { eventSource, eventName, language, localTime, say } from "./language.js";
import { notice, problemNotice } from "./notice.js";

const REASONS = [
  "lost_device",
  "new_device",
  "deleted_token",
  "suspected_compromise",
  "account_closed",
  "other",
];
const PAGE = 10;

const CHANGES = ["unbound", "unlocked", "invited"];

// Outcomes that people must not overlook.
const LOUD = ["unavailable", "waiting", "nothing_to_approve"];
const MAX_LOOKUPS = 8;
const LOOKUP_INTERVAL = 400; // Milliseconds.

// The rule of each field in the page's words, since the functions answer in English only.
const RULES = { account: "rule_account", operator: "rule_name", ticket: "rule_name" };

export class Support {
  constructor(root, account) {
    this.screen = root.querySelector(".screen");
    const list = exchangeList(root.querySelector(".wire"));
    this.wire = new Client("support", language, list.add);
    this.entered = { account, operator: "desk-01", ticket: "", reason: REASONS[0] };
    this.found = this.answer = null;
    this.asking = false;
    this.show();
    listen("language", () => this.show());
    listen("account", (chosen) => {
      this.entered.account = chosen;
      this.found = this.answer = null;
      this.asking = false;
      this.show();
    });
  }

  show() {
    showIn(this.screen, [this.lookupForm(), this.outcome(), this.file()]);
  }

  lookupForm() {
    const fields = [field(say("account"), this.input("account")), field(say("operator"), this.input("operator"))];
    return this.form("lookup", say("look_up"), "primary", fields, () => this.run("lookup"));
  }

  form(name, action, kind, fields, submit) {
    const onsubmit = (event) => {
      event.preventDefault();
      submit();
    };
    return el(
      "form",
      { class: `stack ${name}`, novalidate: true, onsubmit },
      fields,
      el("button", { class: kind }, action),
    );
  }

  input(name) {
    const oninput = (event) => {
      this.entered[name] = event.target.value;
    };
    return el("input", { value: this.entered[name], oninput, autocomplete: "off", spellcheck: "false" });
  }

  async run(name, ticket = this.entered.ticket) {
    const { operator, reason } = this.entered;
    // A change concerns the account that is shown, not one that has been typed since.
    const account = name === "lookup" ? this.entered.account : this.found.account;
    const events = {
      lookup: { account, operator, limit: PAGE },
      unbind: { account, operator, ticket, reason },
      invite: { account, operator, ticket },
      approve: { account, operator, ticket },
      unlock: { account, operator, ticket },
    };
    const answer = await this.invoke(name, events[name]);
    this.asking = false;
    const done = answer.ok && !["invalid", "unavailable"].includes(answer.body.outcome);
    this.answer = answer;
    if (name === "lookup") this.found = done ? answer.body : null;
    else if (done) await this.waitForAudit(answer.body.repeated ? "repeated" : answer.body.outcome);
    this.show();
  }

  // Look the account up until the audit trail shows the change, a limited number of times.
  async waitForAudit(outcome) {
    const newest = () => this.found?.history[0];
    const before = newest()?.event_id;
    for (let lookups = 0; lookups < MAX_LOOKUPS; lookups += 1) {
      await this.refresh();
      if (!CHANGES.includes(outcome)) return;
      // An event from just before the change may appear first.
      if (newest()?.type === outcome && newest().event_id !== before) return;
      await new Promise((over) => setTimeout(over, LOOKUP_INTERVAL));
    }
  }

  async refresh() {
    if (!this.found) return;
    const { operator } = this.entered;
    const { account } = this.found;
    const answer = await this.invoke("lookup", { account, operator, limit: PAGE });
    if (answer.body?.outcome === "found" && this.found?.account === account) this.found = answer.body;
    this.show();
  }

  invoke(name, event) {
    return this.wire.send("POST", `/2015-03-31/functions/totp-binding-local-${name}/invocations`, event);
  }

  // Return the message for the latest answer, if it needs one.
  outcome() {
    if (!this.answer) return null;
    const { body, ok, problem } = this.answer;
    if (!ok) return problemNotice(problem);
    if (body.outcome === "found") return null;
    if (body.outcome === "invalid") {
      const problems = body.errors.map(({ field: name, problem }) =>
        el("li", {}, name in RULES ? `${say(name)} · ${say(RULES[name])}` : `${name}: ${problem}`),
      );
      return notice("bad", say("invalid"), el("ul", {}, problems));
    }
    if (body.repeated) return repeated(body);
    // An account that was not bound may get a bind code too, and then cannot be bound without it.
    const next = body.outcome === "not_bound" && body.bind_code ? "invited" : body.outcome;
    return notice(
      LOUD.includes(body.outcome) ? "bad" : "good",
      say(`outcome_${body.outcome}`),
      say(`outcome_${next}_detail`, { until: localTime(body.expires_at) }),
      body.bind_code ? bindCode(body) : null,
    );
  }

  // Say what is unusual about the account before anybody changes it.
  remark() {
    const { state, known } = this.found;
    const key = state === "unreadable" ? "unreadable" : known ? null : "unknown";
    return key && notice("bad", say(key), say(`${key}_detail`));
  }

  // List the requests that wait, each with a button for another operator.
  waiting() {
    const { waiting } = this.found;
    if (!waiting.length) return null;
    const row = ({ ticket, operator, request, reason, expires_at: until }) =>
      el(
        "li",
        {},
        [say(`request_${request}`), ticket, operator, reason && say(`reason_${reason}`), localTime(until)]
          .filter(Boolean)
          .join(" · "),
        button(say("approve"), () => this.run("approve", ticket)),
      );
    return notice("calm", say("waiting_requests"), el("ul", { class: "waiting" }, waiting.map(row)));
  }

  file() {
    const { found } = this;
    if (!found) return this.answer ? [] : [el("p", { class: "empty" }, say("desk_lead"))];
    const fact = (label, value) => [el("dt", {}, label), el("dd", {}, value)];
    const standing = found.suspended ? "suspended" : found.locked_until ? "locked" : found.state;
    const state = el("span", { class: `state ${standing}` }, say(`state_${standing}`));
    return [
      el(
        "dl",
        { class: "facts" },
        ...fact(say("account"), found.account),
        ...fact(say("standing"), state),
        ...fact(say("bound_at"), localTime(found.bound_at)),
        ...fact(say("desktop_since"), localTime(found.channels.desktop)),
        ...fact(say("mobile_since"), localTime(found.channels.mobile)),
        ...fact(say("failures"), String(found.failures)),
        ...fact(say("month_failures"), String(found.month_failures)),
        ...(found.locked_until ? fact(say("locked_until"), localTime(found.locked_until)) : []),
      ),
      this.remark(),
      this.waiting(),
      this.asking ? this.question() : this.changeForm(),
      el("div", { class: "who" }, el("h3", {}, say("history")), button(say("refresh"), () => this.refresh(), "link")),
      this.timeline(),
    ];
  }

  changeForm() {
    const onchange = (event) => {
      this.entered.reason = event.target.value;
    };
    const options = REASONS.map((reason) => {
      const selected = reason === this.entered.reason;
      return el("option", { value: reason, selected }, say(`reason_${reason}`));
    });
    const ticket = field(say("ticket"), this.input("ticket"));
    const reason = field(say("reason"), el("select", { onchange }, options));
    // Ask for confirmation only if the function would accept the event.
    const ask = () => {
      this.asking = this.entered.ticket.trim() !== "";
      this.answer = this.asking ? null : { ok: true, body: { outcome: "invalid", errors: [{ field: "ticket" }] } };
      this.show();
    };
    const unbind = this.form("unbind", say("unbind"), "danger", [ticket, reason], ask);
    const invite = button(say("invite"), () => this.run("invite"));
    const unlock = button(say("unlock"), () => this.run("unlock"));
    unbind.append(unlock, invite);
    return unbind;
  }

  // An unbinding cannot be undone: show the account again and ask for confirmation.
  question() {
    const { account, bound_at: boundAt } = this.found;
    const no = () => {
      this.asking = false;
      this.show();
    };
    return notice(
      "calm",
      say("sure", { account }),
      boundAt ? `${say("bound_at")} ${localTime(boundAt)}` : null,
      this.entered.reason === "suspected_compromise" ? say("password_first") : null,
      el(
        "div",
        { class: "errands" },
        button(say("unbind_now"), () => this.run("unbind"), "danger"),
        button(say("cancel"), no),
      ),
    );
  }

  timeline() {
    const { history } = this.found;
    if (!history.length) return el("p", { class: "empty" }, say("no_history"));
    const list = el("ol", { class: "timeline" }, history.map(entry));
    const more = button(say("earlier"), () => this.earlier(history.at(-1).event_id), "link");
    return el("div", {}, list, history.length % PAGE ? null : more);
  }

  async earlier(before) {
    const { operator } = this.entered;
    const { account } = this.found;
    const answer = await this.invoke("lookup", { account, operator, before, limit: PAGE });
    if (answer.body?.outcome !== "found" || this.found?.account !== account) return;
    this.found.history.push(...answer.body.history);
    this.show();
    if (!answer.body.history.length) this.screen.querySelector(".timeline + .link").remove();
  }
}

// An answer that was given before: nothing has changed now, and the account may have moved on.
function repeated({ outcome, state, bind_code_expires_at: until }) {
  return notice(
    "bad",
    say("repeated"),
    say("repeated_detail", { outcome: say(`outcome_${outcome}`), state: say(`state_${state}`) }),
    until ? say("repeated_code") : null,
  );
}

// The bind code, large enough to be read out, and only in this answer.
function bindCode({ bind_code: code, bind_code_expires_at: until }) {
  return el(
    "div",
    {},
    el("p", {}, el("code", { class: "read-out" }, `${code.slice(0, 4)} ${code.slice(4)}`)),
    el("p", {}, `${say("read_out")} ${say("good_until", { until: localTime(until) })}`),
  );
}

function entry(event) {
  return el(
    "li",
    { class: event.type },
    el("span", { class: "what" }, eventName(event.type)),
    el("time", { datetime: event.at }, localTime(event.at)),
    el("span", { class: "by" }, eventSource(event)),
  );
}
