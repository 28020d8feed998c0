"use strict";

const { since } = require("./clock");

/** What the registry granted one registration: a lease and a token, and how long each is good. */
class Lease {
  token;
  /** The token before. It is good again where the registry has lost that it gave the newer one. */
  previous;
  ttl = 0; // milliseconds; 0 before the first grant
  #renewed; // when the last renewal that was accepted was sent
  #life = 0; // of a token, in milliseconds; 0: it does not expire
  #minted; // when the token was asked for
  #rotation = Infinity; // when it should be rotated, in milliseconds from then

  /** Takes the answer to a registration that was sent at `began`, a moment(). */
  granted({ instance, token, tokenExpiresAt, ttl }, began) {
    // A difference of the registry's own times: a clock that differs from ours does no harm.
    this.#life = tokenExpiresAt > 0 ? Math.max(tokenExpiresAt - instance.registeredAt, 1000) : 0;
    this.rotated(token, began);
    this.previous = undefined; // it was of another life
    this.renewed(ttl, began);
  }

  renewed(ttl, began) {
    this.ttl = ttl;
    this.#renewed = began;
  }

  rotated(token, began) {
    this.previous = this.token;
    this.token = token;
    this.#minted = began;
    // Half of its life is for failed tries; a little more by chance, so that many who
    // registered together do not call together.
    this.#rotation = this.#life ? this.#life * (0.5 + Math.random() / 20) : Infinity;
  }

  /** A rotation has failed: it is due again with the next renewal, and the token good until then. */
  postpone() {
    this.#rotation = since(this.#minted) + this.untilRenewal;
  }

  /** The token before was taken, and the newer one not: another is needed at once. */
  fallBack() {
    this.token = this.previous;
    this.previous = undefined;
    if (this.#life) this.#rotation = 0;
  }

  get alive() { return this.#renewed !== undefined && since(this.#renewed) < this.ttl; }
  get tokenExpired() { return this.#life > 0 && since(this.#minted) > this.#life; }
  /** How long it is until the token should be rotated, in milliseconds. */
  get untilRotation() { return this.#life ? this.#rotation - since(this.#minted) : Infinity; }

  /** How long it is until the next renewal is due, in milliseconds. */
  get untilRenewal() {
    // A third, so that two may fail, and a little less by chance, so that many instances do
    // not call at once.
    return (this.ttl / 3) * (1 - Math.random() / 10);
  }

  /** How long one call to one node may take, in milliseconds: nodes that hang must not take the whole lease with them. */
  get patience() { return this.ttl ? Math.min(Math.max(this.ttl / 6, 1000), 10_000) : undefined; }
  /** The longest wait between tries, in milliseconds. */
  get longestPause() { return Math.min(Math.max((this.ttl || 30_000) / 3, 1000), 20_000); }
}

module.exports = { Lease };
