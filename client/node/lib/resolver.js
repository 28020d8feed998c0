"use strict";

const { EventEmitter } = require("node:events");
const { RosterError } = require("./errors");
const { Watch } = require("./watch");
const { strategies } = require("./strategy");
const { held } = require("./wait");
const verdict = require("./verdict");

/**
 * A view of one service that follows its changes. Choosing asks nobody; while the registry
 * is away, or refuses us, it goes on from the last view and tries on for ever. Emits "change"
 * after each change, and "failed" (error) when it can follow no longer, for it asks wrongly.
 * It does not keep the process alive, except while somebody waits for ready().
 */
class Resolver extends EventEmitter {
  #client;
  #over; // why it follows no longer
  #watch;
  #choose;
  #view = new Map(); // instances by id
  #gathered; // of a snapshot that is not complete
  #pick; // made when first used after a change: changes come in bursts
  #turn = { turn: 0 };
  #anyStatus;
  #degraded = false; // set when #pick is made
  #seen = false; // there is a view
  #first = outcome(); // of the attempt to get one

  constructor(client, serviceName, { strategy = "round_robin", filters, silence } = {}) {
    super();
    if (typeof serviceName !== "string" || serviceName === "") throw new TypeError("resolver: serviceName must be a string");
    if (!Object.hasOwn(strategies, strategy)) {
      throw new TypeError(`resolver: no strategy ${JSON.stringify(strategy)} on a view; there are ${Object.keys(strategies).join(", ")}`);
    }
    this.serviceName = serviceName;
    this.connected = false;
    this.error = undefined;
    this.#choose = strategies[strategy];
    this.#anyStatus = filters?.status !== undefined;
    this.#watch = new Watch(client, {
      services: [serviceName], filters, silence, background: true, insist: true,
      onRetry: (err) => this.#trouble(err),
      onOpen: (resumes) => { if (resumes && this.#seen) this.#mend(); }, // there may be nothing to tell for long
    });
    this.#client = client;
    this.#follow();
  }

  /** Follows no longer; the view stays as it is. */
  close() {
    this.#watch.close();
    this.#client.forget(this);
    this.#over ??= new RosterError(`resolver ${this.serviceName}: it was closed`, { code: "closed" });
    this.#first.reject(this.#over);
  }

  #trouble(err) {
    this.connected = false;
    this.error = err;
    if (!refusal(err)) return;
    const { reject } = this.#first;
    this.#first = outcome(); // whoever asks after this waits for the next
    reject(err);
  }

  #mend() {
    this.connected = true;
    this.error = undefined;
  }

  async #follow() {
    try {
      for await (const event of this.#watch) {
        this.#mend();
        if (!this.#apply(event)) continue;
        this.#pick = undefined;
        this.#seen = true;
        this.#first.resolve();
        // Not from here: what a listener throws is no failure of ours.
        process.nextTick(() => this.emit("change"));
      }
      this.connected = false;
    } catch (err) {
      this.connected = false;
      this.error = err;
      this.#over = err;
      this.#first.reject(err);
      process.nextTick(() => this.emit("failed", err));
    }
  }

  /** Applies an event, and tells whether the view changed. */
  #apply({ type, first, snapshot, instance, deleted }) {
    switch (type) {
      case "snapshot":
        if (first) this.#gathered = new Map();
        for (const each of snapshot.instances) this.#gathered.set(each.instanceId, each);
        if (!snapshot.last) return false;
        this.#view = this.#gathered;
        this.#gathered = undefined;
        return true;
      case "put":
        this.#view.set(instance.instanceId, instance);
        return true;
      case "delete":
        return this.#view.delete(deleted.instanceId);
      default: // resync: what is shown stays until the new snapshot is complete
        return false;
    }
  }

  // As the registry itself chooses: those that are up, unless a status is asked for, and of
  // them those that pass before those that are suspect. Those that fail their checks are chosen
  // only while nearly all do: a wrong check is then likelier than that all are dead.
  #prepare() {
    const up = [...this.#view.values()].filter((each) => this.#anyStatus || (each.override?.status ?? each.status) === "up");
    const well = up.filter((each) => each.health !== "failing");
    const failing = up.filter((each) => each.health === "failing" && each.verdict?.node);
    this.#degraded = failing.length >= leastPanic && failing.length * 100 > panicThreshold * (failing.length + well.length);
    const passing = well.filter((each) => each.health === "passing");
    let list = passing.length ? passing : well;
    if (this.#degraded) list = [...well, ...failing];
    const choose = this.#choose(list, this.#turn);
    return list.length ? choose : () => undefined;
  }

  /** Waits for the first view; gives the resolver itself. Rejects where the registry refuses it, or it is closed. */
  async ready() {
    if (this.#seen) return this;
    if (this.#over) throw this.#over;
    if (this.error && refusal(this.error)) throw this.error;
    await held(this.#first.promise);
    return this;
  }

  /** One instance, or undefined where none is there. The strategy hash takes a key. */
  pick(key) {
    this.#pick ??= this.#prepare();
    return this.#pick(key);
  }

  /** Whether nearly all fail their checks, so that pick() chooses among those too. */
  get degraded() {
    this.#pick ??= this.#prepare();
    return this.#degraded;
  }

  /** All instances of the view, in any status. */
  instances() {
    return [...this.#view.values()];
  }
}

// The registry's own defaults: more than so many of a hundred, and so many at the least.
const panicThreshold = 80;
const leastPanic = 3;

const refusal = (err) => !verdict.passing(err) || err.code === "forbidden";

function outcome() {
  let settle;
  const promise = new Promise((resolve, reject) => { settle = { resolve, reject }; });
  promise.catch(() => {}); // whoever waits is told
  return { promise, ...settle };
}

module.exports = { Resolver };
