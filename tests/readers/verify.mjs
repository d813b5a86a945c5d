// Verify passes as a trading gateway in Node would. One request a line; one answer a line.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { JwksClient } from "jwks-rsa";

const [url, issuer, audience] = process.argv.slice(2);
const remote = createRemoteJWKSet(new URL(url), { cooldownDuration: 0 });
const client = new JwksClient({ jwksUri: url, cache: true, rateLimit: false });

const libraries = {
  async jose(token, now) {
    const options = { issuer, audience, typ: "totp-pass+jwt", algorithms: ["ES256"], currentDate: new Date(now * 1000) };
    return (await jwtVerify(token, remote, options)).payload;
  },
  async jsonwebtoken(token, now) {
    const { header } = jsonwebtoken.decode(token, { complete: true });
    if (header.typ !== "totp-pass+jwt") throw new Error("typ");
    const key = (await client.getSigningKey(header.kid)).getPublicKey();
    return jsonwebtoken.verify(token, key, { issuer, audience, algorithms: ["ES256"], clockTimestamp: now });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { library, token, now } = JSON.parse(line);
  const answer = await libraries[library](token, now).catch((error) => ({ refused: String(error) }));
  process.stdout.write(JSON.stringify(answer) + "\n");
}
