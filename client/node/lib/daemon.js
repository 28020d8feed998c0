"use strict";

const { spawn } = require("node:child_process");
const http = require("node:http");
const { exchange } = require("./exchange");
const { RosterError, parse } = require("./errors");
const { readDiscovery, leftBehind, baseOf } = require("./discovery");
const { findBinary } = require("./binary");
const { sleep } = require("./wait");

// How long a start may take before it counts as failed, in milliseconds: more than the 20 s
// that the program itself waits, so that its reason is heard. It takes some tens.
const patience = 25_000;
// Between two looks for a registry that is starting.
const step = 20;

/**
 * Where this user's local registry listens, { host, port, pid }, or null when none runs: its
 * discovery file is good, and it answers there as the process that the file names.
 */
async function findDaemon() {
  const info = readDiscovery();
  return info && (await answers(info)) ? shown(info) : null;
}

const shown = ({ host, port, pid }) => ({ host, port, pid });

async function answers(info) {
  // A connection of its own: one that is kept alive could hold up the process's end.
  const agent = new http.Agent({ keepAlive: false });
  try {
    const answer = await exchange(`${baseOf(info)}/health`, { method: "GET", agent, timeout: 2000 });
    const health = parse(answer.text);
    return answer.status === 200 && health?.ok === true && health.pid === info.pid;
  } catch {
    return false; // stale: somebody else's port, or nobody's
  }
}

let starting; // the start under way in this process, which all who ask share

/**
 * Gives the local registry, and starts `roster dev` where none runs. Any number of calls, in
 * any number of processes, end with one and the same registry: the program itself sees to it
 * by a lock.
 */
async function ensureDaemon() {
  const info = await findDaemon();
  if (info) return info;
  starting ??= start().finally(() => { starting = undefined; });
  return starting;
}

/**
 * Gives the local registry to one that has used it before, or null. One that was killed is
 * started again; one that was stopped is not, for whoever stopped it would not be rid of it.
 */
async function daemonAgain() {
  return leftBehind() ? ensureDaemon() : null;
}

async function start() {
  if (forbidden(process.env.ROSTER_NO_START)) {
    throw new RosterError("no local registry is running, and ROSTER_NO_START forbids to start one: start it with roster dev", { code: "unavailable" });
  }
  const began = Date.now();
  const binary = findBinary();
  const outcome = await run(binary, ["dev", "--if-needed", "--detach"]);
  // Where the start failed, another process's may have succeeded; one look tells.
  for (;;) {
    const info = await findDaemon();
    if (info) return info;
    if (outcome.problem || Date.now() - began > patience) break;
    await sleep(step);
  }
  const why = outcome.problem ?? unanswered(readDiscovery());
  throw new RosterError(`start the local registry: ${why}`, { code: "unavailable" });
}

const forbidden = (value) => value !== undefined && !["", "0", "false"].includes(value);

function unanswered(info) {
  if (!info) return `it wrote no discovery file within ${patience / 1000} s; run "roster dev" to see why`;
  return `process ${info.pid} runs, but does not answer at ${baseOf(info)}; end it, and try again`;
}

/** Runs the program until it exits. Gives what went wrong as { problem }, for people. */
function run(binary, args) {
  return new Promise((resolve) => {
    let child;
    try {
      child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"], windowsHide: true });
    } catch (err) {
      return resolve({ problem: `${binary}: ${err.message}` }); // as without memory
    }
    let said = "";
    // A process with no file descriptor left gets no pipe, and is told of it by "error".
    child.stderr?.setEncoding("utf8");
    child.stderr?.on("data", (text) => { said = (said + text).slice(-4096); });
    const timer = setTimeout(() => {
      child.kill();
      done(`it did not come up within ${patience / 1000} s`);
    }, patience);
    const done = (problem) => {
      clearTimeout(timer);
      // The registry may have inherited the other end, and would keep it open.
      child.stderr?.destroy();
      resolve({ problem });
    };
    child.once("error", (err) => done(`${binary}: ${err.message}`));
    child.once("exit", (code, signal) => {
      if (code === 0) return done(undefined);
      // What was said last may still be on its way through the pipe, whose end may also
      // never come.
      const tell = () => done(words(said) || `${binary} ended with ${signal ?? `status ${code}`}`);
      child.once("close", tell);
      setTimeout(tell, 500).unref();
    });
  });
}

const words = (text) => text.trim().replace(/^roster: /, "").replace(/^start local registry: /, "");

module.exports = { findDaemon, ensureDaemon, daemonAgain };
