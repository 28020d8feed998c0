"use strict";

const { RosterError } = require("./errors");
const { Lease } = require("./lease");
const { moment, since } = require("./clock");
const { makeInstanceId } = require("./id");
const { merge } = require("./change");
const verdict = require("./verdict");

// How often in a row it may be unclear whose an instance is.
const maxDoubts = 3;

/**
 * The calls about one instance that is kept registered, and what their answers change. One
 * call at a time: tokens change. All are in the background, and do not keep the process alive.
 */
class Holding {
  #client;
  #spare; // how many more ids may be made here, where the first is taken
  #stop; // comes when the registration is closed, and ends heartbeats
  #cut; // comes when no time is left, and ends all calls
  #unclear; // when a registration was sent of which the outcome is not known
  #doubts = 0;
  lease = new Lease();
  body; // what is to be registered
  instance; // as the registry showed it last
  missing = true; // the registry does not hold it

  constructor(client, service, { stop, cut }) {
    this.#client = client;
    this.#stop = stop;
    this.#cut = cut;
    this.#spare = service.instanceId === undefined ? 3 : 0;
    this.body = { ...service, instanceId: service.instanceId ?? makeInstanceId(service.serviceName) };
    // The registry of this machine watches processes: with ours gone the instance is too.
    if (client.local && service.pid === undefined) this.body.pid = process.pid;
    if (service.pid === null) delete this.body.pid;
  }

  get name() { return `${this.body.serviceName}/${this.body.instanceId}`; }

  /** Takes another id, where one that was made here is taken. False where none may be made. */
  another() {
    if (this.#spare-- <= 0) return false;
    this.body = { ...this.body, instanceId: makeInstanceId(this.body.serviceName) };
    return true;
  }

  async register() {
    const began = moment();
    // One that is under way is not cut short when the registration is closed: it may have
    // been made, and is to be removed.
    const send = () => this.#call("register", this.body, { signal: this.#cut });
    let answer;
    try {
      answer = await send().catch((err) => {
        if (err.code !== "unauthenticated" || !this.lease.token) throw err;
        this.lease.token = undefined; // it may be what is wrong; our identity may be enough
        return send();
      });
    } catch (err) {
      throw this.#unclearly(err, began);
    }
    if (!(answer.ttl > 0) || typeof answer.token !== "string" || typeof answer.instance !== "object") throw this.#foreign("register");
    this.lease.granted(answer, began);
    this.instance = answer.instance;
    this.missing = false;
    this.#unclear = undefined;
    this.#doubts = 0;
  }

  /**
   * What a failed registration means. Where the answer to one was lost, and nothing proves to
   * the registry that we are the same, its lease stands in our way until it has run out.
   */
  #unclearly(err, began) {
    if (err.code === "unavailable" && err.sent) this.#unclear = began;
    if (err.code !== "conflict" || this.#spare > 0 || !this.#unclear) return err;
    if (since(this.#unclear) > 2 * (this.lease.ttl || this.body.ttl || 30_000)) return err;
    return new RosterError(err.message, { code: "unavailable", status: err.status, cause: err });
  }

  /** Starts the TTL anew, and rotates the token where that is due and may be. Registers where the lease was lost by nobody's will. */
  async renew({ rotate = true } = {}) {
    if (this.missing) return this.register();
    if (rotate && this.lease.untilRotation <= 0) await this.#rotate();
    try {
      return await this.#beat(this.lease.token);
    } catch (err) {
      if (err.code === "unauthenticated" && (await this.#fellBack())) return undefined;
      if (!this.mayReturn(err) && !(err.code === "unauthenticated" && (await this.#ours(err)))) throw err;
    }
    this.missing = true;
    return this.register();
  }

  async #beat(token) {
    const began = moment();
    const { ttl } = await this.#call("heartbeat", this.#reference(), { token, signal: this.#stop });
    if (!(ttl > 0)) throw this.#foreign("heartbeat");
    this.lease.renewed(ttl, began);
    this.#doubts = 0;
  }

  /**
   * Gets a new token. The old one stays good until the new one is used, so that a lost answer
   * loses nothing; and whatever fails here must not keep the heartbeat from being sent, which
   * says what is wrong as well.
   */
  async #rotate() {
    const began = moment();
    try {
      const { token } = await this.#call("token/rotate", this.#reference(), { signal: this.#cut });
      if (typeof token !== "string") throw this.#foreign("rotate");
      this.lease.rotated(token, began);
    } catch {
      this.lease.postpone();
    }
  }

  /** Tells whether the token before is taken where the newest is not. */
  async #fellBack() {
    if (!this.lease.previous) return false;
    try {
      await this.#beat(this.lease.previous);
    } catch {
      return false;
    }
    this.lease.fallBack();
    return true;
  }

  /**
   * Tells whether an instance that lives, and refuses our token, is still the very life that
   * was registered here: the registry has lost the token, and to register again is right. If
   * it is another's, to take it back would go on for ever. Throws what may pass where that
   * cannot be known yet.
   */
  async #ours(err) {
    const { serviceName, instanceId } = this.body;
    try {
      const now = await this.#client.get(serviceName, instanceId, { consistent: true, signal: this.#stop, timeout: this.lease.patience, background: true });
      return now.registeredAt === this.instance.registeredAt;
    } catch (why) {
      // It has just gone, or we may not look.
      if (["not_found", "forbidden"].includes(why.code) && ++this.#doubts >= maxDoubts) return false;
      // Where looking is refused as well it is not the token that is refused, but us: a
      // certificate that has run out may be renewed.
      throw new RosterError(err.message, { code: "unavailable", status: err.status, cause: err });
    }
  }

  /** Changes the instance where the registry holds it, and what will be registered. */
  async change(change, options) {
    if (this.missing) throw new RosterError(`update ${this.name}: it is not registered at present`, { code: "not_found" });
    const { serviceName, instanceId } = this.body;
    this.instance = await this.#client.update(serviceName, instanceId, change, { token: this.lease.token, signal: this.#cut, ...options });
    this.body = merge(this.body, change);
  }

  /** Deregisters, within `timeout` milliseconds. Gives whether the registry knows. */
  async leave({ reason, timeout, signal }) {
    const { serviceName, instanceId } = this.body;
    for (const token of [this.lease.token, this.lease.previous]) {
      if (token === undefined) continue;
      try {
        await this.#client.deregister(serviceName, instanceId, { token, reason, timeout: timeout / this.#client.nodes, signal, start: false });
        return true;
      } catch (err) {
        if (err.code !== "unauthenticated") return false; // at its end a program can do no more about it
      }
    }
    return this.lease.token === undefined;
  }

  /** Whether what an error says is gone may be registered again. */
  mayReturn(err) {
    return verdict.again(err, this.body.pid, this.lease.tokenExpired);
  }

  #call(what, body, { token = this.lease.token, signal }) {
    const op = `${what.split("/").pop()} ${this.name}`;
    return this.#client.call({ op, method: "POST", path: `/registry/${what}`, body, token, timeout: this.lease.patience, signal, background: true });
  }

  #reference() {
    const { serviceName, instanceId } = this.body;
    return { serviceName, instanceId };
  }

  /** An answer that says yes, and is none of a registry's. */
  #foreign(what) {
    return new RosterError(`${what} ${this.name}: the answer is not in the form of a Roster registry`, { status: 200 });
  }
}

module.exports = { Holding };
