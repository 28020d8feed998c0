"use strict";

const http = require("node:http");
const https = require("node:https");
const { bounded } = require("./wait");

const maxBody = 64 << 20;

/**
 * Sends one request to one address and gives the answer as { status, headers, reused, text },
 * or, with `stream`, as { status, headers, reused, body } once the head of the answer is there.
 * `reused` says that its connection was kept alive from an earlier one.
 * Redirects are not followed, or a token could be carried to another host.
 *
 * What rejects is the cause as the network told it, with `sent`: whether the request may
 * have reached the other side. A `background` exchange does not keep the process alive.
 */
function exchange(url, { method, headers, body, agent, timeout, signal, background, stream }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(mark(signal.reason, false));
    let sent = false;
    const req = (url.startsWith("https:") ? https : http).request(url, { method, headers, agent });
    const timer = setTimeout(() => req.destroy(new Error(`nothing within ${timeout} ms`)), bounded(timeout));
    if (background) timer.unref();
    const abort = () => req.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal?.addEventListener("abort", abort, { once: true });
    const settle = () => {
      clearTimeout(timer);
      // A stream goes on after its head, and is still to be cut by the signal.
      signal?.removeEventListener("abort", abort);
    };
    const fail = (err) => {
      settle();
      reject(mark(err, sent, req.reusedSocket));
    };

    req.on("socket", (socket) => {
      if (background) socket.unref();
      if (!socket.connecting) sent = true; // kept alive from an earlier exchange
      else socket.once(url.startsWith("https:") ? "secureConnect" : "connect", () => { sent = true; });
    });
    req.on("error", fail);
    req.on("response", (res) => {
      res.setEncoding("utf8");
      const head = { status: res.statusCode, headers: res.headers, reused: req.reusedSocket };
      if (stream && res.statusCode === 200) {
        settle();
        res.on("error", () => {}); // whoever reads it is told as well
        return resolve({ ...head, body: res });
      }
      const parts = [];
      let size = 0;
      res.on("data", (part) => {
        size += part.length;
        if (size > maxBody) return req.destroy(new Error(`the answer has over ${maxBody} characters; ask for pages`));
        parts.push(part);
      });
      res.on("error", fail);
      res.on("end", () => {
        settle();
        resolve({ ...head, text: parts.join("") });
      });
    });
    req.end(body);
  });
}

function mark(err, sent, reused) {
  const error = err instanceof Error ? err : new Error(String(err));
  // A reason that a caller aborted with may be frozen, or have such a member: it is passed on
  // as it is. To throw here would leave the caller waiting for ever.
  for (const [name, value] of [["sent", sent], ["reused", Boolean(reused)]]) {
    if (Object.getOwnPropertyDescriptor(error, name)?.configurable ?? Object.isExtensible(error)) {
      Object.defineProperty(error, name, { value, configurable: true });
    }
  }
  return error;
}

/**
 * Tells whether a failure on a connection that was kept alive says no more than that the
 * other side had closed it, so that the same address deserves a second try.
 */
function wasIdle(err) {
  return err.reused && (err.code === "ECONNRESET" || err.code === "EPIPE");
}

module.exports = { exchange, wasIdle };
