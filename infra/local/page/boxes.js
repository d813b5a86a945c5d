// Six boxes for a code. Typing moves to the next box; pasting "123 456" or １２３４５６ fills all.

import { el } from "./dom.js";
import { say } from "./language.js";
import { ring } from "./clock.js";

const DIGITS = 6;

// Return the digits of a typed or pasted text, by the contract's rule for `code`.
export function digitsOf(typed) {
  return typed
    .replace(/[\uff10-\uff19]/g, (digit) => String(digit.charCodeAt(0) - 0xff10))
    .replace(/[^0-9]/g, "");
}

// Return a form that calls `submit(code)` when it is sent, and on its own after the sixth digit.
export function codeForm(label, submit, action) {
  const boxes = Array.from({ length: DIGITS }, (_, index) => box(index));
  let busy = false;

  function box(index) {
    return el("input", {
      class: "digit",
      type: "text",
      inputmode: "numeric",
      autocomplete: index === 0 ? "one-time-code" : "off",
      "aria-label": say("box", { number: index + 1 }),
      oninput: (event) => event.isComposing || fill(index, event.target.value),
      oncompositionend: (event) => fill(index, event.target.value),
      onpaste: (event) => {
        event.preventDefault();
        fill(index, event.clipboardData.getData("text"));
      },
      onkeydown: (event) => move(event, index),
      onfocus: (event) => event.target.select(),
    });
  }

  function fill(index, typed) {
    const digits = digitsOf(typed).slice(0, DIGITS);
    const from = digits.length === DIGITS ? 0 : index;
    boxes[index].value = "";
    [...digits].forEach((digit, offset) => {
      if (boxes[from + offset]) boxes[from + offset].value = digit;
    });
    const next = Math.min(from + digits.length, DIGITS - 1);
    boxes[next].focus();
    if (digits && code().length === DIGITS) send();
  }

  function move(event, index) {
    const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: DIGITS - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      boxes[Math.min(Math.max(to, 0), DIGITS - 1)].focus();
    } else if (event.key === "Backspace" && !boxes[index].value && index) {
      event.preventDefault();
      boxes[index - 1].value = "";
      boxes[index - 1].focus();
    }
  }

  // Accept no input and send nothing while a call is running.
  function setBusy(value) {
    busy = value;
    form.setAttribute("aria-busy", String(value));
    for (const each of boxes) each.readOnly = value;
  }

  const code = () => boxes.map((each) => each.value).join("");

  async function send() {
    if (busy) return;
    setBusy(true);
    await submit(code());
    setBusy(false);
  }

  const form = el(
    "form",
    {
      class: "code",
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        send();
      },
    },
    el("div", { class: "code-head" }, el("span", { class: "code-label" }, label), ring(say("ring"))),
    el("div", { class: "boxes", role: "group", "aria-label": label }, boxes),
    el("button", { class: "primary" }, action),
  );
  form.clear = () => {
    for (const each of boxes) each.value = "";
    boxes[0].focus();
  };
  form.enter = (text) => busy || fill(0, text);
  form.focus = () => boxes[0].focus();
  return form;
}
