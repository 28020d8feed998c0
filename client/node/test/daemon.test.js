"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { atEnd } = require("./world/finish");
const { World, lives } = require("./world/world");
const registry = require("..");

test("where none runs there is nothing to discover", async (t) => {
  new World(t);
  assert.equal(await registry.discoveryInfo(), null);
});

test("twenty starts at once in one process, and four in others, end in one daemon", async (t) => {
  const world = new World(t);
  const others = Array.from({ length: 4 }, () => world.run(`
    import { startDaemonIfNeeded } from "roster-registry";
    console.log((await startDaemonIfNeeded()).pid);`));
  const infos = await Promise.all(Array.from({ length: 20 }, () => registry.startDaemonIfNeeded()));
  const pids = new Set(infos.map((info) => info.pid));
  for (const other of others) {
    const { code, out, err } = await other.ended;
    assert.equal(code, 0, err);
    pids.add(Number(out));
  }
  assert.deepEqual([...pids], [world.daemonPid()]);
  assert.deepEqual(await registry.discoveryInfo(), infos[0]);
  assert.equal(infos[0].host, "127.0.0.1");
});

test("a daemon that was killed leaves a file that is not believed, and is replaced", async (t) => {
  const world = new World(t);
  const first = await registry.startDaemonIfNeeded();
  await world.killDaemon();
  assert.ok(fs.existsSync(world.discoveryFile));
  assert.equal(await registry.discoveryInfo(), null);
  const second = await registry.startDaemonIfNeeded();
  assert.notEqual(second.pid, first.pid);
});

test("a file of a process that is no registry is not believed", async (t) => {
  const world = new World(t);
  const server = require("node:http").createServer((req, res) => res.end('{"ok":true,"pid":1}'));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => server.close());
  const { port } = server.address();
  // The number was given to another process, ours, and the port to another server.
  fs.writeFileSync(world.discoveryFile, JSON.stringify({ host: "127.0.0.1", port, pid: process.pid }), { mode: 0o600 });
  assert.equal(await registry.discoveryInfo(), null);
  const info = await registry.startDaemonIfNeeded();
  assert.notEqual(info.pid, process.pid);
  assert.ok(lives(info.pid));
});

test("without the program the message says what to do", async (t) => {
  const world = new World(t);
  delete process.env.ROSTER_BIN;
  const search = process.env.PATH;
  atEnd(t, () => { process.env.PATH = search; });
  process.env.PATH = world.temp;
  await assert.rejects(registry.startDaemonIfNeeded(), { message: "roster was not found: set ROSTER_BIN or put it on PATH" });
  process.env.ROSTER_BIN = path.join(world.temp, "nothing");
  await assert.rejects(registry.register({ name: "auth", port: 1 }), { message: /^roster was not found: ROSTER_BIN is .*nothing/ });
  // A heartbeat comes from a timer, where nobody catches what it throws.
  const { ended } = world.run(`
    import registry from "roster-registry";
    console.log(JSON.stringify(await registry.heartbeat({ name: "auth", id: "a" })));`);
  const beat = JSON.parse((await ended).out);
  assert.deepEqual([beat.ok, beat.instance], [false, null]);
  assert.match(beat.error, /roster was not found/);
});

test("what the program says when it fails is passed on", async (t) => {
  const world = new World(t);
  const broken = path.join(world.folder, "broken");
  fs.writeFileSync(broken, "#!/bin/sh\necho 'roster: the disk is full' >&2\nexit 1\n", { mode: 0o755 });
  process.env.ROSTER_BIN = broken;
  await assert.rejects(registry.startDaemonIfNeeded(), { code: "unavailable", message: "start the local registry: the disk is full" });
  fs.writeFileSync(broken, "#!/bin/sh\nexit 3\n");
  await assert.rejects(registry.startDaemonIfNeeded(), { message: /ended with status 3$/ });
});

test("a folder for temporary files that is not there ends in a plain message", async (t) => {
  const world = new World(t);
  process.env.TMPDIR = path.join(world.temp, "nothing");
  await assert.rejects(registry.startDaemonIfNeeded(), { message: /^start the local registry: .*TMPDIR/s });
});

test("a start can be forbidden", async (t) => {
  new World(t);
  process.env.ROSTER_NO_START = "1";
  atEnd(t, () => { delete process.env.ROSTER_NO_START; });
  await assert.rejects(registry.startDaemonIfNeeded(), { message: /ROSTER_NO_START forbids to start one/ });
});

test("a heartbeat survives a machine that has no room for another process", async (t) => {
  const world = new World(t);
  const failures = {
    memory: "throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });",
    // With no file descriptor left there are no pipes.
    descriptors: "const child = new EventEmitter(); child.kill = () => {}; process.nextTick(() => child.emit('error', new Error('spawn EMFILE'))); return child;",
  };
  for (const [what, failure] of Object.entries(failures)) {
    const { ended } = world.run(`
      import { EventEmitter } from "node:events";
      import processes from "node:child_process";
      processes.spawn = () => { ${failure} };
      const { default: registry } = await import("roster-registry");
      console.log(JSON.stringify(await registry.heartbeat({ name: "auth", id: "a" })));`);
    const { code, out, err } = await ended;
    assert.equal(code, 0, `${what}: ${err}`);
    assert.match(JSON.parse(out).error, /^start the local registry: .*spawn E/, what);
  }
});
