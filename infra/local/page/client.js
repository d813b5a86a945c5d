// The API, as a client speaks it: the whole of it, to be ported to the terminal and the app.
//
//   const client = new Client("desktop", () => "zh-HK");
//   if (!(await client.logIn(account, password)).ok) ...
//   const answer = await client.verify("123 456");
//   answer.ok ? trade(answer.body.pass) : show(answer.problem);
//
// An answer is never thrown: `ok` says whether it went well, `problem` what to show and go by;
// `toLocal` turns a time of the API into milliseconds of this machine's clock, which may be wrong.

const PATIENCE = 30_000; // Milliseconds; API Gateway itself gives up after 29 seconds.

export class Client {
  #token = null;
  #turn = 0; // Which login counts: a slow answer must not log in whom a later one has replaced.

  // `channel` is what the login server calls this client; `language` gives an Accept-Language;
  // `watch`, if any, is told of every exchange: { method, path, sent, answer }.
  constructor(channel, language, watch = () => {}) {
    this.channel = channel;
    this.language = language;
    this.watch = watch;
  }

  // The first factor. The token stays here; keep it in memory alone, never on a disk.
  async logIn(account, password) {
    this.logOut();
    const turn = this.#turn;
    const answer = await this.send("POST", "/login", { account, password, client: this.channel });
    if (answer.ok && turn === this.#turn) this.#token = answer.body.token;
    return answer;
  }

  logOut() {
    this.#token = null;
    this.#turn += 1;
  }

  // How the account stands: state, channels, locked_until, suspended.
  binding() {
    return this.#call("GET", "/api/binding");
  }

  // A new QR code, desktop only. The one shown before, if any, works no more.
  bind() {
    return this.#call("POST", "/api/bind");
  }

  // The first code: binds, and logs in as well. Desktop only.
  confirm(code) {
    return this.#call("POST", "/api/bind/confirm", { code });
  }

  // A code, straight after the password: a pass for the trading gateway, good for 60 seconds.
  verify(code) {
    return this.#call("POST", "/api/verify", { code });
  }

  #call(method, path, body) {
    return this.send(method, path, body, this.#token);
  }

  async send(method, path, body, token) {
    const headers = { "Accept-Language": this.language() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const sent = { headers, body };
    let answer;
    try {
      const response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      answer = await read(response);
    } catch {
      answer = { ok: false, status: 0, headers: [], body: null, problem: { status: 0, code: "offline" } };
    }
    this.watch({ method, path, sent, answer });
    return answer;
  }
}

// Go by `problem.code`; where it is one you do not know, by `problem.status`. A right code may be
// spent even if no answer came: never send one again by yourself, ask for the next.
async function read(response) {
  const text = await response.text();
  const type = response.headers.get("Content-Type") ?? "";
  const body = /[/+]json\b/.test(type) ? JSON.parse(text) : text;
  const { ok, status } = response;
  const problem = ok ? null : { status, ...(typeof body === "object" ? body : {}) };
  const clock = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  const ahead = Date.now() - clock;
  const toLocal = (time) => Date.parse(time) + ahead;
  return { ok, status, headers: [...response.headers], body, problem, toLocal };
}
