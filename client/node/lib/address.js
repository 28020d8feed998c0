"use strict";

/**
 * The base URL of an address: host:port, https://host[:port] or http://host:port. Without a
 * scheme it is https, except on loopback where no TLS is configured: a registry under TLS
 * wants a certificate from every client, so only a plain one can be meant.
 */
function parseAddress(address, secured) {
  const bad = (why) => new TypeError(`address ${JSON.stringify(address)}: ${why}; give host:port, https://host:port or http://host:port`);
  if (typeof address !== "string") throw bad("not a string");
  let text = address;
  if (!text.includes("://")) {
    const host = /^(\[[^\]]+\]|[^:/]+):\d+$/.exec(text)?.[1];
    if (!host) throw bad("no host and port");
    text = `${!secured && isLoopback(host) ? "http" : "https"}://${text}`;
  }
  let url;
  try {
    url = new URL(text);
  } catch {
    throw bad("not a URL");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw bad("the scheme is neither http nor https");
  if (!url.hostname) throw bad("no host");
  if (url.port === "0") throw bad("the port is not in 1–65535");
  if (url.username || url.password || url.search || url.hash || url.pathname !== "/") throw bad("it holds more than a host and a port");
  return url.origin;
}

function isLoopback(host) {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

module.exports = { parseAddress };
