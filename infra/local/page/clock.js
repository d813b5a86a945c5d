// The ring of the current 30 seconds, and countdowns. One timer drives them all.

import { el } from "./dom.js";

const STEP = 30;
const RADIUS = 15;
const ROUND = 2 * Math.PI * RADIUS;

const ticking = new Set();

setInterval(() => {
  for (const each of ticking) {
    if (each.element.isConnected) each.tick();
    else ticking.delete(each);
  }
}, 250);

function keepTicking(element, tick) {
  tick();
  // The scene adds the element to the page after this task.
  queueMicrotask(() => ticking.add({ element, tick }));
  return element;
}

// Return a ring with the seconds that the authenticator still shows its current code.
export function ring(label) {
  const arc = el("circle", { class: "ring-arc", cx: 18, cy: 18, r: RADIUS, "stroke-dasharray": ROUND });
  const number = el("text", { x: 18, y: 18, class: "ring-number" });
  const drawn = el(
    "svg",
    { class: "ring", viewBox: "0 0 36 36", role: "img", "aria-label": label },
    el("circle", { class: "ring-track", cx: 18, cy: 18, r: RADIUS }),
    arc,
    number,
  );
  return keepTicking(drawn, () => {
    const left = STEP - ((Date.now() / 1000) % STEP);
    arc.setAttribute("stroke-dashoffset", ROUND * (1 - left / STEP));
    drawn.classList.toggle("ring-last", left <= 5);
    number.textContent = Math.ceil(left);
  });
}

// Return a countdown (mm:ss) to a time in milliseconds, which calls `over` once at the end.
export function countdown(until, over = () => {}) {
  const shown = el("span", { class: "countdown", role: "timer" });
  let done = false;
  return keepTicking(shown, () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    shown.textContent = clockFace(left);
    if (left === 0 && !done) {
      done = true;
      queueMicrotask(over);
    }
  });
}

function clockFace(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}
