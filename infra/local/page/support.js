// The support desk: three Lambda functions, invoked as staff do from their console.

import { Client } from "./client.js";
import { button, el, field, hear, showIn } from "./dom.js";
import { exchangeList } from "./exchange.js";
import { byWhom, happening, language, localTime, say } from "./language.js";
import { notice, problemNotice } from "./notice.js";

const REASONS = ["lost_device", "new_device", "deleted_token", "suspected_compromise", "other"];
const PAGE = 10;

const CHANGES = ["unbound", "unlocked"];
const MOST_LOOKS = 8;
const BETWEEN_LOOKS = 400; // Milliseconds.

// What each field takes, in our own words: the function knows one language alone.
const RULES = { account: "rule_account", operator: "rule_name", ticket: "rule_name" };

export class Support {
  constructor(root, account) {
    this.screen = root.querySelector(".screen");
    const list = exchangeList(root.querySelector(".wire"));
    this.wire = new Client("support", language, list.add);
    this.asked = { account, operator: "desk-01", ticket: "", reason: REASONS[0] };
    this.found = this.said = null;
    this.asking = false;
    this.show();
    hear("language", () => this.show());
    hear("account", (chosen) => {
      this.asked.account = chosen;
      this.found = this.said = null;
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
      this.asked[name] = event.target.value;
    };
    return el("input", { value: this.asked[name], oninput, autocomplete: "off", spellcheck: "false" });
  }

  async run(name) {
    const { operator, ticket, reason } = this.asked;
    // An errand is for the account that is shown, whatever has been typed since.
    const account = name === "lookup" ? this.asked.account : this.found.account;
    const events = {
      lookup: { account, operator, limit: PAGE },
      unbind: { account, operator, ticket, reason },
      unlock: { account, operator, ticket },
    };
    const answer = await this.invoke(name, events[name]);
    this.asking = false;
    const done = answer.ok && !["invalid", "unavailable"].includes(answer.body.outcome);
    this.said = answer;
    if (name === "lookup") this.found = done ? answer.body : null;
    else if (done) await this.untilTold(answer.body.outcome);
    this.show();
  }

  // The audit trail follows a change within moments: look again until it tells of it, and not for ever.
  async untilTold(outcome) {
    const newest = () => this.found?.history[0];
    const before = newest()?.event_id;
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      await this.refresh();
      if (!CHANGES.includes(outcome)) return;
      // What happened just before the change may come first.
      if (newest()?.type === outcome && newest().event_id !== before) return;
      await new Promise((over) => setTimeout(over, BETWEEN_LOOKS));
    }
  }

  async refresh() {
    if (!this.found) return;
    const { operator } = this.asked;
    const { account } = this.found;
    const answer = await this.invoke("lookup", { account, operator, limit: PAGE });
    if (answer.body?.outcome === "found" && this.found?.account === account) this.found = answer.body;
    this.show();
  }

  invoke(name, event) {
    return this.wire.send("POST", `/2015-03-31/functions/totp-binding-local-${name}/invocations`, event);
  }

  // What came of it, where there is something to tell.
  outcome() {
    if (!this.said) return null;
    const { body, ok, problem } = this.said;
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
    if (!found) return this.said ? [] : [el("p", { class: "empty" }, say("desk_lead"))];
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
      this.asking ? this.question() : this.errands(),
      el("div", { class: "who" }, el("h3", {}, say("history")), button(say("refresh"), () => this.refresh(), "link")),
      this.timeline(),
    ];
  }

  errands() {
    const onchange = (event) => {
      this.asked.reason = event.target.value;
    };
    const options = REASONS.map((reason) => {
      const selected = reason === this.asked.reason;
      return el("option", { value: reason, selected }, say(`reason_${reason}`));
    });
    const ticket = field(say("ticket"), this.input("ticket"));
    const reason = field(say("reason"), el("select", { onchange }, options));
    // Asking whether they are sure of what will be refused anyway helps nobody.
    const ask = () => {
      this.asking = this.asked.ticket.trim() !== "";
      this.said = this.asking ? null : { ok: true, body: { outcome: "invalid", errors: [{ field: "ticket" }] } };
      this.show();
    };
    const unbind = this.form("unbind", say("unbind"), "danger", [ticket, reason], ask);
    const unlock = button(say("unlock"), () => this.run("unlock"));
    unbind.append(unlock);
    return unbind;
  }

  // An unbinding cannot be taken back: whose it is stands there once more, and somebody says yes.
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
    const { operator } = this.asked;
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
    el("span", { class: "what" }, happening(event.type)),
    el("time", { datetime: event.at }, localTime(event.at)),
    el("span", { class: "by" }, byWhom(event)),
  );
}
