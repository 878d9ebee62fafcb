// Tests of salver.mjs. Run them in a checkout of Salver: `node --test examples/node/`

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as salver from "./salver.mjs";

const vectors = JSON.parse(readFileSync(new URL("../../tests/fixtures/wire_v1.json", import.meta.url)));

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
