"use strict";

/**
 * The wait after so many failures in a row, in milliseconds: anything up to a bound that
 * doubles. The whole width is random, so that many clients of a registry that was away do
 * not come back to it together.
 */
function backoff(failures, base = 250, limit = 20_000, random = Math.random) {
  const bound = Math.min(limit, base * 2 ** Math.min(failures - 1, 30));
  return Math.ceil(random() * bound) + 1;
}

// What setTimeout can hold; beyond, it fires at once.
const longest = 2 ** 31 - 1;

/** A time in milliseconds as a timer can hold it. */
const bounded = (ms) => Math.min(Math.max(ms, 0), longest);

/**
 * Waits, unless the signal comes first; both end it without an error. With `background`
 * the timer does not keep the process alive.
 */
function sleep(ms, { signal, background = false } = {}) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, bounded(ms));
    if (background) timer.unref();
    signal?.addEventListener("abort", done, { once: true });
  });
}

/**
 * Keeps the process alive until the promise settles: somebody waits for it, and all that it
 * waits for itself may be in the background.
 */
async function held(promise) {
  const timer = setInterval(() => {}, longest);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

/**
 * A signal that comes with the first of others, of which some may be undefined, until it is
 * released: they may outlive whoever listens by far. AbortSignal.any came with Node 20.3 only.
 */
function anyOf(signals) {
  const any = new AbortController();
  const given = signals.filter((signal) => signal !== undefined);
  const abort = () => any.abort();
  for (const signal of given) {
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  }
  return { signal: any.signal, release: () => given.forEach((signal) => signal.removeEventListener("abort", abort)) };
}

module.exports = { backoff, bounded, sleep, held, anyOf };
