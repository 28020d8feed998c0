"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

test("an administrator's word counts: an instance that is out of service is passed over, and one that is kept out stops", async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders", "ops");
  const config = path.join(world.folder, "roster.yaml");
  fs.writeFileSync(config, `auth:
  policies:
    - {identity: "spiffe://roster.local/orders", register: ["*"], discover: ["*"]}
    - {identity: "spiffe://roster.local/ops", discover: ["*"], admin: true}
`);
  const node = await Node.start(world, { flags: ["--config", config] });
  const [c, ops] = ["orders", "ops"].map((name) => {
    const made = createClient({ urls: [node.address], ...certs.of(name) });
    atEnd(t, () => made.close());
    return made;
  });
  const override = (id, body) => ops.call({ op: "override", method: "PUT", path: `/registry/admin/overrides/orders/${id}`, body });
  const service = { serviceName: "orders", port: 4000, ttl: 1500 };
  const [one, two] = [await c.register({ ...service, instanceId: "one" }), await c.register({ ...service, instanceId: "two" })];
  const resolver = await c.resolver("orders").ready();
  await until("both are there", () => resolver.instances().length === 2);

  await override("one", { status: "out_of_service", reason: "it leaks" });
  await until("one is passed over", () => resolver.pick().instanceId === "two" && resolver.pick().instanceId === "two");
  const shown = await c.get("orders", "one");
  assert.deepEqual([shown.status, shown.override.status, shown.override.reason], ["up", "out_of_service", "it leaks"]);
  assert.ok(shown.override.until > Date.now());
  assert.equal((await c.resolve("orders")).instanceId, "two");

  let error;
  two.on("lost", (err) => { error = err; });
  await override("two", { keepOut: true, reason: "a stolen machine" });
  await until("it has stopped", () => error);
  assert.deepEqual([two.state, error.code, error.status, error.reason], ["lost", "lease_lost", 410, "forced"]);
  await assert.rejects(c.register({ ...service, instanceId: "two" }), { code: "lease_lost", status: 410, reason: "forced" });
  assert.deepEqual((await c.list("orders")).map((each) => each.instanceId), ["one"]);
  assert.equal(one.state, "registered");
  await until("none is left to pick", () => resolver.pick() === undefined);
});
