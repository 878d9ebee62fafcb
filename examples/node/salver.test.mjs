// Tests of salver.mjs. Run them in a checkout of Salver: `node --test examples/node/`

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as salver from "./salver.mjs";

const fixture = (name) => JSON.parse(readFileSync(new URL(`../../tests/fixtures/${name}.json`, import.meta.url)));
const vectors = fixture("wire_v1");
const eventsVectors = fixture("events_v1");
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

/** Records the calls of scripts, and replies to them. */
class EventsClient {
  calls = [];

  constructor(stored = []) {
    this.stored = stored.flat();
  }

  async eval(script, { keys, arguments: values }) {
    this.calls.push({ keys, arguments: values });
    const readsSubscriptions = keys[0].includes("subscriptions:") && !values.length;
    return [keys[0], ...(readsSubscriptions ? ["subscriptions", "", ...this.stored] : ["accepted", "", 1])];
  }
}

test("publishes match vectors", async () => {
  for (const fields of eventsVectors.publishes) {
    const { app, cluster, type, id, source, subject, filters, time_ms: timeMs, data, message, except: excluded, digest, keys } = fields;
    const also = (fields.also ?? []).map((one) => salver.event(one.type, { filters: one.filters }));
    const event = salver.event(type, { id, source, subject, filters, timeMs, data, message, also, excluded });
    const client = new EventsClient();
    assert.equal(await new salver.Events(client, app, { cluster }).publish(event), "accepted");
    assert.deepEqual(client.calls, [{ keys, arguments: fields.arguments }]);
    assert.equal(event.digest(), digest);
  }
});

test("subscribes match vectors", async () => {
  for (const { app, recipient, type, subject, filters, description, id, calls } of eventsVectors.subscribes) {
    assert.equal(salver.subscriptionId(recipient, type, { subject, filters }), id);
    const client = new EventsClient();
    await new salver.Events(client, app).subscribe(recipient, type, { subject, filters, description });
    assert.deepEqual(client.calls, calls);
  }
});

test("unsubscribes match vectors", async () => {
  for (const { app, recipient, type, subject, filters, stored, calls } of eventsVectors.unsubscribes) {
    const client = new EventsClient(stored);
    assert.equal(await new salver.Events(client, app).unsubscribe(recipient, type, { subject, filters }), true);
    // The mark of a removal is another one each time.
    const marks = new Set(client.calls.flatMap((call) => call.arguments.slice(1, 2)));
    assert.equal(marks.size, 1);
    const masked = (call) => ({ ...call, arguments: call.arguments.map((one) => (marks.has(one) ? "*" : one)) });
    assert.deepEqual(client.calls.map(masked), calls);
  }
});

test("error of an event names invalid field", async () => {
  let nested = [];
  for (let n = 0; n < 64; n += 1) nested = [nested];
  for (const [name, { type = "x", ...options }] of [
    ["type", { type: "a b" }],
    ["id", { id: "" }],
    ["source", { source: "a\nb" }],
    ["subject", { subject: "" }],
    ["filter", { filters: { Language: "de" } }],
    ["filter", { filters: { time: "1" } }],
    ["filter", { filters: { 0: "1", 1: "1", 2: "1", 3: "1", 4: "1" } }],
    ["time", { timeMs: -1 }],
    ["data", { data: nested }],
    ["message", { message: "text" }],
    ["also", { also: Array.from({ length: 5 }, () => salver.event("x")) }],
    ["except", { excluded: Array.from({ length: 101 }, (_, n) => `user:${n}`) }],
    ["recipient", { excluded: ["ada"] }],
  ]) {
    assert.throws(() => salver.event(type, options), { name: "TypeError", message: new RegExp(`^${name} `) });
  }
  const events = new salver.Events(new EventsClient(), "app");
  for (const data of [NaN, Infinity, "x".repeat(65_536), "\ud800", { "\udc00": 1 }]) {
    await assert.rejects(events.publish(salver.event("x", { data })), { name: "TypeError", message: /^event / });
  }
  await assert.rejects(events.subscribe("email:ada@example.org", "x"), { message: /^recipient / });
  await assert.rejects(events.subscribe("user:7", "x", { description: "" }), { message: /^description / });
});

test("canonical form is that of an independent implementation", async () => {
  // tests/setup.sh installs it.
  const independent = await import("../../target/npm/node_modules/canonicalize/lib/canonicalize.js");
  for (const { data, filters, arguments: [, , , body] } of eventsVectors.publishes) {
    for (const value of [data, filters, JSON.parse(body), [undefined, { a: undefined }, new Date(0)]].filter((one) => one !== undefined)) {
      assert.equal(salver.canonical(value), independent.default(value));
    }
  }
});
