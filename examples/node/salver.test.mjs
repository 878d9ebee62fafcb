// Tests of salver.mjs. Run them in a checkout of Salver: `node --test examples/node/`

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as salver from "./salver.mjs";

const fixture = (name) => JSON.parse(readFileSync(new URL(`../../tests/fixtures/${name}.json`, import.meta.url)));
const vectors = fixture("wire_v1");
const inboxVectors = fixture("inbox_v1");

/** Records the keys and the arguments of a script, and replies. */
class RecordingClient {
  constructor(...reply) {
    this.reply = reply;
  }

  async eval(script, options) {
    Object.assign(this, options);
    return [options.keys[0], ...this.reply];
  }
}

test("keys match vectors", () => {
  for (const { app, session, view, key } of vectors.keys) {
    const context = new salver.Context(app, session, view);
    assert.equal(context.key, key);
    assert.deepEqual(salver.Context.fromKey(key), context);
    assert.deepEqual(salver.Context.fromJson(JSON.stringify(context)), context);
  }
});

test("members match vectors", () => {
  for (const { member, rewritten, ...expected } of vectors.members) {
    const fields = salver.read(member);
    assert.ok(fields, member);
    for (const name of ["level", "text", "tag", "title"]) {
      assert.equal(fields[name] ?? (name === "level" ? "info" : undefined), expected[name], member);
    }
    const { text, v, ...options } = fields;
    if (rewritten) assert.equal(salver.message(text, options), member);
  }
});

test("undecodable members return undefined", () => {
  for (const member of [...vectors.unreadable, ...vectors.newer]) assert.equal(salver.read(member), undefined, member);
});

test("session and step ids match vectors", () => {
  for (const { app, token, session } of vectors.sessions) assert.equal(salver.sessionId(app, token), session);
  for (const { begun, job, step, id } of vectors.steps) assert.equal(salver.stepId(begun, job, step), id);
});

test("message ids increase", () => {
  const ids = Array.from({ length: 10_000 }, salver.messageId);
  assert.deepEqual(ids, [...new Set(ids)].sort());
});

test("error names invalid field", () => {
  for (const options of [{ text: "" }, { text: "x".repeat(4097) }, { text: "a\x07" }, { title: "a\nb" }, { tag: "a b" }, { level: "loud" }]) {
    const { text = "text", ...rest } = options;
    const [name] = Object.keys(options);
    assert.throws(() => salver.message(text, rest), new RegExp(`^TypeError: ${name} `));
  }
  const action = { label: "x", url: "javascript:alert(1)" };
  assert.throws(() => salver.message("text", { action }), /^TypeError: action/);
  assert.throws(() => new salver.Context("shop", "ada", ""), /^TypeError: view /);
});

test("recipients match vectors", () => {
  for (const { text, recipient } of inboxVectors.recipients) {
    assert.equal(salver.recipient(text), recipient);
    assert.equal(salver.recipient(recipient), recipient);
  }
  for (const text of inboxVectors.invalid_recipients) assert.throws(() => salver.recipient(text), TypeError, text);
});

test("notification ids match vectors", () => {
  for (const { app, message, recipient, id } of inboxVectors.ids) assert.equal(salver.notificationId(app, message, recipient), id);
});

test("adds match vectors", async () => {
  for (const { app, recipient, kind, message, keys, arguments: expected, for_actor: forActor, ...options } of inboxVectors.adds) {
    const client = new RecordingClient("added", 1, 0);
    const note = salver.notification(kind, message, { forActor, ...options });
    const outcomes = await new salver.Inboxes(client, app).notify([recipient], note);
    assert.deepEqual(outcomes, { [recipient]: "added" });
    assert.deepEqual(client.keys, keys);
    assert.deepEqual(client.arguments, expected);
    assert.ok(salver.readNotification(client.arguments.at(-1)));
  }
});

test("marks match vectors", async () => {
  for (const { app, recipient, change, ids, keys, arguments: expected } of inboxVectors.marks) {
    const client = new RecordingClient(1, 0, 0);
    assert.equal(await new salver.Inboxes(client, app).mark(recipient, change, ids), 1);
    assert.deepEqual([client.keys, client.arguments], [keys, expected]);
  }
});

test("undecodable notifications return undefined", () => {
  for (const member of inboxVectors.readable) assert.ok(salver.readNotification(member), member);
  for (const member of inboxVectors.unreadable) assert.equal(salver.readNotification(member), undefined, member);
});

test("error of notification names invalid field", async () => {
  const text = salver.message("text");
  for (const [name, { kind = "test", message = text, ...options }] of [
    ["kind", { kind: "a b" }],
    ["message", { message: "text" }],
    ["expires", { message: salver.message("text", { expires: 4102444800000 }) }],
    ["subject", { subject: "" }],
    ["group", { group: "x".repeat(257) }],
    ["actor", { actor: { id: "user:7", name: "" } }],
    ["recipient", { actor: { id: "ada", name: "Ada" } }],
  ]) {
    assert.throws(() => salver.notification(kind, message, options), new RegExp(`^TypeError: ${name} `));
  }
  const inboxes = new salver.Inboxes(new RecordingClient(0, 0, 0), "app");
  await assert.rejects(inboxes.list("user:7", { limit: 201 }), /^TypeError: limit /);
  await assert.rejects(inboxes.mark("user:7", "seen", []), /^TypeError: change /);
});

test("notify tries all recipients before it throws", async () => {
  const failures = [new Error("first")];
  const client = new RecordingClient("added", 1, 0);
  const failingOnce = { eval: async (...options) => (failures.length ? Promise.reject(failures.pop()) : client.eval(...options)) };
  const note = salver.notification("test", salver.message("text"));
  await assert.rejects(new salver.Inboxes(failingOnce, "app").notify(["user:7", "user:8"], note), /first/);
  assert.equal(client.keys[0], "app!groups:{user%3A8}");
});

test("more than 500 ids are marked in several calls", async () => {
  const client = new RecordingClient(2, 0, 0);
  const ids = Array.from({ length: 501 }, salver.messageId);
  assert.equal(await new salver.Inboxes(client, "app").mark("user:7", "read", ids), 4);
  assert.deepEqual(client.arguments.slice(4), ids.slice(500));
});
