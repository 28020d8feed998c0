"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const http = require("node:http");
const { spawn } = require("node:child_process");
const { World } = require("./world/world");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const registry = require("..");

test("both entries give the same functions", async () => {
  const esm = await import("../index.mjs");
  const names = ["register", "heartbeat", "resolve", "list", "unregister", "startDaemonIfNeeded", "discoveryInfo", "createClient", "RosterError"];
  assert.deepEqual(Object.keys(esm).sort(), [...names, "default"].sort());
  for (const name of names) {
    assert.equal(typeof registry[name], "function", name);
    assert.equal(esm[name], registry[name], name);
    assert.equal(esm.default[name], registry[name], name);
    assert.equal(registry.default[name], registry[name], name);
  }
});

test("a service from its registration to its end, with nothing started before", async (t) => {
  new World(t);
  const before = Date.now();
  const answer = await registry.register({ name: "auth-service", port: 3001, pid: process.pid, meta: { routes: ["/login"], beta: true } });
  const { instance } = answer;
  assert.equal(answer.ok, true);
  assert.match(instance.id, /^127\.0\.0\.1:3001:\d{6}$/);
  assert.ok(instance.lastSeen >= before - 1000);
  const { id, lastSeen } = instance;
  assert.deepEqual(instance, { id, lastSeen, name: "auth-service", host: "127.0.0.1", port: 3001, pid: process.pid, meta: { routes: ["/login"], beta: true } });

  assert.equal((await registry.resolve("auth-service")).instance.id, id);
  assert.deepEqual(await registry.resolve("nobody"), { ok: false, error: "not_found" });
  const beat = await registry.heartbeat({ name: "auth-service", id });
  assert.equal(beat.ok, true);
  assert.equal(beat.instance.id, id);

  const second = await registry.register({ name: "auth-service", port: 3002, host: "::1", id: "mine" });
  assert.deepEqual([second.instance.id, second.instance.pid, second.instance.meta, second.instance.host], ["mine", null, {}, "::1"]);
  const { ok, services } = await registry.list();
  assert.equal(ok, true);
  assert.deepEqual(services["auth-service"].map((each) => each.id).sort(), [id, "mine"].sort());

  assert.deepEqual(await registry.unregister({ name: "auth-service", id }), { ok: true });
  assert.deepEqual(await registry.unregister({ name: "auth-service", id }), { ok: false });
  assert.deepEqual(await registry.unregister({ name: "auth-service", host: "::1", port: 3002 }), { ok: true });
  assert.deepEqual(await registry.resolve("auth-service"), { ok: false, error: "not_found" });
  assert.deepEqual(await registry.heartbeat({ name: "auth-service", id }), { ok: true, instance: null });
});

test("what is wrong is told", async (t) => {
  new World(t);
  await assert.rejects(registry.register({ name: "-", port: 0 }), { code: "invalid_request", status: 400, message: /^register: port must .*name must/ });
  await assert.rejects(registry.register({ port: 1 }), TypeError);
  await assert.rejects(registry.heartbeat({ name: "auth" }), TypeError);
  await assert.rejects(registry.heartbeat({ name: "-", id: "a" }), { code: "invalid_request" });
  await assert.rejects(registry.resolve(""), TypeError);
  await assert.rejects(registry.resolve("../list"), { code: "invalid_request" });
  await assert.rejects(registry.unregister({ name: "auth" }), { code: "invalid_request" });
});

test("a daemon that comes back without its instances gets them from their heartbeats", async (t) => {
  const world = new World(t);
  const { instance } = await registry.register({ name: "auth", port: 3001, meta: { a: 1 } });
  await world.loseDaemon();
  const beat = await registry.heartbeat({ name: "auth", id: instance.id }); // which starts another
  assert.equal(beat.instance.id, instance.id);
  const found = await registry.resolve("auth");
  assert.deepEqual([found.instance.id, found.instance.port, found.instance.meta], [instance.id, 3001, { a: 1 }]);

  await world.loseDaemon();
  assert.equal((await registry.resolve("auth")).error, "not_found"); // a read has started it
  const beats = await Promise.all(Array.from({ length: 5 }, () => registry.heartbeat({ name: "auth", id: instance.id })));
  assert.deepEqual(beats.map((each) => each.instance.id), Array(5).fill(instance.id));
  const { services } = await registry.list();
  assert.equal(services.auth.length, 1);

  // What this process did not register, or has unregistered, stays away.
  assert.equal((await registry.heartbeat({ name: "auth", id: "another" })).instance, null);
  await world.loseDaemon();
  assert.deepEqual(await registry.unregister({ name: "auth", id: instance.id }), { ok: false });
  assert.equal(await registry.discoveryInfo(), null); // to unregister starts none
  assert.equal((await registry.heartbeat({ name: "auth", id: instance.id })).instance, null);
});

test("a daemon that somebody stopped is used again when somebody starts it", async (t) => {
  const world = new World(t);
  const { instance } = await registry.register({ name: "auth", port: 3001 });
  world.roster("stop");
  assert.equal((await registry.heartbeat({ name: "auth", id: instance.id })).ok, false);
  assert.deepEqual(await registry.resolve("auth"), { ok: false, error: "not_found" });
  assert.deepEqual(await registry.list(), { ok: true, services: {} });
  assert.deepEqual(await registry.unregister({ name: "another", id: "a" }), { ok: false });
  assert.equal(await registry.discoveryInfo(), null);
  fs.rmSync(world.variables.XDG_STATE_HOME, { recursive: true, force: true });
  world.roster("dev", "--if-needed", "--detach");
  assert.equal((await registry.heartbeat({ name: "auth", id: instance.id })).instance.id, instance.id);
  world.roster("stop");
  await registry.register({ name: "auth", port: 3002 }); // which is a wish to have one
  assert.notEqual(await registry.discoveryInfo(), null);
});

test("what somebody removed on purpose is not brought back by a heartbeat", async (t) => {
  const world = new World(t);
  const { instance } = await registry.register({ name: "auth", port: 3001 });
  const { host, port } = await registry.discoveryInfo();
  const res = await fetch(`http://${host}:${port}/unregister`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "auth", id: instance.id }),
  });
  assert.deepEqual(await res.json(), { ok: true });
  assert.deepEqual(await registry.heartbeat({ name: "auth", id: instance.id }), { ok: true, instance: null });
  assert.equal((await registry.resolve("auth")).error, "not_found");
  // Nor later, by a daemon that has forgotten.
  await world.loseDaemon();
  assert.deepEqual(await registry.heartbeat({ name: "auth", id: instance.id }), { ok: true, instance: null });
});

test("an instance whose lease ran out while this process slept is registered again", async (t) => {
  new World(t);
  process.env.SVC_TTL = "200"; // for the daemon that is started now
  atEnd(t, () => { delete process.env.SVC_TTL; });
  const { instance } = await registry.register({ name: "auth", port: 3001 });
  await until("it has run out", async () => (await registry.resolve("auth")).error === "not_found");
  assert.equal((await registry.heartbeat({ name: "auth", id: instance.id })).instance.id, instance.id);
});

test("a server that has taken over the daemon's port is not taken for it", async (t) => {
  const world = new World(t);
  const { port } = await registry.startDaemonIfNeeded();
  await registry.register({ name: "auth", port: 3001, id: "a" });
  await world.loseDaemon();
  const other = http.createServer((req, res) => res.writeHead(404).end("<h1>Not found</h1>"));
  atEnd(t, () => { other.close(); other.closeAllConnections(); });
  // The last thread of a process that was killed may hold the port for a moment more.
  await until("the port is free", () => new Promise((resolve) => {
    other.removeAllListeners("error").once("error", () => resolve(false));
    other.listen(port, "127.0.0.1", () => resolve(true));
  }));
  assert.equal((await registry.resolve("auth")).error, "not_found");
  assert.notEqual((await registry.discoveryInfo()).port, port);
  assert.equal((await registry.heartbeat({ name: "auth", id: "a" })).instance.id, "a");
});

test("a process that is killed is gone long before its TTL is over", async (t) => {
  new World(t);
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
  atEnd(t, () => child.kill("SIGKILL"));
  await registry.register({ name: "auth", port: 3001, pid: child.pid });
  const began = Date.now();
  child.kill("SIGKILL");
  await until("it is gone", async () => (await registry.resolve("auth")).error === "not_found");
  assert.ok(Date.now() - began < 7500, `it took ${Date.now() - began} ms of a TTL of 15 s`);
});

test("the functions keep no process alive", async (t) => {
  const world = new World(t);
  const { ended } = world.run(`
    import registry from "roster-registry";
    const { instance } = await registry.register({ name: "auth", port: 3001 });
    await registry.heartbeat({ name: "auth", id: instance.id });
    console.log((await registry.resolve("auth")).instance.port);`);
  assert.deepEqual(await ended, { code: 0, out: "3001\n", err: "" });
});
