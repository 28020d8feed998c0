"use strict";

// A part of a snapshot with a thousand instances that use their limits stays under it.
const maxEvent = 32 << 20;

/**
 * Reads the event stream format as the HTML standard describes it: lines end in CR, LF or
 * CRLF, data lines are joined by LF, an event that the stream cuts off is dropped. An `id`
 * without data is given too, without an event: it moves the position.
 */
class Decoder {
  #line = ""; // the beginning of a line whose end has not come
  #skipLF = false; // a CR ended the last line; an LF right after it belongs to that
  #begun = false;
  #size = 0;
  #event = "";
  #data = [];
  #id;
  /** The delay before a new connection that the stream asked for last, in milliseconds. */
  retry;

  /** The messages that end in the text: [{ event, data, id }]. */
  push(text) {
    const messages = [];
    let from = 0;
    if (text && !this.#begun) {
      this.#begun = true;
      if (text.charCodeAt(0) === 0xfeff) from = 1;
    }
    let cr = text.indexOf("\r", from); // looked for once where there is none
    for (;;) {
      if (this.#skipLF && from < text.length) {
        this.#skipLF = false;
        if (text[from] === "\n") from++;
      }
      if (cr >= 0 && cr < from) cr = text.indexOf("\r", from);
      const lf = text.indexOf("\n", from);
      const end = lf < 0 || cr < 0 ? Math.max(lf, cr) : Math.min(lf, cr);
      if (end < 0) break;
      this.#skipLF = text[end] === "\r";
      const line = this.#line + text.slice(from, end);
      this.#line = "";
      from = end + 1;
      const message = line === "" ? this.#dispatch() : this.#field(line);
      if (message) messages.push(message);
    }
    this.#line += text.slice(from);
    if (this.#line.length + this.#size > maxEvent) throw new Error("an event of the stream is too large");
    return messages;
  }

  #dispatch() {
    const message = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const empty = this.#data.length === 0;
    if (empty) message.event = "";
    this.#event = "";
    this.#data = [];
    this.#id = undefined;
    this.#size = 0;
    return empty && message.id === undefined ? undefined : message;
  }

  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    switch (name) {
      case "event":
        this.#event = value;
        break;
      case "data":
        this.#data.push(value);
        this.#size += value.length + 32; // an empty line takes place too
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^\d{1,9}$/.test(value)) this.retry = Number(value);
        break;
    }
  }
}

module.exports = { Decoder };
