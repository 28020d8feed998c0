"use strict";

const { EventEmitter } = require("node:events");
const { RosterError } = require("./errors");
const { Lease } = require("./lease");
const { makeInstanceId } = require("./id");
const { backoff, sleep, held, anyOf } = require("./wait");
const { merge } = require("./change");
const verdict = require("./verdict");

/**
 * An instance that is kept registered: renewed three times a TTL, its token rotated in time,
 * registered again where its lease was lost by nobody's will, with back-off and for ever.
 *
 * Emits "state" (state, error) at each change of state, and "lost" (error) when it stops for
 * good. It does not keep the process alive; calls that somebody waits for do.
 */
class Registration extends EventEmitter {
  #client;
  #body;
  #spare; // how many more ids may be made here, where the first is taken
  #lease = new Lease();
  #missing = true; // the registry does not hold it
  #failures = 0;
  #stop = new AbortController();
  #turn = Promise.resolve(); // calls about one instance go one after another: tokens change
  #kept = Promise.resolve();
  #closing;
  #steady = 0; // calls under way that need the token as it is

  constructor(client, service, { onState } = {}) {
    super();
    if (service === null || typeof service !== "object") throw new TypeError("register: give an object");
    const { serviceName } = service;
    if (typeof serviceName !== "string" || serviceName === "") throw new TypeError("register: serviceName must be a string");
    this.#client = client;
    this.#spare = service.instanceId === undefined ? 3 : 0;
    this.#body = { ...service, instanceId: service.instanceId ?? makeInstanceId(serviceName) };
    // The registry of this machine watches processes: with ours gone the instance is too.
    if (client.local && service.pid === undefined) this.#body.pid = process.pid;
    if (service.pid === null) delete this.#body.pid;
    this.state = "registering";
    this.error = undefined;
    this.instance = undefined;
    if (onState) this.on("state", onState);
  }

  get serviceName() { return this.#body.serviceName; }
  get instanceId() { return this.#body.instanceId; }
  /** Granted by the registry, in milliseconds. */
  get ttl() { return this.#lease.ttl; }
  /** Whether the instance is registered, as far as can be known here: for a readiness check. */
  get healthy() { return !this.#missing && this.#lease.alive && (this.state === "registered" || this.state === "retrying"); }

  /** Registers; for Client.register. Rejects what the registry refuses, and ends when the signal or the time does. */
  async begin({ signal, timeout } = {}) {
    const limits = [this.#stop.signal];
    if (signal) limits.push(signal);
    const late = new AbortController();
    const limit = anyOf([...limits, late.signal]);
    const timer = timeout === undefined ? undefined : setTimeout(() => late.abort(), timeout);
    try {
      await held(this.#insist(limit));
    } catch (err) {
      this.#stop.abort();
      this.#client.forget(this);
      throw err;
    } finally {
      clearTimeout(timer);
    }
    this.#kept = this.#keep();
  }

  async #insist(limit) {
    for (;;) {
      try {
        return await this.#exclusive(() => this.#register());
      } catch (err) {
        if (err.code === "conflict" && this.#spare-- > 0) {
          // A registration whose answer was lost, with a registry to which we have no identity.
          this.#body.instanceId = makeInstanceId(this.serviceName);
          continue;
        }
        // At the beginning a 403 is told, and not waited out: it is likely to be a mistake. So
        // is a registry of this machine that cannot be started.
        if (!verdict.passing(err) || err.code === "forbidden" || (this.#client.local && err.status === 0)) throw err;
        this.#failed(err);
      }
      await sleep(this.#pause(), { signal: limit });
      if (limit.aborted) {
        const why = this.#stop.signal.aborted ? "the client was closed" : this.error.message;
        throw new RosterError(`register ${this.serviceName}: gave up: ${why}`, { code: this.#stop.signal.aborted ? "closed" : "unavailable", cause: this.error });
      }
    }
  }

  async #keep() {
    const { signal } = this.#stop;
    for (;;) {
      await sleep(this.#pause(), { signal, background: true });
      if (signal.aborted) return;
      try {
        await this.#exclusive(() => this.#renew());
      } catch (err) {
        if (signal.aborted) return;
        if (!verdict.passing(err)) return this.#lose(err);
        this.#failed(err);
      }
    }
  }

  /** How long it is until there is something to do, in milliseconds. */
  #pause() {
    if (this.#failures > 0) {
      return backoff(this.#failures, 250, Math.min(this.#lease.longestPause, this.#client.longestPause)) + Math.min(this.error.retryAfter, 60_000);
    }
    return Math.max(Math.min(this.#lease.untilRenewal, this.#lease.untilRotation), 50);
  }

  async #renew() {
    if (this.#missing) return this.#register();
    try {
      if (this.#steady === 0 && this.#lease.untilRotation <= 0) await this.#rotate();
      const began = Date.now();
      const { ttl } = await this.#call("POST", "/registry/heartbeat", this.#reference());
      this.#lease.renewed(ttl, began);
      this.#set("registered");
    } catch (err) {
      if (!this.#mayReturn(err)) throw err;
      this.#missing = true;
      await this.#register();
    }
  }

  async #rotate() {
    const began = Date.now();
    const { token } = await this.#call("POST", "/registry/token/rotate", this.#reference());
    // The old one stays good until the new one is used: a lost answer loses nothing.
    this.#lease.rotated(token, began);
  }

  async #register() {
    const began = Date.now();
    let answer;
    try {
      answer = await this.#call("POST", "/registry/register", this.#body);
    } catch (err) {
      if (err.code !== "unauthenticated" || !this.#lease.token) throw err;
      this.#lease.token = undefined; // it may be what is wrong; our identity may be enough
      answer = await this.#call("POST", "/registry/register", this.#body);
    }
    this.#lease.granted(answer, began);
    this.instance = answer.instance;
    this.#missing = false;
    this.#set("registered");
  }

  #call(method, path, body) {
    // A registration under way is not cut short: it may have been made, and is to be removed.
    const signal = path === "/registry/heartbeat" ? this.#stop.signal : undefined;
    const op = `${path.split("/").pop()} ${this.serviceName}/${this.instanceId}`;
    return this.#client.call({ op, method, path, body, token: this.#lease.token, timeout: this.#lease.patience, signal, background: true });
  }

  #reference() {
    return { serviceName: this.serviceName, instanceId: this.instanceId };
  }

  /**
   * Changes status, weight, metadata (merged; null removes a key) or tags, here and in what
   * is registered again later. Gives the instance as it then is.
   */
  update(change) {
    return held(this.#exclusive(async () => {
      try {
        await this.#change(change);
      } catch (err) {
        if (!this.#mayReturn(err)) throw err;
        this.#body = merge(this.#body, change);
        this.#missing = true;
        await this.#register();
      }
      return this.instance;
    }));
  }

  async #change(change, options) {
    const { serviceName, instanceId } = this;
    const name = `${serviceName}/${instanceId}`;
    if (this.state === "lost" || this.#stop.signal.aborted) {
      throw new RosterError(`update ${name}: the registration is ${this.state === "lost" ? "lost" : "closed"}`, { code: "closed", cause: this.error });
    }
    if (this.#missing) throw new RosterError(`update ${name}: it is not registered at present`, { code: "not_found" });
    this.instance = await this.#client.update(serviceName, instanceId, change, { token: this.#lease.token, ...options });
    this.#body = merge(this.#body, change);
  }

  /**
   * Takes no new work: sets the status "draining" and waits until those who watch the
   * registry have been told. Gives whether they were, within `timeout` milliseconds, at most
   * 30,000; in that time it tries on while the registry is away, and rejects where it stays so.
   */
  drain({ timeout = 5000 } = {}) {
    return held(this.#drain(Math.min(timeout, 30_000)));
  }

  async #drain(timeout) {
    const until = Date.now() + timeout;
    const change = { status: "draining" };
    // Renewals go on meanwhile, and so this is not one of the calls that go one after another.
    // A rotation would make the token of this call a dead one.
    this.#steady++;
    try {
      for (let failures = 1; ; failures++) {
        await this.#turn;
        let told;
        try {
          await this.#change(change, { told: Math.max(until - Date.now(), 0), onTold: (was) => { told = was; } });
          return told ?? false;
        } catch (err) {
          const wait = backoff(failures, 100, 1000);
          if (!(verdict.passing(err) || this.#mayReturn(err)) || Date.now() + wait > until) throw err;
          this.#body = merge(this.#body, change); // for when a renewal registers it again
          await sleep(wait);
        }
      }
    } finally {
      this.#steady--;
    }
  }

  /**
   * Stops renewing and deregisters; `reason` is kept in the event. Gives whether the registry
   * knows: where it does not within `timeout` milliseconds, the lease runs out by itself.
   */
  close({ reason = "closed", timeout = 5000 } = {}) {
    this.#closing ??= held(this.#leave(reason, timeout));
    return this.#closing;
  }

  async #leave(reason, timeout) {
    this.#stop.abort(new RosterError("heartbeat: the registration was closed", { code: "closed" }));
    await this.#kept;
    const known = await this.#exclusive(async () => {
      if (this.state === "lost" || this.#lease.token === undefined) return true;
      try {
        await this.#client.deregister(this.serviceName, this.instanceId, { token: this.#lease.token, reason, timeout, start: false });
        return true;
      } catch {
        return false; // said by the answer: at its end a program can do no more about it
      }
    });
    this.#missing = true;
    this.#client.forget(this);
    if (this.state !== "lost") this.#set("closed");
    return known;
  }

  #exclusive(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Whether what an error says is gone may be registered again. */
  #mayReturn(err) {
    return verdict.again(err, this.#body.pid, this.#lease.tokenExpired);
  }

  #failed(err) {
    this.#failures++;
    this.#set("retrying", err);
  }

  #lose(err) {
    this.#missing = true;
    this.#stop.abort();
    this.#client.forget(this);
    this.#set("lost", err);
    process.nextTick(() => this.emit("lost", err));
  }

  #set(state, error) {
    if (state !== "retrying") this.#failures = 0;
    const news = state !== this.state;
    this.state = state;
    this.error = error;
    // Not from here: what a listener throws is no failure of ours.
    if (news) process.nextTick(() => this.emit("state", state, error));
  }
}

module.exports = { Registration };
