"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { RosterError, answerError, networkError, retryAfter, worst } = require("../lib/errors");
const { parseAddress } = require("../lib/address");
const { backoff } = require("../lib/wait");
const { strategies } = require("../lib/strategy");
const { merge } = require("../lib/change");
const { makeInstanceId, makeLocalId } = require("../lib/id");
const verdict = require("../lib/verdict");

test("an address", () => {
  const good = [
    ["registry:8443", true, "https://registry:8443"], ["registry:8443", false, "https://registry:8443"],
    ["127.0.0.1:7000", false, "http://127.0.0.1:7000"], ["localhost:7000", false, "http://localhost:7000"], ["[::1]:7000", false, "http://[::1]:7000"],
    ["127.0.0.1:7000", true, "https://127.0.0.1:7000"], ["https://registry", true, "https://registry"], ["http://a:1/", false, "http://a:1"],
  ];
  for (const [address, secured, want] of good) assert.equal(parseAddress(address, secured), want);
  for (const bad of ["", "registry", "a:0", "a:b", "a:1:2", "a:99999", "ftp://a:1", "https://", "https://a/b", "https://u@a", "https://a?b", 7, undefined]) {
    assert.throws(() => parseAddress(bad, false), { name: "TypeError", message: /^address .*; give host:port/ }, String(bad));
  }
});

test("when to come back", () => {
  assert.equal(retryAfter("2"), 2000);
  assert.equal(retryAfter("Thu, 01 Jan 1970 00:00:05 GMT", 1000), 4000);
  for (const nothing of [undefined, "", "soon", "-5", "Thu, 01 Jan 1970 00:00:05 GMT"]) assert.equal(retryAfter(nothing, 6000), 0, nothing);
  assert.equal(retryAfter("99999999"), 3600_000);
});

test("an error has what the registry said", () => {
  const problem = { code: "invalid_request", title: "Bad", detail: "see errors", errors: [{ field: "port", message: "is no port" }] };
  const answer = { status: 400, headers: { "content-type": "application/problem+json; charset=utf-8" }, text: JSON.stringify(problem) };
  const err = answerError("register a", "http://a", answer);
  assert.ok(err instanceof RosterError && err instanceof Error);
  assert.equal(err.message, "register a: invalid_request: see errors: port: is no port");
  assert.deepEqual([err.code, err.status, err.fields], ["invalid_request", 400, problem.errors]);
  const page = answerError("register a", "http://a", { status: 404, headers: { "content-type": "text/html" }, text: "<h1>" });
  assert.deepEqual([page.code, page.status], [undefined, 404]); // of an instance it proves nothing
  assert.equal(answerError("a", "b", { status: 502, headers: {}, text: "" }).code, "unavailable");
});

test("of several failures the one that a registry answered counts", () => {
  const [a, b] = ["http://a", "http://b"].map((base) => networkError("list", base, Object.assign(new Error("x"), { code: "ECONNREFUSED" })));
  assert.equal(worst([a, b]).message, "list: no answer from http://a: connection refused; list: no answer from http://b: connection refused");
  const answered = new RosterError("list: busy", { code: "unavailable", status: 503 });
  assert.equal(worst([a, answered, b]), answered);
  const foreign = new RosterError("list: not in the form", { status: 404 });
  assert.equal(worst([a, foreign, answered]), answered);
  assert.equal(worst([a, foreign]), foreign);
});

test("the wait doubles up to a bound, and the whole width is random", () => {
  const longest = [1, 2, 3, 4, 100].map((failures) => backoff(failures, 250, 1500, () => 0.999999));
  assert.deepEqual(longest, [251, 501, 1001, 1501, 1501]);
  assert.equal(backoff(50, 250, 1500, () => 0), 1);
});

test("which errors pass by themselves, and which instances may be registered again", () => {
  const of = (code, more) => new RosterError("x", { code, ...more });
  for (const err of [of("unavailable"), of("rate_limited", { status: 429 }), of("forbidden", { status: 403 }), of("internal", { status: 500 }), of(undefined, { status: 404 })]) {
    assert.ok(verdict.passing(err), `${err.code} ${err.status}`);
    assert.ok(!verdict.again(err));
  }
  for (const err of [of("conflict", { status: 409 }), of("invalid_request", { status: 400 }), of("lease_lost", { status: 410 }), of("closed"), new TypeError("x")]) {
    assert.ok(!verdict.passing(err), `${err.code}`);
  }
  const lost = (reason, pid) => verdict.again(of("lease_lost", { status: 410, reason }), pid);
  assert.deepEqual(["expired", "unreachable"].map((reason) => lost(reason)), [true, true]);
  assert.deepEqual(["replaced", "forced", "deregistered", "process_exited", undefined].map((reason) => lost(reason)), [false, false, false, false, false]);
  assert.ok(lost("process_exited", process.pid)); // we live
  assert.ok(verdict.again(of("not_found", { status: 404 })));
  assert.ok(verdict.again(of("unauthenticated", { status: 401 }), undefined, true));
  assert.ok(!verdict.again(of("unauthenticated", { status: 401 }), undefined, false));
});

test("what whoever starts a service is told, and not kept waiting with", () => {
  const of = (code, more) => new RosterError("x", { code, ...more });
  const [network, certificate] = ["ECONNREFUSED", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"].map((code) => networkError("register", "https://a", Object.assign(new Error("x"), { code })));
  for (const err of [of("forbidden", { status: 403 }), of(undefined, { status: 404 }), of("conflict", { status: 409 }), certificate, worst([certificate, certificate]), new TypeError("x")]) {
    assert.ok(verdict.mistaken(err), `${err.code} ${err.status}`);
  }
  for (const err of [of("unavailable", { status: 503 }), of(undefined, { status: 502 }), of("rate_limited", { status: 429 }), network, worst([certificate, network])]) {
    assert.ok(!verdict.mistaken(err), `${err.code} ${err.status}`);
  }
});

test("choosing by weight, and by chance, comes near to the shares", () => {
  const list = [{ weight: 1 }, { weight: 0.0001 }, { weight: 3 }].map((each, i) => ({ ...each, instanceId: String(i) }));
  const count = (pick) => {
    const hits = { 0: 0, 1: 0, 2: 0 };
    for (let i = 0; i < 20_000; i++) hits[pick().instanceId]++;
    return hits;
  };
  const weighted = count(strategies.weighted(list));
  assert.ok(Math.abs(weighted[0] / 20_000 - 0.25) < 0.03 && Math.abs(weighted[2] / 20_000 - 0.75) < 0.03, JSON.stringify(weighted));
  const random = count(strategies.random(list));
  for (const share of Object.values(random)) assert.ok(Math.abs(share / 20_000 - 1 / 3) < 0.03, JSON.stringify(random));
});

test("few keys move when an instance goes", () => {
  const list = Array.from({ length: 5 }, (_, i) => ({ instanceId: `auth-${i}` }));
  const keys = Array.from({ length: 500 }, (_, i) => `user-${i}`);
  const [all, less] = [list, list.slice(1)].map((each) => keys.map(strategies.hash(each)));
  keys.forEach((key, i) => { if (all[i] !== list[0]) assert.equal(all[i], less[i], key); });
});

test("a change is kept for the next registration", () => {
  const body = { port: 1, metadata: { a: "1", b: "2" }, weight: 5 };
  assert.deepEqual(merge(body, { status: "draining", metadata: { a: null, c: "3" } }), { port: 1, weight: 5, status: "draining", metadata: { b: "2", c: "3" } });
  assert.deepEqual(merge(body, {}), body);
  assert.deepEqual(merge({}, { tags: [], weight: 1 }), { tags: [], weight: 1 });
});

test("ids are of the registry's grammar", () => {
  assert.match(makeInstanceId("auth"), /^auth-[2-9a-z]{8}$/);
  assert.match(makeLocalId(undefined, 1), /^127\.0\.0\.1:1:\d{6}$/);
  assert.match(makeLocalId("::1", 1), /^::1:1:\d{6}$/);
  assert.equal(makeLocalId("a b", 1), undefined);
});
