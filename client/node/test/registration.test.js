"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { Proxy } = require("./world/proxy");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

// A client of a test, closed at its end.
function client(t, options) {
  const c = createClient(options);
  atEnd(t, () => c.close());
  return c;
}

async function secured(t, options) {
  const world = new World(t);
  const certs = certificates(world, "orders", "auth");
  const node = await Node.start(world, options);
  return { world, node, certs };
}

const reasons = async (c, service) => (await c.events({ service, limit: 100 })).map((event) => event.reason);

test("an instance is renewed, its token rotated, and it is deregistered at the end", async (t) => {
  const { node, certs } = await secured(t, { flags: ["--auth-token-ttl", "3s"] });
  const c = client(t, { urls: [node.address], ...certs.of("orders") });
  const registration = await c.register({ serviceName: "orders", port: 4000, address: "10.0.0.1", ttl: 3000, metadata: { team: "a" } });
  assert.equal(registration.state, "registered");
  assert.ok(registration.healthy);
  assert.equal(registration.ttl, 3000);
  assert.match(registration.instanceId, /^orders-[a-z0-9]{8}$/);
  assert.equal(registration.instance.pid, undefined); // of another machine it would say nothing

  await until("its token was rotated, twice", async () => (await reasons(c, "orders")).filter((reason) => reason === "rotated").length >= 2);
  const { lastHeartbeat } = await c.get("orders", registration.instanceId);
  await until("it goes on renewing", async () => (await c.get("orders", registration.instanceId)).lastHeartbeat > lastHeartbeat);
  assert.ok(registration.healthy);

  assert.equal(await registration.close({ reason: "scale down" }), true);
  assert.equal(registration.state, "closed");
  assert.equal(registration.healthy, false);
  const last = (await c.events({ service: "orders", limit: 1 }))[0];
  assert.deepEqual([last.type, last.reason, last.note, last.actor], ["delete", "deregistered", "scale down", "spiffe://roster.local/orders"]);
  await assert.rejects(registration.update({ weight: 5 }), { code: "closed" });
});

test("credentials may be files, text or Buffers; a wrong authority or none is refused", async (t) => {
  const { world, node, certs } = await secured(t);
  const text = certs.text("orders");
  const buffers = Object.fromEntries(Object.entries(text).map(([name, pem]) => [name, Buffer.from(pem)]));
  for (const credentials of [certs.of("orders"), text, buffers]) {
    assert.deepEqual(await client(t, { urls: [`https://${node.address}`], ...credentials }).services(), []);
  }
  const { ca, ...anonymous } = text;
  await assert.rejects(client(t, { urls: [node.address], ...anonymous }).services(), { code: "unavailable", status: 0 });
  await assert.rejects(client(t, { urls: [node.address], ca }).services(), { code: "unavailable", status: 0 });
  assert.throws(() => createClient({ urls: [node.address], ca, cert: text.cert }), /cert and key go together/);
  assert.throws(() => createClient({ urls: [node.address], ca: `${world.folder}/none` }), /create client: read the certificates: .*none/);
  assert.throws(() => createClient({ urls: [] }), TypeError);
  assert.throws(() => createClient({ ca }), /need urls/);
});

test("a registry that comes back with nothing gets the instance again, with its changes", async (t) => {
  const { node, certs } = await secured(t);
  const c = client(t, { urls: [node.address], ...certs.of("orders") });
  const states = [];
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 2000, metadata: { a: "1", b: "2" } }, { onState: (state) => states.push(state) });
  await registration.update({ weight: 7, metadata: { a: null, c: "3" }, tags: ["x"] });
  await node.kill();
  await until("it is noticed", () => registration.state === "retrying");
  assert.match(registration.error.message, /connection refused/);
  await node.start();
  await until("it is registered again", () => registration.state === "registered");
  const again = await c.get("orders", registration.instanceId);
  assert.deepEqual([again.weight, again.metadata, again.tags], [7, { b: "2", c: "3" }, ["x"]]);
  assert.deepEqual(states, ["registered", "retrying", "registered"]);
  assert.ok(registration.healthy);
});

test("an instance whose lease ran out behind a broken link is registered again", async (t) => {
  const { node, certs } = await secured(t);
  const proxy = await Proxy.start(t, node.address);
  const c = client(t, { urls: [node.address], ...certs.of("auth") });
  const registration = await client(t, { urls: [proxy.address], ...certs.of("orders") }).register({ serviceName: "orders", port: 4000, ttl: 1000 });
  proxy.refusing = true;
  proxy.cut();
  await until("the lease has run out", async () => (await reasons(c, "orders")).includes("expired"));
  await until("it is known here", () => !registration.healthy);
  proxy.refusing = false;
  await until("it is registered again", async () => (await c.list("orders")).length === 1);
  await until("it is healthy", () => registration.healthy);
});

test("whoever is replaced stops, and says so", async (t) => {
  const { node, certs } = await secured(t);
  const [first, second] = [1, 2].map(() => client(t, { urls: [node.address], ...certs.of("orders") }));
  const service = { serviceName: "orders", instanceId: "one", port: 4000, ttl: 1000 };
  const loser = await first.register(service);
  let error;
  loser.on("lost", (err) => { error = err; });
  const winner = await second.register({ ...service, port: 4001 });
  await until("the loser knows", () => error);
  assert.equal(error, loser.error);
  assert.ok(["lease_lost", "unauthenticated"].includes(error.code), error.message);
  assert.equal(loser.state, "lost");
  assert.equal(await loser.close(), true);
  await until("the winner is renewed", async () => (await first.get("orders", "one")).lastHeartbeat > winner.instance.lastHeartbeat);
  assert.equal((await first.get("orders", "one")).port, 4001);
  assert.equal(winner.state, "registered");
});

test("what the registry refuses is told, with every field", async (t) => {
  const { node, certs } = await secured(t);
  const c = client(t, { urls: [node.address], ...certs.of("orders") });
  await assert.rejects(c.register({ serviceName: "-", port: 0 }), (err) => {
    assert.deepEqual([err.code, err.status], ["invalid_request", 400]);
    assert.deepEqual(err.fields.map((field) => field.field).sort(), ["port", "serviceName"]);
    return true;
  });
  await c.register({ serviceName: "orders", instanceId: "one", port: 1 });
  const other = client(t, { urls: [node.address], ...certs.of("auth") });
  await assert.rejects(other.register({ serviceName: "orders", instanceId: "one", port: 2 }), { code: "conflict" });
  await assert.rejects(c.resolve("nobody"), { code: "not_found", status: 404 });
  await assert.rejects(c.update("orders", "one", { weight: 5 }, { token: "wrong" }), { code: "unauthenticated" });
});

test("a lost answer to a registration makes no second instance", async (t) => {
  const { node, certs } = await secured(t);
  const proxy = await Proxy.start(t, node.address);
  const c = client(t, { urls: [proxy.address], ...certs.of("orders") });
  await c.services(); // which leaves a connection open
  proxy.robOpen();
  const registration = await c.register({ serviceName: "orders", port: 4000 });
  assert.equal(proxy.lost, 1);
  assert.deepEqual((await reasons(c, "orders")).filter((reason) => reason === "registered").length, 2);
  assert.deepEqual((await c.list("orders")).map((each) => each.instanceId), [registration.instanceId]);
  assert.equal((await registration.update({ weight: 5 })).weight, 5); // its token is that of the second
});

test("lost answers to rotations and heartbeats lock nobody out", async (t) => {
  const world = new World(t);
  const node = await Node.start(world, { insecure: true, flags: ["--auth-token-ttl", "3s"] });
  const proxy = await Proxy.start(t, node.address);
  const c = client(t, { urls: [`http://${proxy.address}`] });
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 3000 });
  for (const [i, path] of ["token/rotate", "heartbeat", "token/rotate", "token/rotate"].entries()) {
    proxy.rob(`POST /registry/${path}`);
    await until(`an answer to ${path} was lost`, () => proxy.lost === i + 1);
  }
  const { lastHeartbeat } = await c.get("orders", registration.instanceId);
  await until("it is renewed", async () => (await c.get("orders", registration.instanceId)).lastHeartbeat > lastHeartbeat);
  assert.ok(registration.healthy);
});

test("where nobody has an identity, a lost answer to a registration costs an id, and not the registration", async (t) => {
  const world = new World(t);
  const node = await Node.start(world, { insecure: true });
  const proxy = await Proxy.start(t, node.address);
  const c = client(t, { urls: [`http://${proxy.address}`] });
  proxy.rob("POST /registry/register");
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 1000 });
  assert.equal(proxy.lost, 1);
  await until("the one without an owner is gone", async () => (await c.list("orders")).length === 1);
  assert.equal((await c.list("orders"))[0].instanceId, registration.instanceId);
});

test("of several nodes the one that answers is used", async (t) => {
  const { node, certs } = await secured(t);
  const [a, b] = [await Proxy.start(t, node.address), await Proxy.start(t, node.address)];
  a.refusing = true;
  const c = client(t, { urls: [a.address, b.address], inOrder: true, ...certs.of("orders") });
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 2000 });
  a.refusing = false;
  b.refusing = true;
  b.cut();
  const { lastHeartbeat } = await c.get("orders", registration.instanceId);
  await until("it is renewed by the other", async () => (await c.get("orders", registration.instanceId)).lastHeartbeat > lastHeartbeat);
  a.refusing = true;
  a.cut();
  await assert.rejects(c.services(), (err) => {
    assert.equal(err.code, "unavailable");
    assert.ok(err.message.includes(a.address) && err.message.includes(b.address), err.message);
    return true;
  });
});

test("a drained instance is passed over, and those who watch have been told", async (t) => {
  const { node, certs } = await secured(t);
  const c = client(t, { urls: [node.address], ...certs.of("orders") });
  const registration = await c.register({ serviceName: "orders", port: 4000 });
  const resolver = await c.resolver("orders").ready();
  assert.equal(resolver.pick().instanceId, registration.instanceId);
  assert.equal(await registration.drain(), true);
  assert.equal(registration.instance.status, "draining");
  await until("the view has it", () => resolver.pick() === undefined);
  assert.equal(resolver.instances().length, 1);
  await assert.rejects(c.resolve("orders"), { code: "unavailable", status: 503 });
});

test("under TLS, too, neither a registration nor a resolver keeps the process alive", async (t) => {
  const { world, node, certs } = await secured(t);
  const { ended } = world.run(`
    import { createClient } from "roster-registry";
    const client = createClient(${JSON.stringify({ urls: [node.address], ...certs.of("orders") })});
    await client.register({ serviceName: "orders", port: 4000, ttl: 1000 });
    const resolver = await client.resolver("orders").ready();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // a renewal or two
    console.log(resolver.pick().port);`);
  assert.deepEqual(await ended, { code: 0, out: "4000\n", err: "" });
});

test("what a listener throws ends neither a registration nor a view", async (t) => {
  const { world, node, certs } = await secured(t);
  const { ended } = world.run(`
    import { createClient } from "roster-registry";
    let thrown = 0;
    process.on("uncaughtException", () => { thrown++; });
    const fail = () => { throw new Error("a mistake of the program's own"); };
    const client = createClient(${JSON.stringify({ urls: [node.address], ...certs.of("orders") })});
    const resolver = await client.resolver("orders").on("change", fail).ready();
    const registration = await client.register({ serviceName: "orders", port: 4000 }, { onState: fail });
    while (!resolver.pick() || thrown < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log(registration.state, resolver.connected);
    await client.close();`);
  assert.deepEqual(await ended, { code: 0, out: "registered true\n", err: "" });
});

test("a registration waits for a registry that is away, as long as it may", async (t) => {
  const world = new World(t);
  const node = await Node.start(world, { insecure: true });
  await node.kill();
  const c = client(t, { urls: [`http://${node.address}`] });
  await assert.rejects(c.register({ serviceName: "orders", port: 1 }, { timeout: 50 }), { code: "unavailable", message: /gave up: .*connection refused/ });
  const states = [];
  const waiting = c.register({ serviceName: "orders", port: 1 }, { onState: (state) => states.push(state) });
  await until("it tries", () => states.includes("retrying"));
  await node.start();
  assert.equal((await waiting).state, "registered");

  await node.kill();
  const never = c.register({ serviceName: "auth", port: 2 });
  const refused = assert.rejects(never, { code: "closed" });
  await c.close();
  await refused;
  await assert.rejects(c.register({ serviceName: "auth", port: 2 }), { code: "closed" });
});
