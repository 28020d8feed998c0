"use strict";

const net = require("node:net");
const { randomInt } = require("node:crypto");

// The ports lie below those that systems give out by themselves: one of those may be given to
// any connection that goes out while a server is down that is to come back where it was.
const [first, last] = [20_000, 32_767];

/** A port of 127.0.0.1 on which nobody listens now. */
async function freePort() {
  for (let i = 0; i < 100; i++) {
    const port = randomInt(first, last + 1);
    const server = net.createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error("find a free port: none of a hundred is free");
}

module.exports = { freePort };
