// The desktop terminal, the only client that may bind.

import { countdown } from "./clock.js";
import { button, el, emit, field } from "./dom.js";
import { say } from "./language.js";
import { notice, received } from "./notice.js";
import { qrImage } from "./qr.js";
import { Terminal } from "./terminal.js";

// The errors that the bind code is to blame for.
const BIND_CODE = ["bind_code_required", "bind_code_expired"];

export class Desktop extends Terminal {
  // The bind codes that were accepted, by account: each is good for further QR codes.
  #bindCodes = new Map();

  constructor(root, account) {
    super(root, "desktop", account);
  }

  boxesView() {
    const newPhone = button(say("new_phone"), () => this.bind(), "link");
    return [...super.boxesView(), newPhone];
  }

  // The account is not bound. Ask before getting a QR code, since each one ends the one before.
  unboundView() {
    const pending = this.standing.state === "pending";
    const wanted = this.standing.bind_code_required && !this.#bindCodes.has(this.account);
    return [
      this.greeting(),
      this.refusal() ??
        notice("calm", say(pending ? "pending" : "unbound"), say(pending ? "pending_detail" : "unbound_detail")),
      wanted ? this.bindCodeForm() : button(say("show_qr"), () => this.bind(), "primary"),
      button(say("have_scanned"), () => this.openBoxes(() => this.confirmView()), "link"),
    ];
  }

  // The service forgives blanks and hyphens in a bind code, so the field takes any text.
  bindCodeForm() {
    const typed = el("input", { inputmode: "numeric", autocomplete: "off", spellcheck: "false" });
    const onsubmit = (event) => {
      event.preventDefault();
      this.bind(typed.value);
    };
    return el(
      "form",
      { class: "stack bind-code", novalidate: true, onsubmit },
      el("p", {}, say("bind_code_detail")),
      field(say("bind_code"), typed),
      el("button", { class: "primary" }, say("show_qr")),
    );
  }

  // Show the form for a bind code, with the error that asks for one.
  askForBindCode(problem) {
    this.#bindCodes.delete(this.account);
    this.standing = { ...this.standing, bind_code_required: true };
    this.show(() => this.unboundView(), received(problem));
    this.screen.querySelector(".bind-code input").focus();
  }

  async bind(bindCode = this.#bindCodes.get(this.account)) {
    const answer = await this.forAccount(this.client.bind(bindCode));
    if (BIND_CODE.includes(answer.problem?.code)) return this.askForBindCode(answer.problem);
    if (!answer.ok) return this.refuse(answer.problem);
    if (bindCode !== undefined) this.#bindCodes.set(this.account, bindCode);
    const { account, issuer, secret } = answer.body;
    emit("key", { account, issuer, secret });
    const until = answer.toLocal(answer.body.expires_at);
    this.show(() => this.qrView(answer.body, until));
    return this.form.focus();
  }

  qrView(qr, until) {
    if (until <= Date.now()) {
      return [
        this.greeting(),
        notice("calm", say("qr_over")),
        button(say("show_qr"), () => this.bind(), "primary"),
      ];
    }
    return [
      this.greeting(),
      qr.superseded ? notice("calm", say("superseded"), say("superseded_detail")) : null,
      el(
        "ol",
        { class: "steps" },
        el("li", {}, say("step_install")),
        el("li", {}, say("step_scan")),
        el("li", {}, say("step_type")),
      ),
      el(
        "div",
        { class: "qr" },
        qrImage(qr, say("qr_alt", { account: qr.account })),
        el(
          "div",
          {},
          el("p", { class: "term" }, say("term"), countdown(until, () => this.show(this.view))),
          el("p", { class: "key-label" }, say("by_hand")),
          el("code", { class: "key" }, qr.secret.match(/.{1,4}/g).join(" ")),
          button(say("copy_key"), (event) => copy(qr.secret, event.target), "link"),
        ),
      ),
      this.confirmStep(),
    ].flat();
  }

  confirmView() {
    return [this.greeting(), this.confirmStep(), button(say("show_qr"), () => this.bind(), "link")];
  }

  confirmStep() {
    return this.codeStep(say("first_code"), say("bind_now"), (code) => this.client.confirm(code));
  }
}

async function copy(text, target) {
  await navigator.clipboard.writeText(text);
  target.textContent = say("copied");
}
