// What the desktop terminal and the phone app have in common: password, boxes, pass.

import { codeForm } from "./boxes.js";
import { Client } from "./client.js";
import { countdown } from "./clock.js";
import { button, el, field, hear, showIn, tell } from "./dom.js";
import { exchangeList, readable } from "./exchange.js";
import { language, localTime, say } from "./language.js";
import { notice, problemNotice, received, waitEnd, waitLine } from "./notice.js";

const DEMO_PASSWORD = "Demo-Pass-1";

// After these the account is looked up again, and the scene shows what can be done now.
const NOT_WHAT_IT_SEEMED = ["not_bound", "already_bound", "bind_not_started", "bind_expired", "locked", "suspended"];

export class Terminal {
  constructor(root, channel, account) {
    this.screen = root.querySelector(".screen");
    const list = exchangeList(root.querySelector(".wire"));
    this.client = new Client(channel, language, list.add);
    this.account = account;
    this.show(() => this.passwordView());
    hear("language", () => this.show(this.view));
    hear("account", (chosen) => this.logOut(chosen));
    hear("boxes-wanted", ({ account: owner, forms }) => {
      if (owner === this.account && this.form) forms.push(this.form);
    });
  }

  // A view is a function that gives elements, so that it can be shown again in another language;
  // `refused` is the problem that led to it, kept as long as the view is.
  show(view, refused = view === this.view ? this.refused : null) {
    this.view = view;
    this.refused = refused;
    this.form = null;
    showIn(this.screen, view());
  }

  logOut(account = this.account) {
    this.client.logOut();
    this.account = account;
    this.show(() => this.passwordView());
  }

  passwordView() {
    const account = el("input", { value: this.account, autocomplete: "username", spellcheck: "false" });
    const password = el("input", { type: "password", value: DEMO_PASSWORD, autocomplete: "off" });
    const submit = (event) => {
      event.preventDefault();
      this.account = account.value.trim();
      this.logIn(password.value);
    };
    return [
      this.refusal(),
      el(
        "form",
        { class: "stack", onsubmit: submit },
        field(say("account"), account),
        field(say("password"), password),
        el("button", { class: "primary" }, say("log_in")),
      ),
    ];
  }

  // An answer that comes after another account was chosen is nobody's any more: it never arrives.
  async mine(call) {
    const owner = this.account;
    const answer = await call;
    return owner === this.account ? answer : new Promise(() => {});
  }

  async logIn(password) {
    const answer = await this.mine(this.client.logIn(this.account, password));
    if (!answer.ok) return this.refuse(answer.problem);
    tell("logged-in", this.account);
    return this.enter();
  }

  // After the password: boxes where the account is bound, the way to binding where it is not.
  async enter(problem) {
    const answer = await this.mine(this.client.binding());
    if (!answer.ok) return this.refuse(answer.problem);
    this.standing = answer.body;
    this.lockedUntil = answer.body.locked_until && answer.toLocal(answer.body.locked_until);
    const bound = answer.body.state === "bound";
    this.show(() => (bound ? this.boxesView() : this.unboundView()), problem);
    return this.focusBoxes();
  }

  openBoxes(view) {
    this.show(view);
    this.form.focus();
  }

  // The boxes are where to type next, unless somebody is at work elsewhere on the page.
  focusBoxes() {
    const at = document.activeElement;
    if (at === document.body || this.screen.contains(at)) this.form?.focus();
  }

  boxesView() {
    const closed = this.standing.suspended ? "suspended" : this.lockedUntil ? "locked" : null;
    if (closed) return [this.greeting(), this.closedNotices(closed)];
    return [this.greeting(), this.codeStep(say("code"), say("verify"), (code) => this.client.verify(code))];
  }

  // No boxes while locked or suspended, and why. The API's own words for it need none of ours.
  closedNotices(closed) {
    const over = () => this.enter();
    const refusal = this.refusal(over);
    if (refusal && this.refused.code === closed) return [refusal];
    const wait = closed === "locked" ? waitLine(this.lockedUntil, over) : null;
    return [refusal, notice("bad", say(closed), say(`${closed}_detail`), wait)];
  }

  // What the API said last, where it said that in the language that is chosen now.
  refusal(over) {
    return this.refused?.language === language() ? problemNotice(this.refused, over) : null;
  }

  greeting() {
    const logOut = button(say("log_out"), () => this.logOut(), "link");
    return el("p", { class: "who" }, el("span", {}, say("hello", { account: this.account })), logOut);
  }

  // The boxes, and under them what the API says of a code. A wait goes on in every language.
  codeStep(label, action, call) {
    const slot = el("div", { class: "slot" });
    const tellRefusal = () => {
      const over = () => {
        this.refused = null;
        slot.replaceChildren();
      };
      const wait = () => notice("calm", say("wait"), countdown(waitEnd(this.refused), over));
      const told = this.refusal(over) ?? (this.refused?.retry_after ? wait() : "");
      slot.replaceChildren(told);
    };
    const form = codeForm(
      label,
      async (code) => {
        const answer = await this.mine(call(code));
        if (answer.ok) this.show(() => this.passView(answer.body, Date.now(), answer.toLocal(answer.body.pass_expires_at)));
        else this.refuse(answer.problem, form, tellRefusal);
      },
      action,
    );
    tellRefusal();
    form.openedAt = performance.now();
    this.form = form;
    return [form, slot];
  }

  // Each refusal has its own next step; one that is not known is shown, and that is all.
  async refuse(given, form, tellRefusal) {
    const problem = received(given);
    if (problem.status === 401) {
      this.client.logOut();
      return this.show(() => this.passwordView(), problem);
    }
    // The code that uses up the attempts is answered like any wrong one, and yet has changed how things stand.
    const spent = problem.attempts_left === 0;
    if (spent || NOT_WHAT_IT_SEEMED.includes(problem.code)) return this.enter(problem);
    if (!form) return this.show(() => this.refusedView(), problem);
    this.refused = problem;
    tellRefusal();
    return form.clear();
  }

  // Where the client is the wrong one, another try changes nothing.
  refusedView() {
    const next = this.refused.code === "desktop_only" ? "back" : "again";
    return [this.greeting(), this.refusal(), button(say(next), () => this.enter(), "primary")];
  }

  passView(body, at, until) {
    const [, claims] = body.pass.split(".");
    const firstUse = { desktop: say("first_desktop"), mobile: say("first_mobile") }[body.channel];
    return [
      el(
        "div",
        { class: "done", role: "status" },
        el("svg", { viewBox: "0 0 36 36", "aria-hidden": "true" }, el("path", { d: "M9 18.5l6 6 12-13" })),
        el("p", { class: "notice-title" }, body.state === "bound" ? say("bound_now") : say("logged_in")),
        body.channel_first_use ? el("p", {}, firstUse) : null,
      ),
      el(
        "dl",
        { class: "facts" },
        el("dt", {}, say("account")),
        el("dd", {}, this.account),
        el("dt", {}, say("at")),
        el("dd", {}, localTime(new Date(at).toISOString())),
        el("dt", {}, say("pass_left")),
        el("dd", {}, countdown(until)),
      ),
      el(
        "details",
        { class: "exchange" },
        el("summary", {}, el("span", { class: "grow" }, say("pass_claims"))),
        el("pre", { tabindex: 0, role: "group", "aria-label": say("pass_claims") }, readable(decoded(claims))),
      ),
      button(say("log_out"), () => this.logOut()),
    ];
  }
}

// The claims of a pass: JSON in base64url. The trading gateway checks the signature first.
function decoded(part) {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
