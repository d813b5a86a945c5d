// The support desk, which invokes three Lambda functions as support staff do.

import { Client } from "./client.js";
import { button, el, field, listen, showIn } from "./dom.js";
import { exchangeList } from "./exchange.js";
import { eventSource, eventName, language, localTime, say } from "./language.js";
import { notice, problemNotice } from "./notice.js";

const REASONS = ["lost_device", "new_device", "deleted_token", "suspected_compromise", "other"];
const PAGE = 10;

const CHANGES = ["unbound", "unlocked"];
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

  async run(name) {
    const { operator, ticket, reason } = this.entered;
    // A change concerns the account that is shown, not one that has been typed since.
    const account = name === "lookup" ? this.entered.account : this.found.account;
    const events = {
      lookup: { account, operator, limit: PAGE },
      unbind: { account, operator, ticket, reason },
      unlock: { account, operator, ticket },
    };
    const answer = await this.invoke(name, events[name]);
    this.asking = false;
    const done = answer.ok && !["invalid", "unavailable"].includes(answer.body.outcome);
    this.answer = answer;
    if (name === "lookup") this.found = done ? answer.body : null;
    else if (done) await this.waitForAudit(answer.body.outcome);
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
    const kind = body.outcome === "unavailable" ? "bad" : "good";
    return notice(kind, say(`outcome_${body.outcome}`), say(`outcome_${body.outcome}_detail`));
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
        ...(found.locked_until ? fact(say("locked_until"), localTime(found.locked_until)) : []),
      ),
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
    const unlock = button(say("unlock"), () => this.run("unlock"));
    unbind.append(unlock);
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

function entry(event) {
  return el(
    "li",
    { class: event.type },
    el("span", { class: "what" }, eventName(event.type)),
    el("time", { datetime: event.at }, localTime(event.at)),
    el("span", { class: "by" }, eventSource(event)),
  );
}
