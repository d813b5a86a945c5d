// The little of HTML that the scenes need.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "circle", "path", "text"]);

// An element: `on…` attributes are listeners, null and false ones are left out, true ones are bare.
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

// Pressed again while it is still at work, a button does nothing: a second QR code ends the first.
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

// A labelled field; `control` is an input or a select.
export function field(label, control) {
  control.id ||= `field-${++ids}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control);
}

// Show something else in a scene. The keyboard stays in it, whatever had the focus before.
export function showIn(screen, elements) {
  const within = screen.contains(document.activeElement);
  screen.replaceChildren(...elements.flat().filter(Boolean));
  if (within) screen.focus();
}

// Tell the other scenes; `hear` is how they listen.
export function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

export function hear(name, listener) {
  document.addEventListener(name, (event) => listener(event.detail));
}
