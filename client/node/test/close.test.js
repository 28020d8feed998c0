"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { getEventListeners } = require("node:events");
const { Fake, problem, silence } = require("./world/fake");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

// Ends that come in time, whatever the registry does.

async function setup(t, script, options) {
  const fake = await Fake.start(t, script);
  const c = createClient({ urls: [fake.url], ...options });
  atEnd(t, () => c.close());
  return { fake, c };
}

const service = { serviceName: "orders", port: 4000, ttl: 60_000 };

// A call to a node that hangs takes 10 s.
async function soon(promise) {
  const began = performance.now();
  await promise;
  const took = performance.now() - began;
  assert.ok(took < 8000, `it took ${took} ms`);
}

test("a registry that hangs holds up no end for longer than was said", async (t) => {
  const { fake, c } = await setup(t, {});
  const registration = await c.register(service);
  fake.script = { update: () => silence, deregister: () => silence };
  const changed = assert.rejects(registration.update({ weight: 5 }));
  await until("a change is under way", () => fake.count("update") === 1);
  await soon(registration.close({ timeout: 200 }).then((known) => assert.equal(known, false)));
  await changed;
  assert.equal(registration.state, "closed");
});

test("nor does a heartbeat that is under way, whose end is an error of this package's own", async (t) => {
  const { fake, c } = await setup(t, { heartbeat: () => silence });
  const registration = await c.register({ ...service, ttl: 900 });
  await until("a heartbeat is under way", () => fake.count("heartbeat") === 1);
  await soon(registration.close().then((known) => assert.equal(known, true)));
});

test("nor the end of a first registration, by its time or its signal", async (t) => {
  const { fake, c } = await setup(t, { register: () => silence });
  await soon(assert.rejects(c.register(service, { timeout: 100 }), { code: "unavailable", message: /gave up/ }));
  const stop = new AbortController();
  const waiting = assert.rejects(c.register(service, { signal: stop.signal }), { code: "unavailable", message: /gave up/ });
  await until("it is under way", () => fake.count("register") === 2);
  stop.abort();
  await soon(waiting);
  await assert.rejects(c.register(service, { signal: stop.signal }), { message: /gave up/ });
  assert.equal(fake.count("register"), 2); // that came before the beginning
});

test("nor that of a client with one under way, which is told so", async (t) => {
  const { fake, c } = await setup(t, { register: () => new Promise((resolve) => { setTimeout(resolve, 50); }) });
  const waiting = assert.rejects(c.register(service), { code: "closed" });
  await until("it is under way", () => fake.count("register") === 1);
  await soon(c.close());
  await waiting;
  assert.deepEqual(fake.calls.map((call) => call.op), ["register", "deregister"]);
});

test("what was closed is not registered under another id", async (t) => {
  let answer;
  const { fake, c } = await setup(t, { register: () => new Promise((resolve) => { answer = resolve; }) });
  const waiting = assert.rejects(c.register(service), { code: "closed" });
  await until("it is under way", () => fake.count("register") === 1);
  const closed = c.close();
  answer(problem(409, "conflict"));
  await closed;
  await waiting;
  assert.equal(fake.count("register"), 1);
});

test("times that are too long for a timer are long, and not short", async (t) => {
  const { fake, c } = await setup(t, {}, { timeout: 1e12 });
  assert.equal((await c.get("orders", "one").catch((err) => err)).code, undefined);
  for (const timeout of [Infinity, 1e12]) {
    const from = fake.count("register");
    fake.script = { register: ({ nth }) => (nth === from + 1 ? problem(503, "unavailable") : undefined) };
    await (await c.register(service, { timeout })).close({ timeout });
    assert.equal(fake.count("register"), from + 2);
  }
});

test("a signal that outlives all is left without listeners", async (t) => {
  const { c } = await setup(t, {});
  const { signal } = new AbortController();
  await (await c.register(service, { signal })).close();
  c.watch({ signal }).close();
  await c.services({ signal }).catch(() => {});
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
