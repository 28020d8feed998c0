"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { atEnd } = require("./world/finish");
const { readDiscovery, tempFolder, baseOf } = require("../lib/discovery");

const mine = { host: "127.0.0.1", port: 4321, pid: process.pid, startedAt: "2026-03-04T05:06:07.089Z" };
const dead = () => spawnSync(process.execPath, ["-e", ""]).pid;

function folder(t, files) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "roster-node-"));
  atEnd(t, () => fs.rmSync(dir, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(dir, name), typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  }
  return dir;
}

const first = "svc-registry.json";
const second = `svc-registry-${process.geteuid?.() ?? "user"}.json`;

test("a good file, under either name", (t) => {
  assert.deepEqual(readDiscovery(folder(t, { [first]: mine })), mine);
  assert.deepEqual(readDiscovery(folder(t, { [second]: mine })), mine);
  // A live one under the second name counts more than a stale one under the first.
  assert.deepEqual(readDiscovery(folder(t, { [first]: { ...mine, pid: dead() }, [second]: mine })), mine);
});

test("what is not believed", (t) => {
  const bad = {
    absent: {}, empty: { [first]: "" }, text: { [first]: "hello" }, array: { [first]: "[]" }, null: { [first]: "null" },
    stale: { [first]: { ...mine, pid: dead() } },
    "all processes": { [first]: { ...mine, pid: -1 } }, group: { [first]: { ...mine, pid: 0 } },
    "pid too large": { [first]: { ...mine, pid: 2 ** 32 + process.pid } }, "pid of text": { [first]: { ...mine, pid: String(process.pid) } },
    "port 0": { [first]: { ...mine, port: 0 } }, "port 65536": { [first]: { ...mine, port: 65536 } }, "no host": { [first]: { ...mine, host: "" } },
    huge: { [first]: { ...mine, x: "x".repeat(5000) } },
  };
  for (const [name, files] of Object.entries(bad)) assert.equal(readDiscovery(folder(t, files)), null, name);
  assert.equal(readDiscovery(path.join(os.tmpdir(), "roster-node-nothing")), null);
});

test("what others could have written is not believed", { skip: process.platform === "win32" && "there are no modes of files on Windows" }, (t) => {
  const open = folder(t, { [first]: mine });
  fs.chmodSync(path.join(open, first), 0o666);
  assert.equal(readDiscovery(open), null);
  const linked = folder(t, { elsewhere: mine });
  fs.symlinkSync(path.join(linked, "elsewhere"), path.join(linked, first));
  assert.equal(readDiscovery(linked), null);
  const directory = folder(t, {});
  fs.mkdirSync(path.join(directory, first));
  assert.equal(readDiscovery(directory), null);
  if (process.getuid() !== 0) return t.diagnostic("another user's file: this process may not make one");
  const theirs = folder(t, { [first]: mine });
  fs.chownSync(path.join(theirs, first), 65534, 65534);
  assert.equal(readDiscovery(theirs), null);
  return undefined;
});

test("the folder for temporary files is the registry's", { skip: process.platform === "win32" && "Windows has one of its own" }, () => {
  assert.equal(tempFolder({ TMPDIR: "/a", TMP: "/b" }), "/a");
  assert.equal(tempFolder({ TMP: "/b", TEMP: "/c" }), "/tmp");
});

test("an address of IPv6 stands in brackets", () => {
  assert.equal(baseOf({ host: "::1", port: 80 }), "http://[::1]:80");
  assert.equal(baseOf({ host: "127.0.0.1", port: 80 }), "http://127.0.0.1:80");
});
