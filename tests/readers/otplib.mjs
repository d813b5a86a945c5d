// Read otpauth URIs, one a line, and print issuer, label, secret and the code of the given time.
import { createInterface } from "node:readline";
import { parse } from "@otplib/uri";
import { generateSync } from "otplib";

const epoch = Number(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { type, label, params } = parse(line);
  const code = generateSync({ secret: params.secret, epoch });
  process.stdout.write(JSON.stringify({ type, label, ...params, code }) + "\n");
}
