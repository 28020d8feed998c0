"use strict";

const fs = require("node:fs");
const path = require("node:path");

// The daemon's file has about 100 bytes.
const maxSize = 4096;
const maxPid = 2 ** 31 - 1;

/**
 * The folder for temporary files as the registry sees it. Node's own os.tmpdir() also looks
 * at TMP and TEMP where the registry, on systems other than Windows, looks at TMPDIR alone.
 */
function tempFolder(env = process.env) {
  if (process.platform === "win32") return env.TMP || env.TEMP || env.USERPROFILE || "C:\\Windows";
  return env.TMPDIR || "/tmp";
}

/** The places of this user's discovery file, the better one first. */
function places(folder) {
  const user = process.geteuid ? process.geteuid() : "user";
  return ["svc-registry.json", `svc-registry-${user}.json`].map((name) => path.join(folder, name));
}

/**
 * Where this user's local registry says that it listens: { host, port, pid, startedAt }, or
 * null. A file is believed only if it is a plain file of this user that nobody else may
 * write, and the process that it names lives: the folder is one that all users may share.
 */
function readDiscovery(folder = tempFolder()) {
  for (const file of places(folder)) {
    const info = load(file);
    if (info && alive(info.pid)) return info;
  }
  return null;
}

/**
 * Tells whether this user's local registry has left its discovery file. One that was killed
 * does; one that was stopped in order has removed it.
 */
function leftBehind(folder = tempFolder()) {
  return places(folder).some((file) => {
    try {
      const st = fs.lstatSync(file);
      return !process.geteuid || st.uid === process.geteuid();
    } catch {
      return false;
    }
  });
}

function load(file) {
  // No link is followed, and a pipe in the file's place holds nobody up.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  let fd;
  try {
    fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const st = fs.fstatSync(fd);
    if (!st.isFile() || st.size > maxSize) return null;
    if (process.geteuid && (st.uid !== process.geteuid() || (st.mode & 0o022) !== 0)) return null;
    return check(JSON.parse(fs.readFileSync(fd, "utf8")));
  } catch {
    return null; // absent, a link, somebody else's, or no JSON: none that can be used
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function check(info) {
  const whole = (n, max) => Number.isInteger(n) && n >= 1 && n <= max;
  // Signals to 0 and to negative numbers would reach whole groups of processes.
  if (typeof info?.host !== "string" || !info.host || !whole(info.port, 65535) || !whole(info.pid, maxPid)) return null;
  return { host: info.host, port: info.port, pid: info.pid, startedAt: info.startedAt };
}

/** Tells whether a process of this user has the number and has not ended. */
function alive(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // also another user's process, which did not write our file
  }
  if (process.platform !== "linux") return true;
  try {
    // The state follows the name, which stands in brackets and may hold brackets. A process
    // that ended and was not waited for still has its number.
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^\) [ZX]/.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    return true; // no /proc: nothing is known
  }
}

/** The base URL of a registry at the host and port. */
function baseOf({ host, port }) {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

module.exports = { readDiscovery, leftBehind, tempFolder, baseOf };
