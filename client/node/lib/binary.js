"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { RosterError } = require("./errors");

const program = process.platform === "win32" ? "roster.exe" : "roster";

/**
 * The path of the roster program: ROSTER_BIN, else beside this package (in its folder or in
 * `bin` there), else on PATH. Entries of PATH that depend on the working directory do not
 * count, or a folder that somebody unpacked could choose the program.
 */
function findBinary(env = process.env, packageFolder = path.join(__dirname, "..")) {
  if (env.ROSTER_BIN) {
    const given = path.resolve(env.ROSTER_BIN);
    if (executable(given)) return given;
    throw new RosterError(`roster was not found: ROSTER_BIN is ${env.ROSTER_BIN}, which is no program that can be run`, {
      code: "unavailable",
    });
  }
  const folders = [path.join(packageFolder, "bin"), packageFolder];
  const search = (process.platform === "win32" ? (env.Path ?? env.PATH) : env.PATH) ?? "";
  folders.push(...search.split(path.delimiter).filter((folder) => path.isAbsolute(folder)));
  const found = folders.map((folder) => path.join(folder, program)).find(executable);
  if (found) return found;
  throw new RosterError("roster was not found: set ROSTER_BIN or put it on PATH", { code: "unavailable" });
}

function executable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

module.exports = { findBinary };
