// The HTML elements that the scenes use.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "circle", "path", "text"]);

// Return an element. `on…` attributes are listeners; null and false leave an attribute out.
export function el(name, attributes = {}, ...children) {
  const made = DRAWN.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value") made.value = value;
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Return a button that ignores clicks while its handler runs: a second QR code would end the first.
export function button(text, onclick, kind = "quiet") {
  let busy = false;
  const press = async (event) => {
    if (busy) return;
    busy = true;
    try {
      await onclick(event);
    } finally {
      busy = false;
    }
  };
  return el("button", { type: "button", class: kind, onclick: press }, text);
}

let ids = 0;

// Return a labelled field. `control` is an input or a select.
export function field(label, control) {
  control.id ||= `field-${++ids}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control);
}

// Replace the content of a scene. The focus stays in the scene if it was there.
export function showIn(screen, elements) {
  const within = screen.contains(document.activeElement);
  screen.replaceChildren(...elements.flat().filter(Boolean));
  if (within) screen.focus();
}

// Send an event to all scenes that `listen` to it.
export function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

export function listen(name, listener) {
  document.addEventListener(name, (event) => listener(event.detail));
}
