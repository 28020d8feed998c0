"use strict";

const { RosterError, answerError } = require("./errors");
const { Decoder } = require("./sse");
const { backoff, sleep } = require("./wait");
const { filterQuery } = require("./filter");
const verdict = require("./verdict");

// The registry sends a comment every 15 s at least.
const maxSilence = 45_000;
// What can be sent back in a header.
const position = /^[\x20-\x7e]{1,256}$/;

/**
 * Follows the changes of services; an async iterable, for one reader. Applied in order, its
 * events lead to the state of the registry: a snapshot, in parts, replaces all that was
 * known; a put sets an instance; a delete removes one; after a resync a snapshot follows.
 * It connects again, with back-off, as often as the connection is lost, and goes on where it
 * was; an event may then come twice. Only what will not pass by itself ends it: an error. With
 * `insist` that is no more than what was asked wrongly: who may not look now may do so later.
 */
class Watch {
  #client;
  #query;
  #onRetry;
  #background;
  #stop = new AbortController();
  #position; // the id of the last event
  #inSnapshot = false;
  #failures = 0;
  #retry;
  #silence;
  #insist;
  #onOpen;
  #release;

  constructor(client, { services = [], filters, after, signal, background = false, onRetry, silence = maxSilence, insist = false, onOpen }) {
    if (after !== undefined && !position.test(after)) throw new TypeError("watch: after must be the id of an event");
    this.#client = client;
    this.#query = filterQuery(filters);
    for (const service of services) this.#query.append("service", service);
    this.#position = after;
    this.#background = background;
    this.#onRetry = onRetry;
    this.#silence = silence;
    this.#insist = insist;
    this.#onOpen = onOpen;
    const close = () => this.close();
    this.#release = () => signal?.removeEventListener("abort", close); // it may outlive this by far
    if (signal?.aborted) this.close();
    else signal?.addEventListener("abort", close, { once: true });
  }

  /** Ends it; a reader under way gets the end. */
  close() {
    this.#stop.abort();
    this.#release();
    this.#client.forget(this);
  }

  async *[Symbol.asyncIterator]() {
    try {
      while (!this.#stop.signal.aborted) {
        try {
          const body = await this.#open();
          this.#onOpen?.(this.#position !== undefined);
          yield* this.#read(body);
        } catch (err) {
          if (this.#stop.signal.aborted) return;
          if (!(err instanceof RosterError) || !this.#goesOn(err)) throw err;
          await this.#pause(err);
        }
      }
    } finally {
      this.close();
    }
  }

  #goesOn(err) {
    return this.#insist ? err.code !== "invalid_request" : verdict.passing(err) && err.code !== "forbidden";
  }

  async #pause(err) {
    this.#failures++;
    this.#inSnapshot = false;
    const wait = backoff(this.#failures, this.#retry ?? 500, this.#client.longestPause) + Math.min(err.retryAfter, 60_000);
    this.#onRetry?.(err, wait);
    await sleep(wait, { signal: this.#stop.signal, background: this.#background });
  }

  #open() {
    const op = "watch";
    const headers = { Accept: "text/event-stream", "Cache-Control": "no-store" };
    if (this.#position) headers["Last-Event-ID"] = this.#position;
    const request = { method: "GET", headers, timeout: 10_000, signal: this.#stop.signal, background: this.#background, stream: true };
    return this.#client.failover({ op, signal: this.#stop.signal }, async (base) => {
      const answer = await this.#client.exchange(op, base, "/registry/watch", this.#query, request);
      const type = String(answer.headers["content-type"] ?? "").split(";")[0];
      if (answer.body && type === "text/event-stream") return answer.body;
      answer.body?.destroy();
      throw answerError(op, base, { text: "", ...answer });
    });
  }

  async *#read(body) {
    const cut = () => body.destroy();
    const { signal } = this.#stop;
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) cut(); // since it was opened
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(cut, this.#silence);
      if (this.#background) timer.unref();
    };
    const decoder = new Decoder();
    try {
      alive();
      for await (const text of body) {
        clearTimeout(timer); // a reader that takes its time is no silence of the registry's
        for (const message of decoder.push(text)) {
          if (signal.aborted) return;
          const event = this.#take(message);
          if (event) yield event;
        }
        this.#retry = decoder.retry ?? this.#retry;
        alive();
      }
      throw new Error("it ended");
    } catch (err) {
      if (err instanceof RosterError) throw err;
      throw new RosterError(`watch: the connection was lost: ${err.message}`, { code: "unavailable", cause: err });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cut);
      body.destroy();
    }
  }

  /** The event of a message, and the position moved; undefined for what is no event. */
  #take({ event, data, id }) {
    this.#failures = 0;
    const out = { type: event };
    switch (event) {
      case "snapshot":
        out.snapshot = this.#decode(event, data);
        if (!Array.isArray(out.snapshot.instances)) throw this.#garbled(event, "there are no instances");
        out.first = !this.#inSnapshot;
        this.#inSnapshot = !out.snapshot.last;
        break;
      case "put":
        out.instance = this.#decode(event, data);
        break;
      case "delete":
        out.deleted = this.#decode(event, data);
        break;
      case "resync":
        this.#inSnapshot = false;
        this.#position = undefined;
        return out;
    }
    // Were the connection lost within a snapshot, resuming from the position before it could
    // leave out what its other parts would have told.
    if (this.#inSnapshot) this.#position = undefined;
    else if (id !== undefined && position.test(id)) this.#position = id;
    out.id = this.#position;
    // Types that are not known are passed over: a newer registry may have more of them.
    return ["snapshot", "put", "delete"].includes(event) ? out : undefined;
  }

  #decode(event, data) {
    let decoded;
    try {
      decoded = JSON.parse(data);
    } catch (err) {
      throw this.#garbled(event, err.message, err);
    }
    if (decoded === null || typeof decoded !== "object") throw this.#garbled(event, "it is no object");
    return decoded;
  }

  #garbled(event, why, cause) {
    this.#position = undefined; // who goes on after it needs a fresh snapshot
    return new RosterError(`watch: decode a ${event} event: ${why}`, { code: "internal", status: 200, cause });
  }
}

module.exports = { Watch };
