// A QR code as a camera reads it: each module covers the same whole number of screen pixels, three at least.

import { el } from "./dom.js";

const USUAL = 240; // CSS pixels that a code takes if its modules may be larger than three.

export function qrImage({ qr_png, qr_modules }, alt) {
  const image = el("img", { src: qr_png, alt, "data-modules": qr_modules });
  fit(image);
  return image;
}

function fit(image) {
  const modules = Number(image.dataset.modules);
  const ratio = window.devicePixelRatio;
  const least = Math.ceil(3 * Math.max(1, ratio));
  const pixels = Math.max(least, Math.floor((USUAL * ratio) / modules));
  image.style.width = `${(modules * pixels) / ratio}px`;
}

// Zooming, or moving the window to another screen, changes what a pixel is.
window.addEventListener("resize", () => document.querySelectorAll("img[data-modules]").forEach(fit));
