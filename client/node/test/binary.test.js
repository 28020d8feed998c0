"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { atEnd } = require("./world/finish");
const { findBinary } = require("../lib/binary");

const name = process.platform === "win32" ? "roster.exe" : "roster";

test("where the program is looked for, the first that is there", (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "roster-node-"));
  atEnd(t, () => fs.rmSync(dir, { recursive: true }));
  const put = (...where) => {
    const file = path.join(dir, ...where);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, "", { mode: 0o755 });
    return file;
  };
  const pack = path.join(dir, "package");
  const search = [dir, path.join(dir, "path")].join(path.delimiter);
  const find = (env = {}) => findBinary({ PATH: search, ...env }, pack);

  fs.mkdirSync(path.join(dir, name)); // a folder of that name is no program
  assert.throws(find, { message: "roster was not found: set ROSTER_BIN or put it on PATH" });
  const onPath = put("path", name);
  assert.equal(find(), onPath);
  const beside = put("package", name);
  assert.equal(find(), beside);
  const inBin = put("package", "bin", name);
  assert.equal(find(), inBin);
  const named = put("named");
  assert.equal(find({ ROSTER_BIN: named }), named);
  assert.throws(() => find({ ROSTER_BIN: path.join(dir, "none") }), /ROSTER_BIN is .*none, which is no program/);
});

test("no entry of PATH that depends on the working directory counts", (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "roster-node-"));
  const before = process.cwd();
  atEnd(t, () => {
    process.chdir(before);
    fs.rmSync(dir, { recursive: true });
  });
  fs.writeFileSync(path.join(dir, name), "", { mode: 0o755 });
  process.chdir(dir);
  for (const search of ["", ".", "./", path.delimiter]) {
    assert.throws(() => findBinary({ PATH: search }, path.join(dir, "package")), /not found/, search);
  }
});
