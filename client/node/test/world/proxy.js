"use strict";

const net = require("node:net");
const { atEnd } = require("./finish");

/** A TCP proxy whose connections a test can cut, refuse, or rob of an answer. */
class Proxy {
  #server;
  #target;
  #sockets = new Set();
  #texts = []; // each robs the next request that holds it of its answer
  #marked = new WeakSet(); // connections whose next request is robbed of its answer
  refusing = false;
  lost = 0; // answers that were taken away

  static async start(t, target) {
    const proxy = new Proxy();
    proxy.#target = target;
    proxy.#server = net.createServer((socket) => proxy.#serve(socket));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    atEnd(t, () => {
      proxy.cut();
      proxy.#server.close();
    });
    return proxy;
  }

  get address() { return `127.0.0.1:${this.#server.address().port}`; }

  /** Ends all connections. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The next request that holds the text loses its answer, and the connection ends. */
  rob(text) {
    this.#texts.push(text);
  }

  /** So does the next request on each connection that is open: for TLS, where no text can be seen. */
  robOpen() {
    for (const socket of this.#sockets) this.#marked.add(socket);
  }

  #serve(socket) {
    this.#hold(socket);
    if (this.refusing) return socket.destroy();
    const [host, port] = this.#target.split(":");
    const other = this.#hold(net.connect(Number(port), host));
    let robbed = false;
    socket.on("data", (data) => {
      const i = this.#texts.findIndex((text) => data.includes(text));
      if (i >= 0) this.#texts.splice(i, 1);
      robbed ||= i >= 0 || this.#marked.has(socket);
      other.write(data);
    });
    other.on("data", (data) => {
      if (!robbed) return socket.write(data);
      this.lost++;
      socket.destroy();
      return undefined;
    });
    socket.on("close", () => other.destroy());
    other.on("close", () => socket.destroy());
  }

  #hold(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

module.exports = { Proxy };
