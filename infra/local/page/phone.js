// The phone app, which cannot bind.

import { button, el } from "./dom.js";
import { say } from "./language.js";
import { notice } from "./notice.js";
import { Terminal } from "./terminal.js";

export class Phone extends Terminal {
  constructor(root, account) {
    super(root, "mobile", account);
  }

  unboundView() {
    return [
      this.greeting(),
      this.refusal() ?? notice("calm", say("desktop_first"), say("desktop_first_detail")),
      button(say("checked_again"), () => this.enter(), "primary"),
      el(
        "p",
        { class: "links" },
        button(say("code_anyway"), () => this.openBoxes(() => this.anywayView()), "link"),
        button(say("bind_anyway"), () => this.bindAnyway(), "link"),
      ),
    ];
  }

  anywayView() {
    return [this.greeting(), this.codeStep(say("code"), say("verify"), (code) => this.client.verify(code))];
  }

  // A real app should not call this. The page does, to show the error.
  async bindAnyway() {
    const answer = await this.forAccount(this.client.bind());
    return this.refuse(answer.problem);
  }
}
