"use strict";

/**
 * What went wrong with a call, told by the registry or, with status 0, by the network.
 * Tell errors apart by `code`; the codes are those of the API, and "unavailable" stands
 * also for a registry that gave no answer.
 */
class RosterError extends Error {
  constructor(message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "RosterError";
    this.code = details.code;
    this.status = details.status ?? 0;
    this.reason = details.reason;
    this.fields = details.fields ?? [];
    this.retryAfter = details.retryAfter ?? 0;
    // Whether the request may have reached a registry; only for the SDK itself.
    Object.defineProperty(this, "sent", { value: details.sent ?? true, enumerable: false });
  }
}

// The code of an answer that is no problem document of Roster's but of something on the
// way to it. A bare 404 or 410 proves nothing about an instance, so those have none.
const foreign = {
  401: "unauthenticated",
  403: "forbidden",
  429: "rate_limited",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

const maxRetryAfter = 3600_000;

/** Reads a Retry-After header: milliseconds, 0 where it says nothing. */
function retryAfter(value, now = Date.now()) {
  if (!value) return 0;
  // Date.parse takes more than dates of HTTP, which begin with a name of a day.
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(/^[A-Z]/i.test(value) ? value : "") - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), maxRetryAfter) : 0;
}

/** The error that an answer stands for. It never repeats a token, which no answer but a good one holds. */
function answerError(op, base, answer) {
  const { status } = answer;
  const wait = retryAfter(answer.headers["retry-after"]);
  const problem = problemOf(answer);
  if (!problem) {
    const message = `${op}: ${base} answers ${status}, not in the form of a Roster registry`;
    return new RosterError(message, { code: foreign[status], status, retryAfter: wait });
  }
  const { code, reason } = problem;
  const fields = Array.isArray(problem.errors) ? problem.errors : [];
  let message = `${op}: ${code}${reason ? ` (${reason})` : ""}`;
  if (problem.detail || problem.title) message += `: ${problem.detail || problem.title}`;
  if (fields.length) message += `: ${fields.map((f) => `${f.field}: ${f.message}`).join("; ")}`;
  return new RosterError(message, { code, status, reason, fields, retryAfter: wait });
}

function problemOf(answer) {
  const type = String(answer.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/problem+json") return undefined;
  const problem = parse(answer.text);
  return typeof problem?.code === "string" && problem.code ? problem : undefined;
}

/** A network failure as an error of the registry's kind. */
function networkError(op, base, cause) {
  const why = cause?.code === "ECONNREFUSED" ? "connection refused" : (cause?.message || cause?.code || String(cause));
  return new RosterError(`${op}: no answer from ${base}: ${why}`, { code: "unavailable", cause, sent: cause?.sent });
}

/** One error of those of several addresses: what a registry answered says more than others do, and they more than the network. */
function worst(failures) {
  if (failures.length === 1) return failures[0];
  const answered = failures.find((e) => e.status !== 0 && e.code !== undefined) ?? failures.find((e) => e.status !== 0);
  if (answered) return answered;
  const cause = new AggregateError(failures, "no address answers");
  return new RosterError(failures.map((e) => e.message).join("; "), { code: "unavailable", cause, sent: failures.some((e) => e.sent) });
}

/** JSON or undefined. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

module.exports = { RosterError, answerError, networkError, retryAfter, worst, parse };
