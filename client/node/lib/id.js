"use strict";

const { randomInt } = require("node:crypto");

// An id that is made here, and not by the registry, lets a registration be sent again when
// its answer is lost, and still be one. Both kinds look like the registry's own.

/** Like auth-7f3k2m9q, of the native API. */
function makeInstanceId(serviceName) {
  const letters = "23456789abcdefghjkmnpqrstuvwxyz";
  let end = "";
  for (let i = 0; i < 8; i++) end += letters[randomInt(letters.length)];
  return `${serviceName}-${end}`;
}

/** Like 127.0.0.1:3001:839212, of the loopback surface; undefined where a host cannot stand in an id. */
function makeLocalId(host, port) {
  const id = `${host ?? "127.0.0.1"}:${port}:${randomInt(100_000, 1_000_000)}`;
  return /^[A-Za-z0-9._:@~+=-]{1,128}$/.test(id) ? id : undefined;
}

module.exports = { makeInstanceId, makeLocalId };
