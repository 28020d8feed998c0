"use strict";

// How long a test may take before it counts as hung, in milliseconds: some seconds are
// usual, and the machine may be ten times slower.
const patience = 180_000;

const stacks = new WeakMap();
const children = new Set();
let watchdog;

/**
 * Calls `undo` at the end of a test, what was registered last first. The runner's own
 * t.after begins with the first, and leaves out all that follow one that fails: a program
 * that a test has started would live on then, and the file of tests never end.
 */
function atEnd(t, undo) {
  let stack = stacks.get(t);
  if (!stack) {
    stack = [];
    stacks.set(t, stack);
    t.after(() => unwind(stack));
  }
  stack.push(undo);
  guard(t);
}

async function unwind(stack) {
  const failures = [];
  while (stack.length) {
    try {
      await stack.pop()();
    } catch (err) {
      failures.push(err);
    }
  }
  if (failures.length) throw new AggregateError(failures, failures.map((err) => err.message).join("; "));
}

/** Ends a process of tests that hangs, and says what keeps it, if anything does. */
function guard(t) {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => {
    process.stderr.write(`"${t.name}" hangs, or what it left behind; open are: ${process.getActiveResourcesInfo().join(", ") || "none"}\n`);
    process.exit(1);
  }, patience);
  watchdog.unref();
}

/** A child process that does not outlive this one. */
function owned(child) {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

module.exports = { atEnd, owned };
