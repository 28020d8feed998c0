"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const http = require("node:http");
const { atEnd } = require("./world/finish");
const { Decoder } = require("../lib/sse");
const { createClient } = require("..");

const cases = {
  "one event": ["event: put\ndata: {}\nid: a.1\n\n", [["put", "{}", "a.1"]]],
  "lines end in CR, LF and CRLF": ["event: a\rdata: 1\r\rdata: 2\r\n\r\ndata: 3\n\n", [["a", "1"], ["message", "2"], ["message", "3"]]],
  "data lines are joined": ["data: a\ndata\ndata:  b\n\n", [["message", "a\n\n b"]]],
  "a comment is nothing": [": keep-alive\n\n", []],
  "an id without data moves the position": [": keep-alive\nid: a.2\n\n", [["", "", "a.2"]]],
  "an id of another event is not kept": ["id: 1\ndata: a\n\ndata: b\n\n", [["message", "a", "1"], ["message", "b"]]],
  "an id with NUL is none": ["id: a\0b\ndata: a\n\n", [["message", "a"]]],
  "a byte order mark": ["\ufeffdata: a\n\n", [["message", "a"]]],
  "an event that is cut off": ["data: a\n\ndata: b\n", [["message", "a"]]],
  "an event without data": ["event: resync\n\n", []],
  "unknown fields": ["colour: red\nwhatever\ndata: a\n\n", [["message", "a"]]],
};

for (const [name, [text, want]] of Object.entries(cases)) {
  test(name, () => {
    // Wherever the text is cut into pieces, the events are the same.
    for (let at = 0; at <= text.length; at++) {
      const decoder = new Decoder();
      const got = [...decoder.push(text.slice(0, at)), ...decoder.push(text.slice(at))];
      assert.deepEqual(got.map(({ event, data, id }) => (id === undefined ? [event, data] : [event, data, id])), want, `cut at ${at}`);
    }
    const decoder = new Decoder();
    assert.equal([...text].flatMap((character) => decoder.push(character)).length, want.length);
  });
}

test("the delay that a stream asks for", () => {
  const decoder = new Decoder();
  assert.equal(decoder.retry, undefined);
  decoder.push("retry: 250\nretry: soon\n\n");
  assert.equal(decoder.retry, 250);
});

test("an event without an end is not gathered for ever", () => {
  const decoder = new Decoder();
  const piece = `data: ${"x".repeat(1 << 20)}\n`;
  assert.throws(() => { for (let i = 0; i < 40; i++) decoder.push(piece); }, /too large/);
  const line = new Decoder();
  assert.throws(() => { for (let i = 0; i < 40; i++) line.push("x".repeat(1 << 20)); }, /too large/);
  const empty = new Decoder();
  assert.throws(() => { for (let i = 0; i < 40; i++) empty.push("data\n".repeat(1 << 16)); }, /too large/);
});

test("a character that is cut in two by the network, and an event of many pieces, come whole", async (t) => {
  const text = JSON.stringify({ metadata: { "ключ": "日本🙂".repeat(1000) } });
  const server = http.createServer(async (req, res) => {
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    const bytes = Buffer.from(`\ufeffevent: put\r\ndata: ${text}\r\n\r\n`);
    for (let at = 0; at < bytes.length; at += 997) {
      res.write(bytes.subarray(at, at + 997));
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    res.end();
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  atEnd(t, () => { server.close(); server.closeAllConnections(); });
  const c = createClient({ urls: [`http://127.0.0.1:${server.address().port}`] });
  atEnd(t, () => c.close());
  for await (const { type, instance } of c.watch()) {
    assert.equal(type, "put");
    assert.equal(JSON.stringify(instance), text);
    break;
  }
});
