"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { Fake, problem, lost } = require("./world/fake");
const { redis, lacking } = require("./world/redis");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

test("between two nodes on one Redis a registration and a view go on, whichever is killed or hangs", { skip: lacking }, async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders", "auth");
  const flags = ["--backend", "redis", "--store-redis-addresses", await redis(world), "--auth-token-ttl", "4s"];
  const [a, b] = [await Node.start(world, { flags }), await Node.start(world, { flags })];
  const client = (name, ...nodes) => {
    const c = createClient({ urls: nodes.map((node) => node.address), inOrder: true, ...certs.of(name) });
    atEnd(t, () => c.close());
    return c;
  };
  const c = client("orders", a, b);
  const states = [];
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 6000 }, { onState: (state) => states.push(state) });
  const resolver = await c.resolver("orders").ready();
  await until("the view has it", () => resolver.pick()?.instanceId === registration.instanceId);
  let port = 5000;
  // After each change of nodes the instance is renewed, its token rotated, and the view kept.
  const goesOn = async (through, { view = true } = {}) => {
    const direct = client("auth", through);
    const { lastHeartbeat } = await direct.get("orders", registration.instanceId);
    const rotations = async () => (await direct.events({ service: "orders", limit: 100 })).filter((event) => event.reason === "rotated").length;
    const before = await rotations();
    await until("it is renewed", async () => (await direct.get("orders", registration.instanceId)).lastHeartbeat > lastHeartbeat);
    await until("its token is rotated", async () => (await rotations()) > before);
    if (!view) return;
    const other = await direct.register({ serviceName: "orders", port: port++ });
    await until("the view has what is new", () => resolver.connected && resolver.instances().some((each) => each.instanceId === other.instanceId));
    assert.equal(await other.close(), true);
    await until("and not what is gone", () => resolver.instances().length === 1);
  };
  await a.kill();
  await goesOn(b);
  await a.start();
  b.freeze();
  await goesOn(a, { view: false }); // a stream is given up when it has been silent for 45 s
  assert.ok(registration.healthy);
  b.thaw();
  await b.kill();
  await goesOn(a);

  assert.equal(registration.state, "registered");
  assert.ok(!states.includes("lost"), states.join());
  const reasons = (await c.events({ service: "orders", instance: registration.instanceId, limit: 100 })).map((event) => event.reason);
  assert.ok(!reasons.includes("expired"), reasons.join());
  assert.equal(reasons.filter((reason) => reason === "registered").length, 1, reasons.join());
});

test("a node that is no registry any more, or has a fault of its own, is passed over", async (t) => {
  const page = { status: 404, body: {}, headers: { "Content-Type": "text/html" } };
  for (const broken of [page, problem(500, "internal"), problem(503, "unavailable"), { status: 200, body: 7 }, lost]) {
    const bad = await Fake.start(t, { get: () => broken, register: () => broken });
    const good = await Fake.start(t);
    const c = createClient({ urls: [bad.url, good.url], inOrder: true });
    atEnd(t, () => c.close());
    await c.register({ serviceName: "orders", instanceId: "one", port: 1, ttl: 60_000 });
    assert.equal((await c.get("orders", "one")).instanceId, "one");
    assert.deepEqual([bad.count("register"), bad.count("get"), good.count("get")], [1, 0, 1], "the one that answered is asked first");
  }
});

test("what a registry says of the request is not asked of the others", async (t) => {
  for (const [status, code] of [[400, "invalid_request"], [403, "forbidden"], [404, "not_found"], [409, "conflict"], [429, "rate_limited"]]) {
    const nodes = [await Fake.start(t, { get: () => problem(status, code) }), await Fake.start(t)];
    const c = createClient({ urls: nodes.map((node) => node.url), inOrder: true });
    atEnd(t, () => c.close());
    await assert.rejects(c.get("orders", "one"), { code, status });
    assert.equal(nodes[1].calls.length, 0);
  }
});
