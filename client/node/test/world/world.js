"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawn, execFileSync } = require("node:child_process");
const { atEnd, owned } = require("./finish");
const { until } = require("./until");

/** The program under test, which Go builds for it. */
if (!process.env.ROSTER_BIN) {
  throw new Error("ROSTER_BIN is not set: run go test ./client/node, or make build and set it to build/roster");
}
const binary = path.resolve(process.env.ROSTER_BIN);

/**
 * A user with a folder for temporary files and one for state of their own, and so with no
 * registry yet. It is this process's until the end of the test, when what it started ends.
 */
class World {
  constructor(t) {
    this.t = t;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "roster-node-"));
    this.temp = path.join(this.folder, "tmp");
    fs.mkdirSync(this.temp);
    this.variables = { TMPDIR: this.temp, HOME: this.folder, XDG_STATE_HOME: path.join(this.folder, "state"), ROSTER_BIN: binary };
    const before = Object.fromEntries(Object.keys(this.variables).map((name) => [name, process.env[name]]));
    Object.assign(process.env, this.variables);
    atEnd(t, async () => {
      await this.killDaemon();
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      // A process that was killed may be at its last write for a moment more.
      fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    });
  }

  get discoveryFile() { return path.join(this.temp, "svc-registry.json"); }

  daemonPid() {
    try {
      return JSON.parse(fs.readFileSync(this.discoveryFile, "utf8")).pid;
    } catch {
      return undefined;
    }
  }

  /** Kills the local registry with -9, if one runs, and waits for its end. */
  async killDaemon() {
    const pid = this.daemonPid();
    if (pid === undefined || !lives(pid)) return;
    process.kill(pid, "SIGKILL");
    await until("the local registry is gone", () => !lives(pid));
  }

  /** Kills it, and takes what it remembers. */
  async loseDaemon() {
    await this.killDaemon();
    fs.rmSync(this.variables.XDG_STATE_HOME, { recursive: true, force: true });
  }

  roster(...args) {
    return execFileSync(binary, args, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /**
   * Starts a node program whose text is given, in which "roster-registry" stands for this
   * package. Its `ended` gives { code, out, err }; one that does not end is killed.
   */
  run(text, env = {}) {
    const entry = new URL(`file://${path.join(__dirname, "..", "..", "index.mjs")}`).href;
    const args = ["--input-type=module", "-e", text.replaceAll("roster-registry", entry)];
    const child = owned(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, timeout: 60_000, killSignal: "SIGKILL" }));
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => { out += data; });
    child.stderr.on("data", (data) => { err += data; });
    atEnd(this.t, () => child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
    return { child, ended, out: () => out };
  }
}

function lives(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\) [ZX]/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*(?=\) )/s, ""));
  } catch {
    return true;
  }
}

module.exports = { World, binary, lives };
