"use strict";

/**
 * Tells whether an error says nothing about the instance, and may pass: no answer, one of
 * something other than a registry, or that this is not the time. A 403 is among them:
 * policies are reloaded, and a service should come back when its own does.
 */
function passing(err) {
  return err?.name === "RosterError" && (err.code === undefined || err.status >= 500 || ["unavailable", "rate_limited", "forbidden"].includes(err.code));
}

// What Node says of a server's certificate that it does not take, and of nothing else.
const unverified = new Set([
  "CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID", "CERT_SIGNATURE_FAILURE", "CERT_UNTRUSTED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID",
  "INVALID_CA", "INVALID_PURPOSE", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function untrusted(err) {
  const failures = err.cause instanceof AggregateError ? err.cause.errors : [err];
  return failures.every((each) => unverified.has(each.cause?.code));
}

/**
 * Tells whether whoever starts a service is to be told an error, and not to wait until it
 * passes: it is likely to be a mistake of theirs. No registry answers at the address, or
 * none that is trusted.
 */
function mistaken(err) {
  return !passing(err) || err.code === "forbidden" || (err.code === undefined && err.status > 0 && err.status < 500) || untrusted(err);
}

/**
 * Tells whether an instance that is gone may be registered again: not where somebody meant
 * it to go, or two replicas with one id would fight for ever and nobody could remove
 * anything. A token that is refused after it has run out is not of that kind.
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

module.exports = { passing, mistaken, again };
