"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

// createClient without urls: the registry of this machine, by its native API.

test("without urls it is the registry of this machine, which is started, and again when it is gone", async (t) => {
  const world = new World(t);
  const c = createClient();
  atEnd(t, () => c.close());
  process.env.SVC_TTL = "3000";
  atEnd(t, () => { delete process.env.SVC_TTL; });
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 3000 });
  assert.equal(registration.instance.pid, process.pid);
  const other = await c.register({ serviceName: "orders", port: 4001, pid: null });
  assert.equal(other.instance.pid, undefined);
  const resolver = await c.resolver("orders").ready();
  assert.equal(resolver.instances().length, 2);
  const first = world.daemonPid();
  await world.loseDaemon();
  await until("another runs, and has the instances", async () => (await c.list("orders")).length === 2);
  assert.notEqual(world.daemonPid(), first);
  await until("the view follows it", () => resolver.connected && resolver.instances().length === 2);
  await c.close();
  assert.deepEqual(await createClient().list("orders"), []);
});

test("to close starts no registry", async (t) => {
  const world = new World(t);
  const c = createClient();
  const registration = await c.register({ serviceName: "orders", port: 4000 });
  await world.killDaemon();
  const pid = world.daemonPid();
  assert.equal(await registration.close(), false);
  await c.close();
  assert.equal(world.daemonPid(), pid);
});

test("one that somebody stopped is used again when somebody starts it", async (t) => {
  const world = new World(t);
  const c = createClient();
  atEnd(t, () => c.close());
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 1000 });
  world.roster("stop");
  await assert.rejects(c.services(), { code: "unavailable", message: /it was stopped/ });
  await until("it is noticed", () => registration.state === "retrying");
  assert.equal(world.daemonPid(), undefined);
  world.roster("dev", "--if-needed", "--detach");
  await until("it is registered", () => registration.state === "registered");
  assert.equal((await c.list("orders")).length, 1);
});

test("where the environment names a registry it is that one", async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders");
  const node = await Node.start(world);
  const { ca, cert, key } = certs.of("orders");
  const named = { ROSTER_ADDRESS: ` ${node.address} , 127.0.0.1:1`, ROSTER_CA: ca, ROSTER_CERT: cert, ROSTER_KEY: key };
  Object.assign(process.env, named);
  atEnd(t, () => Object.keys(named).forEach((name) => delete process.env[name]));
  const c = createClient();
  atEnd(t, () => c.close());
  assert.equal((await c.register({ serviceName: "orders", port: 4000 })).instance.pid, undefined);
  assert.equal(world.daemonPid(), undefined);
  assert.throws(() => createClient({ cert: `${world.folder}/none` }), /none/); // what is given counts more
});

test("a program that cannot be found is told at once", async (t) => {
  const world = new World(t);
  process.env.ROSTER_BIN = `${world.folder}/none`;
  const c = createClient();
  atEnd(t, () => c.close());
  await assert.rejects(c.register({ serviceName: "orders", port: 1 }), { message: /roster was not found/ });
  await assert.rejects(c.services(), { message: /roster was not found/ });
});

test("neither a registration nor a resolver keeps the process alive, and waiting for one does", async (t) => {
  const world = new World(t);
  const { ended } = world.run(`
    import { createClient } from "roster-registry";
    const client = createClient();
    await client.register({ serviceName: "orders", port: 4000 });
    const resolver = await client.resolver("orders").ready();
    console.log(resolver.pick().port);`);
  assert.deepEqual(await ended, { code: 0, out: "4000\n", err: "" });
});
