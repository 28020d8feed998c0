"use strict";

const { exchange, wasIdle } = require("./exchange");
const { RosterError, answerError, networkError, worst, parse } = require("./errors");
const { parseAddress } = require("./address");
const { connections } = require("./credentials");
const { Nodes, LocalNode } = require("./endpoints");
const { Registration } = require("./registration");
const { Resolver } = require("./resolver");
const { Watch } = require("./watch");
const { filterQuery } = require("./filter");
const { version } = require("../package.json");

/** Calls one registry: the nodes at `urls`, or that of this machine where there are none. */
class Client {
  #endpoints;
  #connections;
  #timeout;
  #open = new Set(); // registrations, resolvers and watches, to be closed with the client
  #closed = false;

  constructor(options = {}) {
    const { urls, inOrder = false, ca, cert, key, timeout = 10_000 } = fromEnvironment(options);
    if (!(Number.isFinite(timeout) && timeout > 0)) throw new TypeError("create client: timeout must be a number of milliseconds");
    const secured = [ca, cert, key].some((value) => value !== undefined);
    if (urls !== undefined && !(Array.isArray(urls) && urls.length > 0)) {
      throw new TypeError("create client: urls must be an array of addresses; leave it out for the registry of this machine");
    }
    if (urls === undefined && secured) throw new TypeError("create client: ca, cert and key need urls, or ROSTER_ADDRESS; the registry of this machine has no TLS");
    this.local = urls === undefined;
    /**
     * The longest wait between tries, in milliseconds. To look for the registry of this machine
     * costs little, and somebody sits in front of it.
     */
    this.longestPause = this.local ? 1000 : 20_000;
    this.#endpoints = this.local ? new LocalNode() : new Nodes(urls.map((url) => parseAddress(url, secured)), inOrder);
    this.#connections = connections({ ca, cert, key });
    this.#timeout = timeout;
  }

  /** How many nodes there are to try. */
  get nodes() { return this.#endpoints.size; }

  /** Registers an instance and keeps it registered. */
  async register(service, options = {}) {
    this.#refuseIfClosed("register");
    const registration = new Registration(this, service, options);
    this.#track(registration);
    await registration.begin(options);
    return registration;
  }

  /** A view of a service that follows its changes, for choosing without asking. */
  resolver(serviceName, options) {
    this.#refuseIfClosed("resolver");
    return this.#track(new Resolver(this, serviceName, options));
  }

  /** The changes of services, as an async iterable. */
  watch(options = {}) {
    this.#refuseIfClosed("watch");
    return this.#track(new Watch(this, options));
  }

  /** One instance of a service, chosen by the registry. */
  resolve(serviceName, { strategy, key, filters, consistent, signal } = {}) {
    const query = filterQuery(filters, { strategy, key, consistent });
    return this.call({ op: `resolve ${serviceName}`, path: `/registry/resolve/${segment("resolve", serviceName)}`, query, signal });
  }

  /** The names of all services, and how many instances each has. */
  async services({ consistent, signal } = {}) {
    const answer = await this.call({ op: "services", path: "/registry/services", query: filterQuery({}, { consistent }), signal });
    return answer.services;
  }

  /** The instances of a service; none of one that nobody registered. */
  async list(serviceName, { filters, limit, after, consistent, signal } = {}) {
    const query = filterQuery(filters, { limit, after, consistent });
    const path = `/registry/services/${segment("list", serviceName)}`;
    const answer = await this.call({ op: `list ${serviceName}`, path, query, signal });
    return answer.instances;
  }

  /** One instance by its id. */
  get(serviceName, instanceId, { consistent, signal, timeout, background } = {}) {
    const path = instancePath("get", serviceName, instanceId);
    return this.call({ op: `get ${serviceName}/${instanceId}`, path, query: filterQuery({}, { consistent }), signal, timeout, background });
  }

  /** Recent changes and their reasons, oldest first. */
  async events({ service, instance, limit, signal } = {}) {
    const query = filterQuery({}, { service, instance, limit });
    const answer = await this.call({ op: "events", path: "/registry/events", query, signal });
    return answer.events;
  }

  /**
   * Changes an instance whose token is at hand. With `told`, in milliseconds, the answer waits
   * that long for the watchers to be told, and `onTold` gets whether they have been.
   */
  update(serviceName, instanceId, change, { token, signal, told, onTold } = {}) {
    const op = `update ${serviceName}/${instanceId}`;
    const path = instancePath("update", serviceName, instanceId);
    const query = filterQuery({}, { told: told === undefined ? undefined : `${told}ms` });
    const timeout = this.#timeout + (told ?? 0);
    const onHeaders = onTold && ((headers) => onTold(headers["registry-told"] === "true"));
    return this.call({ op, method: "PATCH", path, query, token, body: change, signal, timeout, onHeaders });
  }

  /** Removes an instance whose token is at hand. Gives whether it was there. */
  async deregister(serviceName, instanceId, { token, reason, signal, timeout, start } = {}) {
    const path = instancePath("deregister", serviceName, instanceId);
    const query = filterQuery({}, { reason });
    try {
      await this.call({ op: `deregister ${serviceName}/${instanceId}`, method: "DELETE", path, query, token, signal, timeout, start });
      return true;
    } catch (err) {
      if (err.code === "not_found" || err.code === "lease_lost") return false;
      throw err;
    }
  }

  /** Deregisters what is registered, ends all that follows changes, and closes the connections. */
  async close() {
    this.#closed = true;
    await Promise.all([...this.#open].map((each) => each.close()));
    this.#connections.close();
  }

  /** Calls the API and gives the decoded answer. For the classes of this package. */
  async call({ op, method = "GET", path, query, token, body, signal, timeout = this.#timeout, background, start, onHeaders, repeat = true }) {
    const headers = { Accept: "application/json, application/problem+json", "User-Agent": `roster-node/${version}` };
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined) Object.assign(headers, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
    if (token) headers["X-Instance-Token"] = token;
    const request = { method, headers, body: text, timeout, signal, background };
    return this.failover({ op, repeat, signal, start }, async (base) => {
      const answer = await this.exchange(op, base, path, query, request);
      if (answer.status < 200 || answer.status > 299) throw answerError(op, base, answer);
      onHeaders?.(answer.headers);
      if (answer.status === 204) return undefined;
      const decoded = parse(answer.text);
      if (decoded === null || typeof decoded !== "object") {
        throw new RosterError(`${op}: ${base} answers ${answer.status}, but not in the form of a Roster registry`, { status: answer.status });
      }
      return decoded;
    });
  }

  /** One exchange with one node, tried again where its connection had gone stale, or the identity that it began with. */
  async exchange(op, base, path, query, request) {
    const text = query?.toString();
    const url = base + path + (text ? `?${text}` : "");
    for (let attempt = 0; ; attempt++) {
      const agent = this.#connections.agent(base);
      try {
        const answer = await exchange(url, { ...request, agent });
        if (attempt > 3 || answer.status !== 401 || !answer.reused || !this.#connections.renew(agent)) return answer;
      } catch (err) {
        if (request.signal?.aborted) throw request.signal.reason;
        if (attempt > 3 || !wasIdle(err)) throw networkError(op, base, err);
      }
    }
  }

  /**
   * Tries the nodes in turn, each once, beginning with the one that answered last. With
   * `repeat` the request may be sent again where it is not known what became of it.
   */
  async failover({ op, repeat = true, signal, start }, attempt) {
    const failures = [];
    for (let round = 0; round < 2; round++) {
      let again = false;
      const bases = await this.#endpoints.order({ start });
      if (bases.length === 0) {
        const why = "no local registry is running: it was stopped, and is used again when somebody starts it (roster dev --detach)";
        throw new RosterError(`${op}: ${why}`, { code: "unavailable" });
      }
      for (const base of bases) {
        try {
          const out = await attempt(base);
          this.#endpoints.worked(base);
          return out;
        } catch (err) {
          if (signal?.aborted || !(err instanceof RosterError)) throw err;
          again = this.#endpoints.failed(base, err) || again;
          if (!elsewhere(err) && !again) throw err;
          failures.push(err);
          if (err.sent && !repeat) throw worst(failures);
        }
      }
      if (!again) break;
    }
    throw worst(failures);
  }

  /** Forgets what has been closed. */
  forget(each) {
    this.#open.delete(each);
  }

  #track(each) {
    this.#open.add(each);
    return each;
  }

  #refuseIfClosed(op) {
    if (this.#closed) throw new RosterError(`${op}: the client is closed`, { code: "closed" });
  }
}

/** Whether another node may do better: this one is no registry, or away, or has a fault of its own. */
const elsewhere = (err) => err.code === "unavailable" || err.code === undefined || err.status >= 500;

/** The options, where they name no registry with what the environment says of one. */
function fromEnvironment(options, env = process.env) {
  if (options.urls !== undefined) return options;
  const urls = (env.ROSTER_ADDRESS ?? "").split(",").map((address) => address.trim()).filter(Boolean);
  if (urls.length === 0) return options;
  const named = { ca: env.ROSTER_CA || undefined, cert: env.ROSTER_CERT || undefined, key: env.ROSTER_KEY || undefined };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...named, ...Object.fromEntries(given), urls };
}

function segment(op, name) {
  // "." and ".." would be taken out of the path on the way.
  if (typeof name !== "string" || name === "" || name === "." || name === "..") throw new TypeError(`${op}: ${JSON.stringify(name)} is no name`);
  return encodeURIComponent(name);
}

function instancePath(op, serviceName, instanceId) {
  return `/registry/services/${segment(op, serviceName)}/${segment(op, instanceId)}`;
}

module.exports = { Client };
