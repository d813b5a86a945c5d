// Print the text of the QR code in each PNG file that is named; null if none is found.
import { readFileSync } from "node:fs";
import jsqr from "jsqr";
import { PNG } from "pngjs";

const texts = process.argv.slice(2).map((path) => {
  const { data, width, height } = PNG.sync.read(readFileSync(path));
  return jsqr(new Uint8ClampedArray(data), width, height)?.data ?? null;
});
process.stdout.write(JSON.stringify(texts));
