// A complete client of the API, to be ported to the terminal and the app.
//
//   const client = new Client("desktop", () => "zh-HK");
//   if (!(await client.logIn(account, password)).ok) ...
//   const answer = await client.verify("123 456");
//   answer.ok ? trade(answer.body.pass) : show(answer.problem);
//
// Calls never throw. `ok` is true for a success; `problem` holds the error to show and to decide by.
// `toLocal` converts a time of the API to milliseconds of this machine's clock, which may be wrong.

const [TIMEOUT, RETRY_AFTER] = [30_000, 1_000]; // Milliseconds. API Gateway gives up after 29 seconds.

export class Client {
  #token = null;
  #login = 0; // The number of the latest login: the answer to an earlier one is ignored.

  // `channel` is this client's name at the login server. `language` returns an Accept-Language.
  // `watch` is called with every exchange: { method, path, sent, answer }.
  constructor(channel, language, watch = () => {}) {
    this.channel = channel;
    this.language = language;
    this.watch = watch;
  }

  // The first factor. Keep the token in memory only, never on a disk.
  async logIn(account, password) {
    this.logOut();
    const login = this.#login;
    const answer = await this.send("POST", "/login", { account, password, client: this.channel });
    if (answer.ok && login === this.#login) this.#token = answer.body.token;
    return answer;
  }

  logOut() {
    [this.#token, this.#login] = [null, this.#login + 1];
  }

  // Get the account's status: state, channels, locked_until, suspended, bind_code_required.
  binding() {
    return this.#call("GET", "/api/binding");
  }

  // Get a new QR code, on the desktop only. An earlier one stops working. Pass a bind code if one is required.
  bind(bindCode) {
    return this.#call("POST", "/api/bind", bindCode ? { bind_code: bindCode } : undefined);
  }

  // Bind with the first code, on the desktop only. This logs in as well.
  confirm(code) {
    return this.#sendCode("/api/bind/confirm", code);
  }

  // Exchange a code for a pass for the trading gateway, which is valid for 60 seconds.
  verify(code) {
    return this.#sendCode("/api/verify", code);
  }

  // Each code has a key of its own. If no answer comes, the same call again gets the first one's answer.
  async #sendCode(path, code) {
    const call = ["POST", path, { code }, this.#token, crypto.randomUUID()];
    const answer = await this.send(...call);
    if (answer.status) return answer;
    await new Promise((over) => setTimeout(over, RETRY_AFTER));
    return this.send(...call);
  }

  #call(method, path, body) {
    return this.send(method, path, body, this.#token);
  }

  async send(method, path, body, token, idempotencyKey) {
    const headers = { "Accept-Language": this.language() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
    let answer;
    try {
      const signal = AbortSignal.timeout(TIMEOUT);
      const options = { method, headers, body: JSON.stringify(body), cache: "no-store", signal };
      answer = await read(await fetch(path, options));
    } catch {
      answer = { ok: false, status: 0, headers: [], body: null, problem: { status: 0, code: "offline" } };
    }
    this.watch({ method, path, sent: { headers, body }, answer });
    return answer;
  }
}

// Decide by `problem.code`, or by `problem.status` if the code is unknown to you. If no answer came at
// all, the code may be used up: ask the user for the next one.
async function read(response) {
  const text = await response.text();
  const type = response.headers.get("Content-Type") ?? "";
  const body = /[/+]json\b/.test(type) ? JSON.parse(text) : text;
  const { ok, status } = response;
  const problem = ok ? null : { status, ...(typeof body === "object" ? body : {}) };
  const ahead = Date.now() - (Date.parse(response.headers.get("Date") ?? "") || Date.now());
  const toLocal = (time) => Date.parse(time) + ahead;
  return { ok, status, headers: [...response.headers], body, problem, toLocal };
}
