"use strict";

/**
 * Tells whether an error says nothing about the instance, and may pass: no answer, one of
 * something other than a registry, or that this is not the time. A 403 is among them:
 * policies are reloaded, and a service should come back when its own does.
 */
function passing(err) {
  return err?.name === "RosterError" && (err.code === undefined || err.status >= 500 || ["unavailable", "rate_limited", "forbidden"].includes(err.code));
}

/**
 * Tells whether an instance that is gone may be registered again: not where somebody meant
 * it to go, or two replicas with one id would fight for ever and nobody could remove
 * anything. A token that is refused before it has run out is of that kind too.
 */
function again(err, pid, expired) {
  switch (err?.code) {
    case "not_found":
      return true;
    case "lease_lost":
      // We live: a daemon that says otherwise sees other process numbers than we do.
      return err.reason === "expired" || err.reason === "unreachable" || (err.reason === "process_exited" && pid === process.pid);
    case "unauthenticated":
      return expired;
    default:
      return false;
  }
}

module.exports = { passing, again };
