"use strict";

const { randomInt } = require("node:crypto");

const { findDaemon, ensureDaemon, daemonAgain } = require("./daemon");
const { baseOf } = require("./discovery");

/** The nodes of one registry, in the order in which to try them: the one that answered last first. */
class Nodes {
  #bases;
  #first;

  constructor(bases, inOrder) {
    this.#bases = bases;
    this.#first = inOrder ? 0 : randomInt(bases.length);
  }

  get size() { return this.#bases.length; }

  async order() {
    return [...this.#bases.slice(this.#first), ...this.#bases.slice(0, this.#first)];
  }

  worked(base) {
    this.#first = this.#bases.indexOf(base);
  }

  /** Tells whether the addresses are to be asked for again, once a call failed at a node. */
  failed() {
    return false;
  }
}

/** The registry of this machine, which is looked up when needed, and started. */
class LocalNode {
  #base;
  #used = false; // it was found before
  size = 1;

  /** With `start` false none is started: whoever deregisters where none runs is done. */
  async order({ start = true } = {}) {
    if (!this.#base) {
      const find = !start ? findDaemon : this.#used ? daemonAgain : ensureDaemon;
      const info = await find();
      if (!info) return [];
      this.#base = baseOf(info);
      this.#used = true;
    }
    return [this.#base];
  }

  worked() {}

  failed(base, error) {
    const answered = error.status !== 0 && error.code !== undefined;
    if (answered) return false;
    if (this.#base === base) this.#base = undefined; // another call may have found the new one
    return true;
  }
}

module.exports = { Nodes, LocalNode };
