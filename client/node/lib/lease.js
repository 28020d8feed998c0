"use strict";

/**
 * What the registry granted one registration: a lease and a token, and how long each is good
 * by our clock, which is the wall's: the other one stops while a laptop sleeps.
 */
class Lease {
  token;
  ttl = 0; // milliseconds; 0 before the first grant
  #life = 0; // of a token, in milliseconds; 0: it does not expire
  #expires = Infinity; // the token
  #until = 0; // the lease, if no renewal follows

  /** Takes the answer to a registration that was sent at `began`. */
  granted({ instance, token, tokenExpiresAt, ttl }, began) {
    // A difference of the registry's own times: a clock that differs from ours does no harm.
    this.#life = tokenExpiresAt > 0 ? Math.max(tokenExpiresAt - instance.registeredAt, 1000) : 0;
    this.rotated(token, began);
    this.renewed(ttl, began);
  }

  renewed(ttl, began) {
    this.ttl = ttl;
    this.#until = began + ttl;
  }

  rotated(token, began) {
    this.token = token;
    this.#expires = this.#life ? began + this.#life : Infinity;
  }

  get alive() { return Date.now() < this.#until; }
  get tokenExpired() { return Date.now() > this.#expires; }
  /** How long it is until the token should be rotated, in milliseconds: half of its life is for failed tries. */
  get untilRotation() { return this.#expires - this.#life / 2 - Date.now(); }

  /** How long it is until the next renewal is due, in milliseconds. */
  get untilRenewal() {
    // A third, so that two may fail, and a little less by chance, so that many instances do
    // not call at once.
    return (this.ttl / 3) * (1 - Math.random() / 10);
  }

  /** How long one call may take, in milliseconds: a renewal that is lost must not take the whole lease with it. */
  get patience() { return this.ttl ? Math.min(Math.max(this.ttl / 3, 500), 10_000) : undefined; }
  /** The longest wait between tries, in milliseconds. */
  get longestPause() { return Math.min(Math.max((this.ttl || 30_000) / 3, 1000), 20_000); }
}

module.exports = { Lease };
