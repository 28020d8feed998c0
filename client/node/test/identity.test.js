"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");
const { World } = require("./world/world");
const { Node, certificates } = require("./world/node");
const { atEnd } = require("./world/finish");
const { until } = require("./world/until");
const { createClient } = require("..");

test("a certificate that was renewed in its files takes over where the old one is refused on an open connection", async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders");
  world.roster("pki", "crl");
  const node = await Node.start(world, { flags: ["--tls-crl-file", "certs/ca.crl"] });
  const files = certs.of("orders");
  const c = createClient({ urls: [node.address], ...files });
  atEnd(t, () => c.close());
  const states = [];
  const registration = await c.register({ serviceName: "orders", port: 4000, ttl: 6000 }, { onState: (state) => states.push(state) });
  const resolver = await c.resolver("orders").ready();
  let events = 0;
  let cuts = 0;
  const watch = c.watch({ onRetry: () => { cuts++; } });
  const reader = (async () => { for await (const event of watch) events += event.type ? 1 : 0; })();
  await until("a stream is open", () => events > 0);

  const [{ serial }] = JSON.parse(world.roster("pki", "list", "-o", "json")).filter((entry) => entry.name === "orders");
  world.roster("pki", "issue", "orders", "--file", "renewed");
  const put = (name, to) => fs.renameSync(path.join(world.folder, "certs", name), to);
  put("renewed.crt", files.cert);
  put("renewed-key.pem", files.key);
  world.roster("pki", "revoke", serial);
  // The open streams are ended by the registry when it has read the list.
  await until("the old certificate is refused", () => cuts > 0);
  const { lastHeartbeat } = await c.get("orders", registration.instanceId);
  await until("the instance is renewed with the new one", async () => (await c.get("orders", registration.instanceId)).lastHeartbeat > lastHeartbeat);
  await until("the view is followed", () => resolver.connected);
  watch.close();
  await reader;
  assert.equal(registration.state, "registered");
  assert.ok(!states.includes("lost"), states.join());
  assert.equal((await c.events({ service: "orders" })).filter((event) => event.reason === "registered").length, 1);
});

test("a service with a good certificate of its own cannot pass for the registry, nor can anybody for a careless environment", async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders", "thief");
  const seen = [];
  const serve = async (credentials) => {
    const server = https.createServer(credentials, (req, res) => {
      seen.push(req.url);
      res.end("{}");
    });
    await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
    atEnd(t, () => { server.close(); server.closeAllConnections(); });
    return `https://127.0.0.1:${server.address().port}`;
  };
  const { cert, key } = certs.text("thief");
  const url = await serve({ cert, key });
  const c = createClient({ urls: [url], ...certs.of("orders") });
  atEnd(t, () => c.close());
  await assert.rejects(c.services(), { code: "unavailable", status: 0 });
  // That is told at once, and not waited for.
  await assert.rejects(c.register({ serviceName: "orders", port: 1 }), { code: "unavailable", status: 0 });

  // Somebody switched the checks off for another program.
  const { ended } = world.run(`
    import { createClient } from "roster-registry";
    const client = createClient(${JSON.stringify({ urls: [url], ...certs.of("orders") })});
    await client.services().then(() => console.log("taken"), (err) => console.log(err.code));`, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
  assert.equal((await ended).out, "unavailable\n");
  assert.deepEqual(seen, []);
});

test("neither a token nor a key is shown by what is printed of a client and its registration", async (t) => {
  const world = new World(t);
  const certs = certificates(world, "orders");
  const node = await Node.start(world);
  const c = createClient({ urls: [node.address], ...certs.text("orders") });
  atEnd(t, () => c.close());
  const registration = await c.register({ serviceName: "orders", port: 4000 });
  const shown = require("node:util").inspect([c, registration, await c.get("none", "none").catch((err) => err)], { depth: 20, showHidden: true });
  assert.doesNotMatch(shown, /PRIVATE KEY|BEGIN/);
  assert.doesNotMatch(shown, /token/i);
});
