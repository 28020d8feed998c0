"use strict";

const { spawn, spawnSync } = require("node:child_process");
const net = require("node:net");
const { atEnd, owned } = require("./finish");
const { freePort } = require("./port");
const { until } = require("./until");

/** Why there can be no Redis server for a test, undefined where there can. Under CI nothing may be left out. */
const lacking = spawnSync("redis-server", ["--version"]).error && !process.env.CI ? "redis-server is not installed. On Debian or Ubuntu: apt-get install redis-server" : undefined;

/** Starts a Redis server of the test's own, and gives its address. */
async function redis(world) {
  const port = await freePort();
  const args = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", world.folder];
  const child = owned(spawn("redis-server", args.map(String), { stdio: "ignore" }));
  const ended = new Promise((resolve) => { child.once("exit", resolve).once("error", resolve); });
  atEnd(world.t, () => {
    child.kill("SIGKILL");
    return ended;
  });
  await until("Redis answers", () => new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("data", (data) => { resolve(data.includes("PONG")); socket.destroy(); });
    socket.on("error", () => {}).on("close", () => resolve(false));
  }));
  return `127.0.0.1:${port}`;
}

module.exports = { redis, lacking };
