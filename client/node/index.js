"use strict";

const local = require("./lib/local");
const { Client } = require("./lib/client");
const { RosterError } = require("./lib/errors");

/** A client of a registry: the nodes at `urls`, or that of this machine where there are none. */
const createClient = (options) => new Client(options);

const registry = { ...local, createClient, RosterError };

// Code that is compiled from ES modules looks for the default export under its name.
module.exports = { ...registry, default: registry };
Object.defineProperty(module.exports, "__esModule", { value: true });
