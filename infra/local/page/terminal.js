// What the desktop terminal and the phone app have in common: password, boxes, pass.

import { codeForm } from "./boxes.js";
import { Client } from "./client.js";
import { countdown } from "./clock.js";
import { button, el, field, hear, showIn, tell } from "./dom.js";
import { exchangeList, readable } from "./exchange.js";
import { language, localTime, say } from "./language.js";
import { notice, problemNotice, received } from "./notice.js";

const DEMO_PASSWORD = "Demo-Pass-1";

// After these the account is looked up again, and the scene shows what can be done now.
const NOT_WHAT_IT_SEEMED = ["not_bound", "already_bound", "bind_not_started", "bind_expired"];

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

  // A view is a function that gives elements, so that it can be shown again in another language.
  show(view) {
    this.view = view;
    this.form = null;
    showIn(this.screen, view());
  }

  logOut(account = this.account) {
    this.client.logOut();
    this.account = account;
    this.show(() => this.passwordView());
  }

  passwordView(problem) {
    const account = el("input", { value: this.account, autocomplete: "username", spellcheck: "false" });
    const password = el("input", { type: "password", value: DEMO_PASSWORD, autocomplete: "off" });
    const submit = (event) => {
      event.preventDefault();
      this.account = account.value.trim();
      this.logIn(password.value);
    };
    return [
      problem && problemNotice(problem),
      el(
        "form",
        { class: "stack", onsubmit: submit },
        field(say("account"), account),
        field(say("password"), password),
        el("button", { class: "primary" }, say("log_in")),
      ),
    ];
  }

  async logIn(password) {
    const answer = await this.client.logIn(this.account, password);
    if (!answer.ok) return this.refuse(answer.problem);
    tell("logged-in", this.account);
    return this.enter();
  }

  // After the password: boxes where the account is bound, the way to binding where it is not.
  async enter(problem) {
    const answer = await this.client.binding();
    if (!answer.ok) return this.refuse(answer.problem);
    this.standing = answer.body;
    this.lockedUntil = answer.body.locked_until && answer.toLocal(answer.body.locked_until);
    if (answer.body.state === "bound") this.show(() => this.boxesView(problem));
    else this.show(() => this.unboundView(problem));
    return this.form?.focus();
  }

  boxesView(problem) {
    const until = this.lockedUntil;
    if (this.standing.suspended) return [this.greeting(), notice("bad", say("suspended"), say("suspended_detail"))];
    if (until) {
      const wait = el("p", { class: "wait" }, say("wait"), countdown(until, () => this.enter()));
      return [this.greeting(), notice("bad", say("locked"), say("locked_detail"), wait)];
    }
    return [this.greeting(), this.codeStep(say("code"), say("verify"), (code) => this.client.verify(code), problem)];
  }

  greeting() {
    const logOut = button(say("log_out"), () => this.logOut(), "link");
    return el("p", { class: "who" }, el("span", {}, say("hello", { account: this.account })), logOut);
  }

  // The boxes, and under them what the API says of a code.
  codeStep(label, action, call, problem) {
    const slot = el("div", { class: "slot" });
    const form = codeForm(
      label,
      async (code) => {
        const answer = await call(code);
        if (answer.ok) this.show(() => this.passView(answer.body, Date.now(), answer.toLocal(answer.body.pass_expires_at)));
        else this.refuse(answer.problem, form, slot);
      },
      action,
    );
    if (problem && problem.language === language()) slot.append(problemNotice(problem));
    form.openedAt = performance.now();
    this.form = form;
    return [form, slot];
  }

  // Each refusal has its own next step; one that is not known is shown, and that is all.
  async refuse(given, form, slot) {
    const problem = received(given);
    if (problem.status === 401) {
      this.client.logOut();
      return this.show(() => this.passwordView(problem.language === language() ? problem : null));
    }
    if (NOT_WHAT_IT_SEEMED.includes(problem.code)) return this.enter(problem);
    if (!form) return this.show(() => this.refusedView(problem));
    if (["locked", "suspended"].includes(problem.code)) form.disable(true);
    slot.replaceChildren(problemNotice(problem, () => form.disable(false)));
    return form.clear();
  }

  refusedView(problem) {
    return [
      this.greeting(),
      problemNotice(problem),
      button(say("again"), () => this.enter(), "primary"),
    ];
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
