"use strict";

const { EventEmitter } = require("node:events");
const { RosterError } = require("./errors");
const { Holding } = require("./holding");
const { backoff, sleep, held, anyOf, bounded } = require("./wait");
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
  #holding;
  #failures = 0;
  #stop = new AbortController(); // renew no more
  #cut = new AbortController(); // wait for no call any more
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
    this.#holding = new Holding(client, service, { stop: this.#stop.signal, cut: this.#cut.signal });
    this.state = "registering";
    this.error = undefined;
    if (onState) this.on("state", onState);
  }

  get serviceName() { return this.#holding.body.serviceName; }
  get instanceId() { return this.#holding.body.instanceId; }
  /** As the registry showed it last. */
  get instance() { return this.#holding.instance; }
  /** Granted by the registry, in milliseconds. */
  get ttl() { return this.#holding.lease.ttl; }
  /** Whether the instance is registered, as far as can be known here: for a readiness check. */
  get healthy() { return !this.#holding.missing && this.#holding.lease.alive && (this.state === "registered" || this.state === "retrying"); }

  /**
   * Registers; for Client.register. Rejects what the registry refuses, and ends when the signal
   * or the time does, even in the middle of a call: what that has made runs out by itself.
   */
  async begin({ signal, timeout = Infinity } = {}) {
    const late = new AbortController();
    const timer = timeout === Infinity ? undefined : setTimeout(() => late.abort(), bounded(timeout));
    const limit = anyOf([this.#stop.signal, late.signal, signal]);
    limit.signal.addEventListener("abort", () => { if (!this.#stop.signal.aborted) this.#cut.abort(); });
    try {
      await held(this.#insist(limit.signal));
    } catch (err) {
      await this.close({ reason: "gave up", timeout: 1000 });
      throw err;
    } finally {
      clearTimeout(timer);
      limit.release();
    }
    this.#kept = this.#keep();
  }

  async #insist(limit) {
    while (!limit.aborted) {
      try {
        await this.#exclusive(() => this.#register());
        if (!limit.aborted) return;
      } catch (err) {
        if (limit.aborted) break;
        // A registration whose answer was lost, with a registry to which we have no identity.
        if (err.code === "conflict" && this.#holding.another()) continue;
        // So is a registry of this machine that cannot be started.
        if (verdict.mistaken(err) || (this.#client.local && err.status === 0)) throw err;
        this.#failed(err);
      }
      await sleep(this.#pause(), { signal: limit });
    }
    const closed = this.#stop.signal.aborted;
    const why = closed ? "the client was closed" : (this.error?.message ?? "there was no answer in time");
    throw new RosterError(`register ${this.serviceName}: gave up: ${why}`, { code: closed ? "closed" : "unavailable", cause: this.error });
  }

  async #keep() {
    const { signal } = this.#stop;
    for (;;) {
      await sleep(this.#pause(), { signal, background: true });
      if (signal.aborted) return;
      try {
        // While a call is under way that needs the token as it is, that is not rotated.
        await this.#exclusive(() => this.#holding.renew({ rotate: this.#steady === 0 }));
        if (!signal.aborted) this.#set("registered");
      } catch (err) {
        if (signal.aborted) return;
        if (!verdict.passing(err)) return this.#lose(err);
        this.#failed(err);
      }
    }
  }

  /** How long it is until there is something to do, in milliseconds. */
  #pause() {
    const { lease } = this.#holding;
    if (this.#failures > 0) {
      const longest = Math.min(lease.longestPause, this.#client.longestPause);
      // Nor does it wait longer than that where it is asked to: the lease would run out.
      return backoff(this.#failures, 250, longest) + Math.min(this.error.retryAfter, longest);
    }
    return Math.max(Math.min(lease.untilRenewal, lease.untilRotation), 50);
  }

  async #register() {
    await this.#holding.register();
    this.#set("registered");
  }

  /**
   * Changes status, weight, metadata (merged; null removes a key) or tags, here and in what
   * is registered again later. Gives the instance as it then is. Where it rejects, what is
   * registered again is as it was.
   */
  update(change) {
    return held(this.#exclusive(async () => {
      this.#refuseWhereOver();
      const before = this.#holding.body;
      try {
        await this.#holding.change(change);
      } catch (err) {
        if (!this.#holding.mayReturn(err)) throw err;
        this.#holding.body = merge(before, change);
        this.#holding.missing = true;
        await this.#register().catch((failed) => {
          this.#holding.body = before; // or one bad change would be the end of all renewals
          throw failed;
        });
      }
      return this.instance;
    }));
  }

  #refuseWhereOver() {
    if (this.state !== "lost" && !this.#stop.signal.aborted) return;
    const over = this.state === "lost" ? "lost" : "closed";
    throw new RosterError(`update ${this.#holding.name}: the registration is ${over}`, { code: "closed", cause: this.error });
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
          this.#refuseWhereOver();
          await this.#holding.change(change, { told: Math.max(until - Date.now(), 0), onTold: (was) => { told = was; } });
          return told ?? false;
        } catch (err) {
          const wait = backoff(failures, 100, 1000);
          if (!(verdict.passing(err) || this.#holding.mayReturn(err)) || Date.now() + wait > until) throw err;
          this.#holding.body = merge(this.#holding.body, change); // for when a renewal registers it again
          await sleep(wait, { signal: this.#stop.signal });
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
    const end = new AbortController();
    const timer = setTimeout(() => { this.#cut.abort(); end.abort(); }, bounded(timeout));
    await this.#kept;
    const known = await this.#exclusive(() => this.state === "lost" || this.#holding.leave({ reason, timeout, signal: end.signal }));
    clearTimeout(timer);
    this.#holding.missing = true;
    this.#client.forget(this);
    if (this.state !== "lost") this.#set("closed");
    return known;
  }

  #exclusive(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #failed(err) {
    this.#failures++;
    this.#set("retrying", err);
  }

  #lose(err) {
    this.#holding.missing = true;
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
