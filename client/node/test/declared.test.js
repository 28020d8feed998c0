"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { World } = require("./world/world");
const { Node } = require("./world/node");
const { RosterError } = require("..");

// The declarations are checked against what the registry says of itself.

const declarations = fs.readFileSync(path.join(__dirname, "..", "types.d.ts"), "utf8");

/** The members of an interface, with "?" behind those that may be absent. */
function members(name) {
  const body = new RegExp(`export (?:interface|class) ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, "s").exec(declarations)[1];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)(\??):/gm)].map(([, member, absent]) => member + absent).sort();
}

function properties({ properties: all, required = [] }, { without = [] } = {}) {
  return Object.keys(all).filter((name) => !without.includes(name)).map((name) => name + (required.includes(name) ? "" : "?")).sort();
}

test("what the registry describes is declared, and no more", async (t) => {
  const node = await Node.start(new World(t), { insecure: true });
  const { components } = await (await fetch(`http://${node.address}/openapi.json`)).json();
  const { schemas } = components;
  const like = { Instance: "Instance", Override: "Override", CheckRequest: "CheckRequest", Verdict: "Verdict", ServiceSummary: "ServiceSummary", RegistryEvent: "Event", Deleted: "Deleted", Change: "Patch" };
  for (const [ours, theirs] of Object.entries(like)) assert.deepEqual(members(ours), properties(schemas[theirs]), ours);
  assert.deepEqual(members("Service"), properties(schemas.Registration, { without: ["ip", "host"] }), "Service");
  for (const [name, schema] of [["Status", schemas.Status], ["Health", schemas.Condition]]) {
    const values = new RegExp(`export type ${name} = (.*);`).exec(declarations)[1].split(" | ").map((value) => JSON.parse(value));
    assert.deepEqual(values.sort(), schema.enum.toSorted?.() ?? [...schema.enum].sort(), name);
  }
});

test("an error has what is declared of it", () => {
  const err = new RosterError("x");
  for (const member of members("RosterError")) assert.ok(Object.hasOwn(err, member.replace("?", "")), member);
});
