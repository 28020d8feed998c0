// A client of the local daemon that came before Roster: what its client code is known to
// do, and nothing that Roster added. It finds the daemon by the discovery file in the
// folder for temporary files, checks that the process lives, asks for GET /health, and
// then speaks JSON over HTTP. No dependencies; Node 18 or later.
//
//   node client.js http|fetch '[["register",{"name":"auth","port":3001}],["list"]]'
//
// prints the outcome of each call as a line of JSON.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");

// discoveryInfo gives { host, port, pid } of the running daemon, or null.
function discoveryInfo() {
  let info;
  try {
    info = JSON.parse(fs.readFileSync(path.join(os.tmpdir(), "svc-registry.json"), "utf8"));
  } catch {
    return null; // none was ever started, or it has ended in good order
  }
  try {
    process.kill(info.pid, 0);
  } catch {
    return null; // what is left of one that is gone
  }
  return info;
}

const transports = {
  http: (info, method, where, body) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = payload === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) };
      const req = http.request({ host: info.host, port: info.port, method, path: where, headers }, (res) => {
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (chunk) => (text += chunk));
        res.on("end", () => resolve({ status: res.statusCode, body: JSON.parse(text) }));
      });
      req.on("error", reject);
      req.end(payload);
    }),
  fetch: async (info, method, where, body) => {
    const init = { method };
    if (body !== undefined) {
      init.headers = { "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    const res = await fetch(`http://${info.host}:${info.port}${where}`, init);
    return { status: res.status, body: await res.json() };
  },
};

async function main(transport, calls) {
  const send = transports[transport];
  const daemon = async () => {
    const info = discoveryInfo();
    if (!info) throw new Error("no daemon");
    const health = await send(info, "GET", "/health");
    if (health.status !== 200 || health.body.ok !== true || health.body.pid !== info.pid) throw new Error("another daemon");
    return info;
  };
  const post = async (where, body) => send(await daemon(), "POST", where, body);
  const get = async (where) => send(await daemon(), "GET", where);
  const registry = {
    discoveryInfo: async () => ({ status: 0, body: discoveryInfo() }),
    health: () => get("/health"),
    register: (instance) => post("/register", instance),
    heartbeat: (ref) => post("/heartbeat", ref),
    unregister: (ref) => post("/unregister", ref),
    resolve: (name) => get("/resolve/" + encodeURIComponent(name)),
    list: () => get("/list"),
  };
  for (const [name, argument] of calls) {
    let outcome;
    try {
      outcome = await registry[name](argument);
    } catch (err) {
      outcome = { status: -1, body: err.message };
    }
    console.log(JSON.stringify(outcome));
  }
}

main(process.argv[2], JSON.parse(process.argv[3]));
