"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

async function setup(t) {
  const world = new World(t);
  const certs = certificates(world, "orders");
  const node = await Node.start(world);
  const c = createClient({ urls: [node.address], ...certs.of("orders") });
  atEnd(t, () => c.close());
  return { node, c };
}

test("a view follows what comes, changes and goes", async (t) => {
  const { c } = await setup(t);
  const resolver = await c.resolver("orders").ready();
  assert.equal(resolver.pick(), undefined);
  assert.ok(resolver.connected);
  const one = await c.register({ serviceName: "orders", instanceId: "1", port: 1 });
  const two = await c.register({ serviceName: "orders", instanceId: "2", port: 2 });
  await c.register({ serviceName: "others", port: 3 });
  await until("both are there", () => resolver.instances().length === 2);
  const turns = Array.from({ length: 4 }, () => resolver.pick().instanceId);
  assert.deepEqual(turns.slice().sort(), ["1", "1", "2", "2"]);
  assert.notEqual(turns[0], turns[1]);
  await two.update({ status: "out_of_service" });
  await until("one is passed over", () => resolver.pick().instanceId === "1" && resolver.pick().instanceId === "1");
  await one.close();
  await until("none is left", () => resolver.pick() === undefined);
  assert.equal(resolver.instances().length, 1);
});

test("while the registry is away the last view goes on, and is corrected when it is back", async (t) => {
  const { node, c } = await setup(t);
  const here = await c.register({ serviceName: "orders", instanceId: "1", port: 1, ttl: 2000 });
  const resolver = await c.resolver("orders").ready();
  await node.kill();
  await until("it is known", () => !resolver.connected);
  assert.equal(resolver.error.code, "unavailable");
  assert.equal(resolver.pick().instanceId, "1");
  await node.start();
  await until("it is followed again", () => resolver.connected && here.state === "registered");
  await c.register({ serviceName: "orders", instanceId: "2", port: 2 });
  await until("and has what is new", () => resolver.instances().length === 2);
});

test("filters hold, and a hash finds the instance that the registry finds", async (t) => {
  const { c } = await setup(t);
  const register = (id, more) => c.register({ serviceName: "orders", instanceId: id, port: 1, ...more });
  await Promise.all([
    register("a-1", { zone: "a", tags: ["x", "y"], metadata: { team: "m" } }),
    register("a-2", { zone: "a", tags: ["x"], metadata: { team: "m" }, status: "draining" }),
    register("a-3", { zone: "a", tags: ["x"], metadata: { team: "m" }, weight: 3 }),
    register("b-1", { zone: "b", tags: ["x"], metadata: { team: "m" } }),
    register("b-2", { zone: "a" }),
  ]);
  const filters = { zone: "a", tags: ["x"], metadata: { team: "m" } };
  const resolver = await c.resolver("orders", { strategy: "hash", filters }).ready();
  assert.deepEqual(resolver.instances().map((each) => each.instanceId).sort(), ["a-1", "a-2", "a-3"]);
  const all = await c.resolver("orders", { strategy: "hash" }).ready();
  const used = new Set();
  for (const key of ["user-1", "user-2", "ключ", "日本", "x".repeat(200), "7", "8", "9", "10"]) {
    assert.equal(resolver.pick(key).instanceId, (await c.resolve("orders", { strategy: "hash", key, filters })).instanceId, key);
    assert.equal(all.pick(key).instanceId, (await c.resolve("orders", { strategy: "hash", key })).instanceId, key);
    used.add(all.pick(key).instanceId);
  }
  assert.ok(used.size > 1, "one instance takes all keys");
  assert.throws(() => all.pick(), /needs a key/);
  const draining = await c.resolver("orders", { filters: { status: "draining" } }).ready();
  assert.equal(draining.pick().instanceId, "a-2");
  assert.throws(() => c.resolver("orders", { filters: { zoen: "a" } }), /there is no zoen/);
  assert.throws(() => c.resolver("orders", { strategy: "recent" }), /no strategy "recent" on a view/);
});

test("a service of more instances than a part of a snapshot holds is seen whole", async (t) => {
  const world = new World(t);
  const node = await Node.start(world, { insecure: true });
  const c = createClient({ urls: [`http://${node.address}`] });
  atEnd(t, () => c.close());
  const total = 1203;
  const each = async (i) => c.call({ op: "register", method: "POST", path: "/registry/register", body: { serviceName: "orders", instanceId: `i${i}`, port: 1, address: "10.0.0.1" } });
  for (let i = 0; i < total; i += 50) await Promise.all(Array.from({ length: Math.min(50, total - i) }, (_, k) => each(i + k)));
  const parts = [];
  for await (const { type, snapshot, first } of c.watch({ services: ["orders"] })) {
    assert.equal(type, "snapshot");
    parts.push([first, snapshot.last, snapshot.instances.length]);
    if (snapshot.last) break;
  }
  assert.deepEqual(parts, [[true, false, 1000], [false, true, 203]]);
  const resolver = await c.resolver("orders").ready();
  assert.equal(resolver.instances().length, total);
  const seen = new Set(Array.from({ length: total }, () => resolver.pick().instanceId));
  assert.equal(seen.size, total);
});

test("a resolver that is closed, or refused, says so", async (t) => {
  const { c } = await setup(t);
  const refused = c.resolver("not a name");
  await assert.rejects(refused.ready(), { code: "invalid_request" });
  assert.equal(refused.connected, false);
  const open = c.resolver("orders");
  const waiting = open.ready();
  open.close();
  await assert.rejects(waiting, { code: "closed" });
});
