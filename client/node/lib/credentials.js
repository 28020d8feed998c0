"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const tls = require("node:tls");

/**
 * A CA bundle, certificate or key, as createClient takes it: PEM text, a Buffer of it, or
 * the path of a file. Text counts as PEM where it has a PEM header.
 */
function source(name, value) {
  if (value === undefined || Buffer.isBuffer(value)) return () => value;
  if (typeof value === "string" && value.includes("-----BEGIN ")) return () => value;
  if ((typeof value === "string" && value !== "") || value instanceof URL) return () => fs.readFileSync(value);
  throw new TypeError(`create client: ${name} must be PEM text, a Buffer, or the path of a file`);
}

/**
 * Connections with the identity of this client. Files are read again for every new
 * connection, so that a renewed certificate is used without a restart; while they are being
 * replaced and do not fit together, what was good before serves on.
 */
class Agent extends https.Agent {
  #read;
  #last;

  constructor(read, last = tls.createSecureContext(read())) { // what is wrong from the start is told
    // A resumed session would go on with the identity of the connection that began it.
    super({ keepAlive: true, maxCachedSessions: 0 });
    this.#read = read;
    this.#last = last;
  }

  /** Another one, with connections of its own. Those of this one end with what is under way on them. */
  successor() {
    this.keepAlive = false;
    for (const socket of Object.values(this.freeSockets).flat()) socket.destroy();
    return new Agent(this.#read, this.#last);
  }

  createConnection(options, callback) {
    try {
      this.#last = tls.createSecureContext(this.#read());
    } catch {
      // See above.
    }
    // Said here, it cannot be taken back by NODE_TLS_REJECT_UNAUTHORIZED, which somebody set
    // for something else: tokens would go to whoever asks.
    return super.createConnection({ ...options, secureContext: this.#last, rejectUnauthorized: true }, callback);
  }
}

/** The connections of a client, by protocol. */
class Connections {
  #agents;

  constructor(agents) {
    this.#agents = agents;
  }

  /** The agent for a base URL. */
  agent(base) {
    return this.#agents[new URL(base).protocol];
  }

  /**
   * Gives up the connections of an agent, for new ones: an open connection goes on with the
   * certificate that it began with, and is refused when that has run out, though another lies
   * ready. Tells whether that may help: not without TLS.
   */
  renew(agent) {
    if (!(agent instanceof Agent)) return false;
    if (this.#agents["https:"] === agent) this.#agents["https:"] = agent.successor(); // else another call was first
    return true;
  }

  close() {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

/** The connections of a client with that identity. */
function connections({ ca, cert, key }) {
  if ((cert === undefined) !== (key === undefined)) throw new TypeError("create client: cert and key go together");
  const from = { ca: source("ca", ca), cert: source("cert", cert), key: source("key", key) };
  const read = () => ({ ca: from.ca(), cert: from.cert(), key: from.key() });
  try {
    return new Connections({ "http:": new http.Agent({ keepAlive: true }), "https:": new Agent(read) });
  } catch (err) {
    throw new Error(`create client: read the certificates: ${err.message}`, { cause: err });
  }
}

module.exports = { connections };
