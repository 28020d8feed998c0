"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { Lease } = require("../lib/lease");
const { moment, since } = require("../lib/clock");

const hour = 3600_000;

function granted(began = moment()) {
  const lease = new Lease();
  lease.granted({ instance: { registeredAt: 5 * hour }, token: "a", tokenExpiresAt: 6 * hour, ttl: 30_000 }, began);
  return lease;
}

test("before a grant there is neither lease nor token", () => {
  const lease = new Lease();
  assert.deepEqual([lease.alive, lease.tokenExpired, lease.untilRotation, lease.patience], [false, false, Infinity, undefined]);
});

test("a token is rotated a little after half of its life, whatever the registry's clock says", () => {
  const lease = granted();
  assert.ok(lease.untilRotation > 0.49 * hour && lease.untilRotation < 0.56 * hour, `${lease.untilRotation}`);
  const hours = new Set(Array.from({ length: 10 }, () => Math.round(granted().untilRotation)));
  assert.ok(hours.size > 1, "all at the same time");
});

test("a wall clock that is set back makes neither lease nor token last longer", (t) => {
  const began = moment();
  const lease = granted({ ...began, steady: began.steady - 2 * hour }); // two hours went by
  t.mock.method(Date, "now", () => began.wall - 3 * hour);
  assert.deepEqual([lease.alive, lease.tokenExpired], [false, true]);
  assert.ok(lease.untilRotation < 0);
});

test("nor does a laptop's sleep, in which the other clock stands still", (t) => {
  const lease = granted();
  const now = Date.now();
  t.mock.method(Date, "now", () => now + 2 * hour);
  assert.deepEqual([lease.alive, lease.tokenExpired], [false, true]);
  assert.ok(since(moment()) < hour);
});

test("a rotation that failed is due again with the next renewal", () => {
  const lease = granted();
  lease.postpone();
  assert.ok(lease.untilRotation > 8000 && lease.untilRotation <= 10_000, `${lease.untilRotation}`);
});

test("the token before comes back, and is rotated at once", () => {
  const lease = granted();
  lease.rotated("b", moment());
  assert.deepEqual([lease.token, lease.previous], ["b", "a"]);
  lease.fallBack();
  assert.deepEqual([lease.token, lease.previous], ["a", undefined]);
  assert.ok(lease.untilRotation <= 0);
  lease.granted({ instance: { registeredAt: 0 }, token: "c", tokenExpiresAt: 0, ttl: 1000 }, moment());
  assert.deepEqual([lease.token, lease.previous, lease.untilRotation], ["c", undefined, Infinity]);
});
