"use strict";

/** What is to be registered after a change of a live instance, by the rules of the API's PATCH. */
function merge(body, { status, weight, metadata, tags } = {}) {
  const after = { ...body };
  if (status !== undefined) after.status = status;
  if (weight !== undefined) after.weight = weight;
  if (tags !== undefined) after.tags = tags;
  if (metadata !== undefined) {
    after.metadata = { ...body.metadata, ...metadata };
    for (const [key, value] of Object.entries(after.metadata)) if (value === null) delete after.metadata[key];
  }
  return after;
}

module.exports = { merge };
