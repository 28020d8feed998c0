"use strict";

const http = require("node:http");
const { atEnd } = require("./finish");

const problem = (status, code, more) => ({ status, body: { status, code, title: code, ...more } });
/** The request gets no answer: its connection ends, or stays open. */
const lost = { lost: true };
const silence = { silence: true };

const paths = { "/registry/register": "register", "/registry/heartbeat": "heartbeat", "/registry/token/rotate": "rotate" };

/**
 * A registry of one instance that does what real ones seldom do: `script` maps "register",
 * "heartbeat", "rotate", "get", "update" and "deregister" to a function of the call, { op,
 * token, body, nth }, that gives { status, body, headers }, or undefined for what a good
 * registry answers. `life` is that of its tokens, in milliseconds.
 */
class Fake {
  calls = [];
  script;
  instance;
  token;
  #life;
  #server;

  static async start(t, script = {}, { life = 0 } = {}) {
    const fake = new Fake();
    fake.script = script;
    fake.#life = life;
    fake.#server = http.createServer((req, res) => fake.#serve(req, res).catch(() => res.destroy())); // whoever called went away
    await new Promise((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    atEnd(t, () => {
      fake.#server.close();
      fake.#server.closeAllConnections();
    });
    return fake;
  }

  get url() { return `http://127.0.0.1:${this.#server.address().port}`; }

  /** How often it was called so. */
  count(op) { return this.calls.filter((call) => call.op === op).length; }

  async #serve(req, res) {
    let text = "";
    for await (const part of req) text += part;
    const { pathname } = new URL(req.url, this.url);
    const op = paths[pathname] ?? { GET: "get", PATCH: "update", DELETE: "deregister" }[req.method];
    const call = { op, token: req.headers["x-instance-token"], body: text ? JSON.parse(text) : undefined, nth: this.count(op) + 1 };
    this.calls.push(call);
    const answer = (await this.script[op]?.(call)) ?? this.#good(call);
    if (answer === silence) return;
    if (answer === lost) return void req.socket.destroy();
    const type = answer.status < 400 ? "application/json" : "application/problem+json";
    res.writeHead(answer.status, { "Content-Type": type, ...answer.headers }).end(answer.body && JSON.stringify(answer.body));
  }

  #good({ op, body, nth }) {
    const now = Date.now();
    const tokenExpiresAt = this.#life ? now + this.#life : 0;
    switch (op) {
      case "register":
        this.instance = { status: "up", health: "passing", weight: 100, ...body, registeredAt: now, lastHeartbeat: now, revision: `e.${nth}` };
        this.token = `registered-${nth}`;
        return { status: 201, body: { instance: this.instance, token: this.token, tokenExpiresAt, ttl: body.ttl } };
      case "heartbeat":
        return { status: 200, body: { ttl: this.instance.ttl, tokenExpiresAt } };
      case "rotate":
        this.token = `rotated-${nth}`;
        return { status: 200, body: { token: this.token, tokenExpiresAt } };
      case "update":
        Object.assign(this.instance, body);
        return { status: 200, body: this.instance };
      case "get":
        return { status: 200, body: this.instance };
      default:
        return { status: 204 };
    }
  }
}

module.exports = { Fake, problem, lost, silence };
