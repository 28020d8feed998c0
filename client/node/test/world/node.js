"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { spawn } = require("node:child_process");
const { atEnd, owned } = require("./finish");
const { freePort } = require("./port");
const { until } = require("./until");
const { binary } = require("./world");

/** A `roster serve` in memory, which may be killed and started again at the same address. */
class Node {
  #world;
  #child;
  #flags;
  #log = "";
  address;

  /** With `insecure` it serves plain HTTP, else mutual TLS with the certificates of certificates(). */
  static async start(world, { insecure = false, flags = [] } = {}) {
    const node = new Node();
    node.#world = world;
    node.address = `127.0.0.1:${await freePort()}`;
    node.#flags = insecure ? ["--insecure", ...flags] : [...flags];
    atEnd(world.t, () => node.kill());
    await node.start();
    return node;
  }

  async start() {
    const from = this.#log.length;
    const args = ["serve", "--listen", this.address, "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--lease-min-ttl", "1s", ...this.#flags];
    const child = owned(spawn(binary, args, { cwd: this.#world.folder, stdio: ["ignore", "ignore", "pipe"] }));
    this.#child = child;
    child.stderr.on("data", (data) => { this.#log += data; });
    await until("the registry serves", () => {
      if (child.exitCode !== null) throw new Error(`roster serve ended:\n${this.#log}`);
      return this.#log.slice(from).includes('"msg":"serving"');
    });
  }

  /** Stops the process as a debugger would, until it is let go on. */
  freeze() { this.#child.kill("SIGSTOP"); }
  thaw() { this.#child.kill("SIGCONT"); }

  async kill() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

/** Makes an authority, a certificate for servers of this machine and one for each client name. */
function certificates(world, ...names) {
  world.roster("pki", "init");
  for (const name of names) world.roster("pki", "issue", name);
  const file = (name) => path.join(world.folder, "certs", name);
  const of = (name) => ({ ca: file("ca.crt"), cert: file(`${name}.crt`), key: file(`${name}-key.pem`) });
  const text = (name) => Object.fromEntries(Object.entries(of(name)).map(([what, where]) => [what, fs.readFileSync(where, "utf8")]));
  return { of, text };
}

module.exports = { Node, certificates };
