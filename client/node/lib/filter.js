"use strict";

const fields = ["version", "env", "zone", "role", "status"];

/**
 * The query of a read: filters, which compare for equality and must all hold, and other
 * parameters. What is undefined is left out.
 */
function filterQuery(filters = {}, others = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value === undefined) continue;
    if (fields.includes(name)) query.append(name, value);
    else if (name === "tags") for (const tag of value) query.append("tag", tag);
    else if (name === "metadata") for (const [key, text] of Object.entries(value)) query.append(`meta.${key}`, text);
    // A filter with a typo would choose everything.
    else throw new TypeError(`filters: there is no ${name}; there are ${fields.join(", ")}, tags and metadata`);
  }
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) query.append(name, String(value));
  }
  return query;
}

module.exports = { filterQuery };
