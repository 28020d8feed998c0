"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { Fake, problem, lost } = require("./world/fake");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

// What keeps a registration going, and what must end it, against a registry that does what
// real ones seldom do.

async function setup(t, script, { life, ttl = 900, ...service } = {}) {
  const fake = await Fake.start(t, script, { life });
  const c = createClient({ urls: [fake.url] });
  atEnd(t, () => c.close());
  const states = [];
  const register = () => c.register({ serviceName: "orders", port: 4000, ttl, ...service }, { onState: (state) => states.push(state) });
  return { fake, c, states, register };
}

test("a rotation that fails keeps no heartbeat from being sent", async (t) => {
  const { fake, states, register } = await setup(t, { rotate: () => problem(503, "unavailable") }, { life: 1000 });
  const registration = await register();
  await until("a rotation was tried", () => fake.count("rotate") > 0);
  const before = fake.count("heartbeat");
  await until("heartbeats go on", () => fake.count("heartbeat") >= before + 3);
  assert.deepEqual([registration.state, registration.healthy, states.join()], ["registered", true, "registered"]);
  assert.ok(fake.count("rotate") <= fake.count("heartbeat") + 1, "it is tried with a renewal, and not more often");
  fake.script = {};
  await until("its token is the registry's", () => fake.calls.at(-1).op === "heartbeat" && fake.calls.at(-1).token === fake.token && fake.count("rotate") > 1);
});

test("an answer that is none of a registry's neither ends renewals nor makes them more", async (t) => {
  const { fake, register } = await setup(t, { heartbeat: ({ nth }) => (nth <= 2 ? { status: 200, body: { hello: "world" } } : undefined) });
  const registration = await register();
  await until("it is noticed", () => registration.state === "retrying");
  assert.match(registration.error.message, /not in the form of a Roster registry/);
  await until("the next counts", () => registration.state === "registered");
  assert.equal(fake.count("heartbeat"), 3);
  assert.equal(fake.count("register"), 1);
});

test("a server that is no registry is told at the beginning, and not waited for", async (t) => {
  for (const answer of [{ status: 200, body: { ok: true } }, { status: 200 }, { status: 404, body: {}, headers: { "Content-Type": "text/html" } }]) {
    const { fake, register } = await setup(t, { register: () => answer });
    await assert.rejects(register(), { name: "RosterError", code: undefined, message: /not in the form of a Roster registry/ });
    assert.equal(fake.count("register"), 1);
  }
});

test("a registry that lost a rotation is served with the token before", async (t) => {
  const { fake, states, register } = await setup(t, {}, { life: 1500 });
  const registration = await register();
  await until("the token was rotated and used", () => fake.calls.at(-1).token === "rotated-1" && fake.calls.at(-1).op === "heartbeat");
  fake.script = { heartbeat: ({ token }) => (token === "rotated-1" ? problem(401, "unauthenticated") : undefined) };
  await until("it goes on from another", () => fake.calls.at(-1).op === "heartbeat" && fake.calls.at(-1).token === "rotated-2");
  assert.deepEqual([registration.state, states.join(), fake.count("register")], ["registered", "registered", 1]);
});

test("a registry that lost the token of the life that was registered gets it again", async (t) => {
  const { fake, states, register } = await setup(t, { heartbeat: ({ token }) => (token === "registered-1" ? problem(401, "unauthenticated") : undefined) });
  const registration = await register();
  await until("it is registered again", () => fake.count("register") === 2 && fake.count("heartbeat") > 2);
  assert.deepEqual([registration.state, states.join()], ["registered", "registered"]);
});

test("the token of another's life is not fought for", async (t) => {
  const { fake, register } = await setup(t, {
    heartbeat: () => problem(401, "unauthenticated"),
    get: () => ({ status: 200, body: { ...fake.instance, registeredAt: fake.instance.registeredAt + 1 } }),
  });
  const registration = await register();
  await until("it is lost", () => registration.state === "lost");
  assert.equal(registration.error.code, "unauthenticated");
  assert.equal(fake.count("register"), 1);
});

test("where our identity is refused altogether, and not a token, it is waited for", async (t) => {
  const { fake, states, register } = await setup(t, { heartbeat: () => problem(401, "unauthenticated"), get: () => problem(401, "unauthenticated") });
  const registration = await register();
  await until("it is tried more than once", () => fake.count("heartbeat") > 2);
  assert.equal(registration.state, "retrying");
  fake.script.heartbeat = undefined;
  await until("it is renewed", () => registration.state === "registered");
  assert.deepEqual([states.join(), fake.count("register")], ["registered,retrying,registered", 1]);
});

test("who asks to come back later than the lease ends is not obeyed to the second", async (t) => {
  const { fake, register } = await setup(t, { heartbeat: ({ nth }) => (nth === 1 ? { ...problem(503, "unavailable"), headers: { "Retry-After": "3600" } } : undefined) });
  const registration = await register();
  await until("it is renewed", () => fake.count("heartbeat") > 1 && registration.state === "registered");
});

test("a change that the registry refuses does not end what it was to change", async (t) => {
  const bad = ({ body }) => (body.weight === -1 ? problem(400, "invalid_request") : undefined);
  const { fake, states, register } = await setup(t, { register: bad });
  const registration = await register();
  fake.script = { register: bad, update: () => problem(404, "not_found"), heartbeat: () => problem(410, "lease_lost", { reason: "expired" }) };
  await assert.rejects(registration.update({ weight: -1 }), { code: "invalid_request" });
  const before = fake.count("register");
  fake.script.heartbeat = undefined;
  await until("it is registered as it was", () => fake.count("register") > before && registration.state === "registered" && registration.healthy);
  assert.equal(fake.calls.filter((call) => call.op === "register").at(-1).body.weight, undefined);
  assert.ok(!states.includes("lost"));
});

test("an id that stands in its own way, for an answer was lost, is waited for", async (t) => {
  const { fake, register } = await setup(t, { register: ({ nth }) => [lost, problem(409, "conflict"), problem(409, "conflict")][nth - 1] }, { instanceId: "one" });
  assert.equal((await register()).instanceId, "one");
  assert.equal(fake.count("register"), 4);
  const other = await setup(t, { register: () => problem(409, "conflict") }, { instanceId: "one" });
  await assert.rejects(other.register(), { code: "conflict" }); // it is somebody else's
});

test("who is kept out stops at once, at the beginning and later", async (t) => {
  const forced = () => problem(410, "lease_lost", { reason: "forced" });
  const { fake, states, register } = await setup(t, { register: forced });
  await assert.rejects(register(), { code: "lease_lost", status: 410, reason: "forced" });
  assert.equal(fake.count("register"), 1);
  fake.script = { register: ({ nth }) => (nth > 2 ? forced() : undefined), heartbeat: () => problem(410, "lease_lost", { reason: "expired" }) };
  const registration = await register();
  await until("it has stopped", () => registration.state === "lost");
  assert.deepEqual([registration.error.reason, fake.count("register")], ["forced", 3]);
  assert.equal(states.at(-1), "lost");
});
