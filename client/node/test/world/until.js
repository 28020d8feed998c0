"use strict";

const { setTimeout: sleep } = require("node:timers/promises");

// How long a test waits for what should be there soon: the machine may be busy.
const patience = 20_000;

/** Looks until `look` gives something true, and gives that. */
async function until(what, look) {
  const end = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s, and still not: ${what}`);
    await sleep(10);
  }
}

module.exports = { until };
