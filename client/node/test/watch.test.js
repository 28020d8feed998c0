"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const http = require("node:http");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

// What a real registry does seldom, a server does here by a script: each connection gets the
// next text, and then ends or, where the text is followed by "…", stays open.
async function scripted(t, ...script) {
  const seen = [];
  const server = http.createServer((req, res) => {
    seen.push(req.headers["last-event-id"]);
    const part = script.shift();
    if (typeof part === "object") {
      res.writeHead(part.status, { "Content-Type": "application/problem+json", ...part.headers });
      return res.end(JSON.stringify({ code: part.code, status: part.status, title: part.code }));
    }
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    res.flushHeaders();
    if (part === undefined || part.endsWith("…")) return res.write(part?.slice(0, -1) ?? ":\n\n");
    return res.end(part);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => { server.close(); server.closeAllConnections(); });
  const c = createClient({ urls: [`http://127.0.0.1:${server.address().port}`] });
  atEnd(t, () => c.close());
  return { c, seen };
}

const instance = (id, more) => ({ serviceName: "a", instanceId: id, address: "10.0.0.1", port: 1, weight: 100, status: "up", health: "passing", ...more });
const event = (type, data, id) => `event: ${type}\ndata: ${JSON.stringify(data)}\n${id ? `id: ${id}\n` : ""}\n`;
const snapshot = (ids, id, { part = 1, last = true } = {}) => event("snapshot", { part, last, instances: ids.map((each) => instance(each)) }, id);
const put = (id, position, more) => event("put", instance(id, more), position);
const gone = (id, position) => event("delete", { serviceName: "a", instanceId: id, revision: position, reason: "expired" }, position);
const ids = (resolver) => resolver.instances().map((each) => each.instanceId).sort().join();

test("a connection that ends is taken up where it was", async (t) => {
  const retry = "retry: 1\n\n";
  const { c, seen } = await scripted(t, retry + snapshot(["1", "2"], "e.1") + put("3", "e.2"), `${gone("1", "e.3")}: keep-alive\nid: e.9\n\n`, put("4", "e.10") + "…");
  const resolver = await c.resolver("a").ready();
  await until("all was applied", () => ids(resolver) === "2,3,4");
  assert.deepEqual(seen, [undefined, "e.2", "e.9"]);
});

test("a snapshot that is cut off counts for nothing, and is not resumed", async (t) => {
  const retry = "retry: 1\n\n";
  const { c, seen } = await scripted(t,
    retry + snapshot(["old"], "e.1"),
    event("resync", {}) + snapshot(["half"], undefined, { last: false }),
    snapshot(["1"], undefined, { last: false }) + snapshot(["2"], "f.1", { part: 2 }) + "…");
  const resolver = await c.resolver("a").ready();
  const views = new Set([ids(resolver)]);
  resolver.on("change", () => views.add(ids(resolver)));
  await until("the snapshot is whole", () => ids(resolver) === "1,2");
  assert.deepEqual([...views], ["old", "1,2"]);
  assert.deepEqual(seen, [undefined, "e.1", undefined]);
});

test("what passes and what is suspect is told apart, and one of them is better than none", async (t) => {
  const { c } = await scripted(t, snapshot(["1"], "e.1") + put("2", "e.2", { health: "suspect" }) + put("3", "e.3", { status: "draining" }) + "…");
  const resolver = await c.resolver("a").ready();
  await until("all is there", () => ids(resolver) === "1,2,3");
  assert.deepEqual([1, 2, 3].map(() => resolver.pick().instanceId), ["1", "1", "1"]);
  const { c: other } = await scripted(t, snapshot([], "e.1") + put("2", "e.2", { health: "suspect" }) + "…");
  const left = await other.resolver("a").ready();
  await until("it is there", () => left.pick()?.instanceId === "2");
});

test("what fails its check is passed over, unless nearly all do", async (t) => {
  const failing = (id, position, node = "n1") => put(id, position, { health: "failing", verdict: { why: "connection refused", node } });
  const { c } = await scripted(t, snapshot(["1"], "e.1") + failing("2", "e.2") + failing("3", "e.3", undefined) + "…");
  const resolver = await c.resolver("a").ready();
  await until("all is there", () => ids(resolver) === "1,2,3");
  assert.deepEqual([1, 2, 3].map(() => resolver.pick().instanceId), ["1", "1", "1"]);
  assert.equal(resolver.degraded, false);
  const { c: other } = await scripted(t, snapshot([], "e.1") + ["1", "2", "3"].map((id) => failing(id, `e.${id}`)).join("") + failing("4", "e.9", undefined) + "…");
  const all = await other.resolver("a").ready();
  await until("all is there", () => ids(all) === "1,2,3,4");
  assert.equal(all.degraded, true);
  assert.deepEqual([1, 2, 3].map(() => all.pick().instanceId).sort(), ["1", "2", "3"]);
  const { c: third } = await scripted(t, snapshot([], "e.1") + failing("1", "e.1") + failing("2", "e.2") + "…");
  const two = await third.resolver("a").ready();
  await until("both are there", () => ids(two) === "1,2");
  assert.deepEqual([two.pick(), two.degraded], [undefined, false]);
});

test("a stream that falls silent is given up", async (t) => {
  const { c, seen } = await scripted(t, `retry: 1\n\n${snapshot(["1"], "e.1")}…`, `${put("2", "e.2")}…`);
  const resolver = c.resolver("a", { silence: 50 });
  await until("there is another", () => ids(resolver) === "1,2");
  assert.ok(seen.length >= 2);
});

test("what may pass is waited for, as long as it asks, and what will not is told", async (t) => {
  const { c } = await scripted(t, { status: 503, code: "unavailable" }, { status: 429, code: "rate_limited", headers: { "Retry-After": "1" } }, `${snapshot(["1"], "e.1")}…`, { status: 404, code: "not_found" });
  const waits = [];
  const watch = c.watch({ services: ["a"], onRetry: (err, wait) => waits.push([err.code, wait]) });
  for await (const { type } of watch) {
    assert.equal(type, "snapshot");
    break;
  }
  assert.deepEqual(waits.map(([code]) => code), ["unavailable", "rate_limited"]);
  assert.ok(waits[1][1] >= 1000);
  await assert.rejects(async () => { for await (const each of c.watch({})) assert.fail(each.type); }, { code: "not_found" });
});

test("a watch ends when it is closed, or its signal comes", async (t) => {
  const { c } = await scripted(t, `${snapshot(["1"], "e.1")}…`, `${snapshot(["1"], "e.1")}…`);
  const stop = new AbortController();
  for (const [watch, end] of [[c.watch({ signal: stop.signal }), () => stop.abort()], [c.watch(), (watch) => watch.close()]]) {
    let events = 0;
    for await (const each of watch) {
      assert.equal(each.id, "e.1");
      events++;
      setImmediate(end, watch);
    }
    assert.equal(events, 1);
  }
});

test("what cannot be decoded is an error, and no gap", async (t) => {
  const { c } = await scripted(t, "event: put\ndata: {\nid: e.1\n\n");
  await assert.rejects(async () => { for await (const each of c.watch()) assert.fail(each.type); }, /decode a put event/);
});

test("nothing comes after the end, though more has arrived", async (t) => {
  const { c } = await scripted(t, `${snapshot(["1"], "e.1")}${put("2", "e.2")}${put("3", "e.3")}…`);
  const watch = c.watch();
  const seen = [];
  for await (const { id } of watch) {
    seen.push(id);
    watch.close();
  }
  assert.deepEqual(seen, ["e.1"]);
});

test("an end that comes in the moment of a connection is one", async (t) => {
  const { c } = await scripted(t, `${snapshot(["1"], "e.1")}…`);
  const watch = c.watch();
  const failover = c.failover.bind(c);
  c.failover = async (...args) => {
    const body = await failover(...args);
    watch.close();
    return body;
  };
  for await (const { type } of watch) assert.fail(type);
});

test("whoever is refused is told, and has a view as soon as it may", async (t) => {
  const { c } = await scripted(t, { status: 403, code: "forbidden" }, { status: 401, code: "unauthenticated" }, { status: 404, code: "not_found" }, `${snapshot(["1"], "e.1")}…`);
  const resolver = c.resolver("a");
  resolver.on("failed", assert.fail);
  await assert.rejects(resolver.ready(), { code: "forbidden" });
  await until("there is a view", () => ids(resolver) === "1");
  assert.equal(await resolver.ready(), resolver);
  assert.deepEqual([resolver.connected, resolver.error], [true, undefined]);
});

test("a view gets over what cannot be decoded, with a fresh snapshot", async (t) => {
  for (const garbled of ["event: put\ndata: {\nid: e.2\n\n", "event: snapshot\ndata: {}\n\n", "event: delete\ndata: null\n\n"]) {
    const { c, seen } = await scripted(t, `retry: 1\n\n${snapshot(["1"], "e.1")}${garbled}`, `${snapshot(["2"], "e.3")}…`);
    const resolver = await c.resolver("a").ready();
    await until("it has the next view", () => ids(resolver) === "2");
    assert.deepEqual(seen, [undefined, undefined]);
  }
});

test("a connection that goes on where it was, with nothing to tell, is one", async (t) => {
  const { c, seen } = await scripted(t, `retry: 1\n\n${snapshot(["1"], "e.1")}`, ":\n\n…");
  const resolver = await c.resolver("a").ready();
  await until("it is connected again", () => seen.length === 2 && resolver.connected);
  assert.equal(resolver.error, undefined);
});

test("an override counts in place of the status", async (t) => {
  const { c } = await scripted(t, `${snapshot(["1", "2"], "e.1")}${put("1", "e.2", { override: { status: "out_of_service", reason: "it leaks", until: 1 } })}` +
    `${put("3", "e.3", { status: "draining", override: { status: "up", reason: "x", until: 1 } })}${put("2", "e.4", { override: { reason: "no status", until: 1 } })}…`);
  const resolver = await c.resolver("a").ready();
  await until("all is there", () => ids(resolver) === "1,2,3" && resolver.instances().some((each) => each.override?.reason === "no status"));
  assert.deepEqual(Array.from({ length: 4 }, () => resolver.pick().instanceId).sort(), ["2", "2", "3", "3"]);
});

test("a position that cannot be one is told at once", async (t) => {
  const { c } = await scripted(t);
  for (const after of ["", "a\nb", "ä", "x".repeat(257)]) assert.throws(() => c.watch({ after }), /after must be the id of an event/);
});
