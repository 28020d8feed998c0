"use strict";

const http = require("node:http");
const { exchange } = require("./exchange");
const { RosterError, networkError, parse } = require("./errors");
const { findDaemon, ensureDaemon, daemonAgain } = require("./daemon");
const { baseOf } = require("./discovery");
const { makeLocalId } = require("./id");

// The functions of this file are those of the SDK that came before Roster, by the same
// names, with the same arguments and answers. They speak the loopback surface of the
// registry of this machine, and start it where none runs; but one that this process has used
// and somebody has stopped only to register, for whoever stopped it would not be rid of it.

const timeout = 10_000;
const agent = new http.Agent({ keepAlive: true });

let known = null; // where the daemon answered last
let used = false; // this process has found one before
const mine = new Map(); // what this process registered, by name and id
const restoring = new Map(); // registrations of those under way, after the daemon lost them

const keyOf = (name, id) => `${name}\n${id}`;

/** Gives the daemon, or null: where none runs and none is to be started. */
async function locate(find) {
  known ??= await find();
  used ||= known !== null;
  return known;
}

function forget(info) {
  if (known === info) known = null; // another call may have found the next one
}

// What a call does that is no wish of its own to have a daemon, but goes with others.
const follow = () => (used ? daemonAgain() : ensureDaemon());

/**
 * Calls the daemon that `find` gives, and once more where the one that was known is gone.
 * Every call may be repeated: a registration carries its id. Gives null where there is none.
 */
async function call(method, path, body, find = follow) {
  const op = path.split("/")[1];
  let failure;
  for (let attempt = 0; attempt < 2; attempt++) {
    const info = await locate(find);
    if (!info) return null;
    const base = baseOf(info);
    let answer;
    try {
      answer = await exchange(base + path, { method, agent, timeout, ...json(body) });
    } catch (err) {
      failure = networkError(op, base, err);
    }
    const said = answer && parse(answer.text);
    if (typeof said?.ok === "boolean") return { status: answer.status, said };
    failure = answer ? new RosterError(`${op}: ${base} answers, but not as a local registry`, { status: answer.status }) : failure;
    forget(info); // its port may be somebody else's by now
  }
  throw failure;
}

function json(body) {
  const headers = { Accept: "application/json" };
  if (body === undefined) return { headers };
  const text = JSON.stringify(body);
  return { body: text, headers: { ...headers, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) } };
}

/** Gives the answer, or throws what the daemon refuses. */
function accepted(op, { status, said }) {
  if (status >= 200 && status <= 299) return said;
  const code = { 400: "invalid_request", 403: "forbidden", 404: "not_found", 409: "conflict", 503: "unavailable" }[status];
  throw new RosterError(`${op}: ${said.error}`, { code, status });
}

function named(op, value) {
  if (value === null || typeof value !== "object") throw new TypeError(`${op}: give an object`);
  if (typeof value.name !== "string") throw new TypeError(`${op}: name must be a string`);
}

/**
 * Registers an instance for 15 s, which each heartbeat begins anew. Answers
 * { ok, instance }. A pid that lives is watched: when its process ends, the instance is gone.
 */
async function register(service) {
  named("register", service);
  const { name, port, host, pid, meta } = service;
  const body = { name, port, host, pid, meta, id: service.id ?? makeLocalId(host, port) };
  const answer = accepted("register", await call("POST", "/register", body, ensureDaemon));
  mine.set(keyOf(name, answer.instance.id), { ...body, id: answer.instance.id });
  return answer;
}

/**
 * Keeps an instance alive. Answers { ok, instance }, with instance null where the daemon does
 * not know it and this process did not register it, or somebody removed it on purpose; what
 * a daemon lost, or let expire while this machine slept, is registered again. It does not
 * reject when the daemon is out of reach, but answers { ok: false, instance: null, error }:
 * it is called from timers, where nobody catches.
 */
async function heartbeat(instance) {
  named("heartbeat", instance);
  const { name, id } = instance;
  if (typeof id !== "string") throw new TypeError("heartbeat: id must be a string");
  try {
    const called = await call("POST", "/heartbeat", { name, id });
    if (!called) return { ok: false, instance: null, error: "heartbeat: the local registry was stopped" };
    const answer = accepted("heartbeat", called);
    if (answer.instance || !mine.has(keyOf(name, id))) return answer;
    return await restore(name, id);
  } catch (err) {
    if (err.code === "invalid_request") throw err;
    return { ok: false, instance: null, error: err.message };
  }
}

function restore(name, id) {
  const key = keyOf(name, id);
  if (!restoring.has(key)) {
    restoring.set(key, registerAgain(name, id, key).finally(() => restoring.delete(key)));
  }
  return restoring.get(key);
}

async function registerAgain(name, id, key) {
  const none = { ok: true, instance: null };
  const meant = await removedOnPurpose(name, id);
  const body = mine.get(key);
  if (!body) return none; // unregistered meanwhile
  if (meant && !(meant === "process_exited" && body.pid === process.pid)) {
    mine.delete(key);
    return none;
  }
  return accepted("register", await call("POST", "/register", body, ensureDaemon));
}

/** The reason of the instance's last event if that is its removal by somebody who meant it. */
async function removedOnPurpose(name, id) {
  const query = new URLSearchParams({ service: name, instance: id, limit: "1" });
  const info = await locate(ensureDaemon);
  const base = baseOf(info);
  try {
    const { text } = await exchange(`${base}/registry/events?${query}`, { method: "GET", agent, timeout, ...json() });
    const last = parse(text)?.events?.at(-1);
    const meant = ["deregistered", "replaced", "forced", "process_exited"];
    return last?.type === "delete" && meant.includes(last.reason) ? last.reason : undefined;
  } catch (err) {
    forget(info);
    throw networkError("heartbeat", base, err); // the next heartbeat asks again
  }
}

/**
 * The instance of a service that was active last, as { ok: true, instance }, or
 * { ok: false, error: "not_found" } where there is none.
 */
async function resolve(name) {
  if (typeof name !== "string" || name === "") throw new TypeError("resolve: name must be a string");
  const answer = await call("GET", `/resolve/${encodeURIComponent(name)}`);
  if (!answer) return { ok: false, error: "not_found" };
  if (answer.status === 404 && answer.said.error === "not_found") return answer.said;
  return accepted("resolve", answer);
}

/** All services with their instances, as { ok, services: { name: [instance] } }. */
async function list() {
  const answer = await call("GET", "/list");
  return answer ? accepted("list", answer) : { ok: true, services: {} };
}

/**
 * Removes an instance, by id, or all at a port and perhaps host. Answers { ok }: false where
 * there was none. It starts no daemon: where none runs, nothing is registered.
 */
async function unregister(instance) {
  named("unregister", instance);
  const { name, id, host, port } = instance;
  for (const [key, body] of mine) {
    const same = id !== undefined ? body.id === id : body.port === port && (host === undefined || (body.host ?? "127.0.0.1") === host);
    if (body.name !== name || !same) continue;
    mine.delete(key);
    await restoring.get(key)?.catch(() => {}); // or it would come back after this
  }
  const answer = await call("POST", "/unregister", { name, id, host, port }, findDaemon);
  return answer ? accepted("unregister", answer) : { ok: false };
}

/** Starts the daemon where none runs. Gives { host, port, pid } of the one that does. */
async function startDaemonIfNeeded() {
  known = null; // it is looked for, whatever was known
  return { ...(await locate(ensureDaemon)) };
}

/** { host, port, pid } of the running daemon, or null. */
async function discoveryInfo() {
  known = null;
  const info = await locate(findDaemon);
  return info && { ...info };
}

module.exports = { register, heartbeat, resolve, list, unregister, startDaemonIfNeeded, discoveryInfo };
