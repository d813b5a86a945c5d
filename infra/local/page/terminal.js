// The common parts of the desktop terminal and the phone app: password, boxes, pass.

import { codeForm } from "./boxes.js";
import { Client } from "./client.js";
import { countdown } from "./clock.js";
import { button, el, emit, field, listen, showIn } from "./dom.js";
import { exchangeList, readable } from "./exchange.js";
import { language, localTime, say } from "./language.js";
import { notice, problemNotice, received, waitEnd, waitLine } from "./notice.js";

const DEMO_PASSWORD = "Demo-Pass-1";

// After these errors the scene gets the account's status again, since its own was wrong.
const STATUS_OUTDATED = ["not_bound", "already_bound", "bind_not_started", "bind_expired", "locked", "suspended"];

export class Terminal {
  constructor(root, channel, account) {
    this.screen = root.querySelector(".screen");
    const list = exchangeList(root.querySelector(".wire"));
    this.client = new Client(channel, language, list.add);
    this.account = account;
    this.show(() => this.passwordView());
    listen("language", () => this.show(this.view));
    listen("account", (chosen) => this.logOut(chosen));
    listen("boxes-wanted", ({ account: owner, forms }) => {
      if (owner === this.account && this.form) forms.push(this.form);
    });
  }

  // A view is a function that returns elements, so that it can be shown again in another language.
  // `refused` is the problem that led to it, and is kept as long as the view.
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

  // Wait for an answer. It never arrives if another account is chosen meanwhile.
  async forAccount(call) {
    const owner = this.account;
    const answer = await call;
    return owner === this.account ? answer : new Promise(() => {});
  }

  async logIn(password) {
    const answer = await this.forAccount(this.client.logIn(this.account, password));
    if (!answer.ok) return this.refuse(answer.problem);
    emit("logged-in", this.account);
    return this.enter();
  }

  // After the password: show the boxes if the account is bound, and the way to bind if not.
  async enter(problem) {
    const answer = await this.forAccount(this.client.binding());
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

  // Focus the boxes, unless the focus is in another part of the page.
  focusBoxes() {
    const at = document.activeElement;
    if (at === document.body || this.screen.contains(at)) this.form?.focus();
  }

  boxesView() {
    const closed = this.standing.suspended ? "suspended" : this.lockedUntil ? "locked" : null;
    if (closed) return [this.greeting(), this.closedNotices(closed)];
    return [this.greeting(), this.codeStep(say("code"), say("verify"), (code) => this.client.verify(code))];
  }

  // Explain why there are no boxes while locked or suspended, in the API's words if it gave any.
  closedNotices(closed) {
    const over = () => this.enter();
    const refusal = this.refusal(over);
    if (refusal && this.refused.code === closed) return [refusal];
    const wait = closed === "locked" ? waitLine(this.lockedUntil, over) : null;
    return [refusal, notice("bad", say(closed), say(`${closed}_detail`), wait)];
  }

  // Return the API's latest error if it is in the language that is chosen now.
  refusal(over) {
    return this.refused?.language === language() ? problemNotice(this.refused, over) : null;
  }

  greeting() {
    const logOut = button(say("log_out"), () => this.logOut(), "link");
    return el("p", { class: "who" }, el("span", {}, say("hello", { account: this.account })), logOut);
  }

  // Return the boxes and the API's answer to a code. A countdown continues in every language.
  codeStep(label, action, call) {
    const slot = el("div", { class: "slot" });
    const showRefusal = () => {
      const over = () => {
        this.refused = null;
        slot.replaceChildren();
      };
      const wait = () => notice("calm", say("wait"), countdown(waitEnd(this.refused), over));
      const shown = this.refusal(over) ?? (this.refused?.retry_after ? wait() : "");
      slot.replaceChildren(shown);
    };
    const form = codeForm(
      label,
      async (code) => {
        const answer = await this.forAccount(call(code));
        if (answer.ok) this.show(() => this.passView(answer.body, Date.now(), answer.toLocal(answer.body.pass_expires_at)));
        else this.refuse(answer.problem, form, showRefusal);
      },
      action,
    );
    showRefusal();
    form.openedAt = performance.now();
    this.form = form;
    return [form, slot];
  }

  // Go to the next step for an error. An unknown one is only shown.
  async refuse(given, form, showRefusal) {
    const problem = received(given);
    if (problem.status === 401) {
      this.client.logOut();
      return this.show(() => this.passwordView(), problem);
    }
    // The last attempt is answered like any wrong code, but it also locks the account or ends the binding.
    const spent = problem.attempts_left === 0;
    if (spent || STATUS_OUTDATED.includes(problem.code)) return this.enter(problem);
    if (!form) return this.show(() => this.refusedView(), problem);
    this.refused = problem;
    showRefusal();
    return form.clear();
  }

  // With the wrong client another attempt cannot succeed, so offer the way back instead.
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

// Return the claims of a pass, JSON in base64url. The trading gateway checks the signature first.
function decoded(part) {
  const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
