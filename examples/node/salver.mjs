// Adds messages for the visitors of a site that uses Salver, from Node.
//
//     import { createClient } from "redis";
//     import { Context, Salver, message } from "./salver.mjs";
//
//     const site = new Salver(await createClient().connect());
//     const context = Context.fromJson(json); // the context that a handler passed to the job
//     const ready = message("120 icons are ready.", { level: "success", tag: "import" });
//     await site.add(context, [ready]);
//
// A single file for node-redis 5 (`npm install redis`). Copy it, and copy Salver's add.lua beside
// it. The format is wire v1, which the page "Storage format" of Salver's documentation describes.
// This module does not claim or confirm messages, which only the site does.
// The types are in JSDoc comments, which `tsc --checkJs` checks.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

export const LEVELS = ["debug", "info", "success", "warning", "error"];
/** The view that matches any page: the next page of the visitor shows the message. */
export const ANY = "*";

const MAX_TEXT = 4096;
const MAX_TITLE = 256;
const MAX_KEY = 128;
const MAX_LABEL = 128;
const MAX_URL = 2048;
const MAX_DATA = 4096;
const MAX_DEPTH = 64;
const MAX_MESSAGE = 8192;
const MAX_AGE_MS = 86_400_000;
/** Maximum number of session moves, such as logins, that an add follows. */
const MAX_REDIRECTS = 8;

const UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const TAG = /^[A-Za-z0-9._~-]{1,64}$/;
const HEADER = new RegExp(`^\\{"id":"(${UUID7})"(?:,"tag":"([A-Za-z0-9._~-]{1,64})")?(?:,"v":(\\d+)(?=[,}]))?`);
const KEY = /^([^:{}]+):\{([^{}]+)\}:([^:{}]+)$/;
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const CONTROL_IN_TEXT = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const OPTIONS = ["tag", "level", "title", "format", "autoclose", "action", "data", "expires", "key", "args"];

/** The session is closed, because the visitor has logged out. Nothing was added. */
export class Closed extends Error {}

/** The context has too many messages, or the session too many contexts. Nothing was added. */
export class Full extends Error {}

/** A page of a visitor, for which messages are added. A plain value that a job can store. */
export class Context {
  /**
   * @param {string} app
   * @param {string} session
   * @param {string} view
   */
  constructor(app, session, view) {
    checkLine("app", app, 64);
    checkLine("session", session, 128);
    checkLine("view", view, 256);
    Object.assign(this, { app, session, view });
    Object.freeze(this);
  }

  /** Parses the JSON that `serde_json::to_string(&context)` writes in Rust. */
  static fromJson(text) {
    const { app, session, view } = JSON.parse(text);
    return new Context(app, session, view);
  }

  /** Parses the key of a context. */
  static fromKey(key) {
    const [, ...parts] = KEY.exec(key) ?? [];
    if (!parts.length) throw new TypeError("key is not the key of a context");
    return new Context(...parts.map(decodeURIComponent));
  }

  toJSON() {
    return { app: this.app, session: this.session, view: this.view };
  }

  /** The key of the sorted set with the messages. */
  get key() {
    const view = this.view === ANY ? ANY : encode(this.view);
    return `${encode(this.app)}:{${encode(this.session)}}:${view}`;
  }

  /** The key of the session index. */
  get sessionIndex() {
    return `${encode(this.app)}!session:{${encode(this.session)}}`;
  }
}

/** Derives a session id from the token in the visitor's cookie. */
export function sessionId(app, token) {
  return createHash("sha256").update(`salver1\0${app}\0${token}`).digest("base64url").slice(0, 22);
}

let lastId = 0n;

/** Creates the id of a new message: a UUIDv7, greater than all earlier ids of this process. */
export function messageId() {
  const value = withVersion((BigInt(Date.now()) << 80n) | BigInt(`0x${randomBytes(10).toString("hex")}`));
  // Within the same millisecond, the random bits are incremented instead.
  lastId = value > lastId ? value : lastId + 1n;
  return formatUuid(lastId);
}

/**
 * Derives the id of a message from a job step, as `MessageId::for_job_step` does in Rust.
 *
 * The id is the same in each run of the job, so that a rerun creates no duplicates.
 */
export function stepId(startedAtMs, job, step) {
  const digest = createHash("sha256").update(`salver1 step\0${job}\0${step}`).digest();
  const counter = BigInt(Math.min(step, 4095));
  return formatUuid(withVersion((BigInt(startedAtMs) << 80n) | (counter << 64n) | digest.readBigUInt64BE()));
}

/**
 * Encodes a message in the stored format. Adding the result again creates no duplicate.
 *
 * `autoclose` is a duration in milliseconds, `expires` a Unix time in milliseconds. The `url` of an
 * action is a path or has the scheme http or https. `key` and `args` are for the translator of the
 * site. Throws a TypeError, whose text begins with the invalid field.
 *
 * @param {string} text
 * @param {{
 *   id?: string, tag?: string, level?: "debug" | "info" | "success" | "warning" | "error", title?: string,
 *   format?: "plain" | "markdown", autoclose?: "default" | "never" | number, action?: { label: string, url: string },
 *   data?: unknown, expires?: number, key?: string, args?: Record<string, unknown>,
 * }} [options]
 * @returns {string}
 */
export function message(text, options = {}) {
  text = typeof text === "string" ? text.replaceAll("\r\n", "\n") : text;
  const { id = messageId(), tag, level = "info", title, format, autoclose, action, data, expires, key, args } = options;
  check(typeof text === "string" && text.trim() && bytes(text) <= MAX_TEXT && !CONTROL_IN_TEXT.test(text), () =>
    `text is empty, over ${MAX_TEXT} bytes or has a control character`);
  if (title !== undefined) checkLine("title", title, MAX_TITLE);
  if (key !== undefined) checkLine("key", key, MAX_KEY);
  check(tag === undefined || TAG.test(tag), () => "tag is not 1 to 64 of A-Z a-z 0-9 - . _ ~");
  check(LEVELS.includes(level), () => `level is not one of ${LEVELS.join(", ")}`);
  check([undefined, "plain", "markdown"].includes(format), () => "format is neither plain nor markdown");
  check([undefined, "default", "never"].includes(autoclose) || (Number.isInteger(autoclose) && autoclose >= 500 && autoclose <= 86_400_000), () =>
    "autoclose is not default, never or 500 to 86,400,000 ms");
  check(expires === undefined || (Number.isInteger(expires) && expires >= 0), () => "expires is not a Unix time in ms");
  if (action) {
    checkLine("action.label", action.label, MAX_LABEL);
    check(isUrl(action.url), () => `action.url is neither a path nor of http or https, or over ${MAX_URL} bytes`);
  }
  for (const [name, value] of Object.entries({ data, args })) {
    check(value === undefined || (depth(value) < MAX_DEPTH && bytes(JSON.stringify(value)) <= MAX_DATA), () =>
      `${name} is over ${MAX_DATA} bytes, or nested ${MAX_DEPTH} deep`);
  }
  check(args === undefined || (typeof args === "object" && !Array.isArray(args) && args !== null), () => "args is not an object");
  // The order is part of the format: the id is first, and the tag immediately follows it.
  // Undefined fields are left out.
  const fields = { id, tag, v: 1, level, title, text };
  if (format !== "plain") fields.format = format;
  if (autoclose !== "default") fields.autoclose = autoclose;
  const member = JSON.stringify({ ...fields, action, data, expires, key, args });
  check(member.isWellFormed(), () => "the message contains an unpaired surrogate");
  check(HEADER.test(member), () => "id is not a UUIDv7 in lower case");
  check(bytes(member) <= MAX_MESSAGE, () => `the message is over ${MAX_MESSAGE} bytes`);
  return member;
}

/** Decodes a stored message. Returns undefined if it is invalid or has an unsupported version. */
export function read(member) {
  try {
    const [header, id, tag] = HEADER.exec(member) ?? [];
    const fields = JSON.parse(member);
    if (!header || (fields.v ?? 1) !== 1 || fields.id !== id || fields.tag !== tag) return undefined;
    message(fields.text, { id, ...Object.fromEntries(OPTIONS.map((name) => [name, fields[name] ?? undefined])) });
    return fields;
  } catch {
    return undefined;
  }
}

/** Adds messages through a node-redis client. The defaults are those of Salver. */
export class Salver {
  #client;
  #limits;
  #script;

  /**
   * @param {{ eval: Function, sendCommand: Function }} client
   * @param {{ ttlMs?: number, maxMessages?: number, maxContexts?: number, whenFull?: "drop" | "reject", script?: string }} [options]
   */
  constructor(client, options = {}) {
    const { ttlMs = 3_600_000, maxMessages = 100, maxContexts = 64, whenFull = "drop", script = loadScript() } = options;
    this.#client = client;
    this.#limits = [ttlMs, maxMessages, maxContexts, whenFull].map(String);
    this.#script = script;
  }

  /**
   * Adds messages, all or none. Returns the number of older messages that were displaced.
   *
   * If the session has moved because of a login, adds the messages under the new session id.
   * Throws Closed or Full if nothing was added. Also throws the errors of the client. The result is
   * then in doubt, and adding the same messages again is safe.
   *
   * @param {Context} context
   * @param {string[]} members
   * @param {{ afterMs?: number }} [options]
   */
  async add(context, members, { afterMs = 0 } = {}) {
    const messageArguments = members.flatMap((member) => [String(afterMs), member]);
    for (let redirect = 0; redirect < MAX_REDIRECTS; redirect += 1) {
      const keys = [context.key, context.sessionIndex];
      const [key, outcome, rest] = await this.#client.eval(this.#script, { keys, arguments: [...this.#limits, ...messageArguments] });
      if (key !== context.key) throw new Error("the reply belonged to another request");
      if (outcome === "ok") return Number(rest);
      if (outcome === "full") throw new Full(rest);
      if (outcome === "closed") break;
      context = new Context(context.app, decodeURIComponent(rest), context.view);
    }
    throw new Closed("the session is closed");
  }

  /** Reads the visible messages of exactly this context, ordered by id. Changes nothing. */
  async peek(context) {
    const [seconds, micros] = await this.#client.sendCommand(["TIME"]);
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    const members = await this.#client.sendCommand(["ZRANGEBYSCORE", context.key, "-inf", String(now)]);
    const visible = members.map(read).filter((fields) => fields !== undefined && !isExpired(fields, now));
    return visible.sort((left, right) => (left.id < right.id ? -1 : 1));
  }
}

function isExpired({ id, expires }, now) {
  const createdAt = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
  return createdAt < now - MAX_AGE_MS || (expires ?? Infinity) <= now;
}

/** Loads add.lua from beside this file, or from the checkout of Salver that contains this file. */
function loadScript() {
  const copied = new URL("add.lua", import.meta.url);
  const inCheckout = new URL("../../src/store/redis/scripts/add.lua", import.meta.url);
  return readFileSync(existsSync(copied) ? copied : inCheckout, "utf8");
}

/** Percent-encodes a part of a key, including five characters that encodeURIComponent leaves. */
function encode(part) {
  return encodeURIComponent(part).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function bytes(text) {
  return Buffer.byteLength(text);
}

function check(isValid, problem) {
  if (!isValid) throw new TypeError(problem());
}

function checkLine(name, value, limit) {
  check(typeof value === "string" && value.trim() && bytes(value) <= limit && !CONTROL.test(value), () =>
    `${name} is empty, over ${limit} bytes or has a control character`);
}

function depth(value) {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}

function isUrl(url) {
  if (typeof url !== "string" || bytes(url) > MAX_URL || CONTROL.test(url) || /[\\ ]/.test(url)) return false;
  if (url.startsWith("/")) return !url.startsWith("//");
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return /^https?:$/.test(protocol) && !username && !password;
}

/** Sets the version and variant bits of a UUIDv7. */
function withVersion(value) {
  return (value & ~(0xfn << 76n) & ~(0x3n << 62n)) | (0x7n << 76n) | (0x2n << 62n);
}

function formatUuid(value) {
  const text = value.toString(16).padStart(32, "0");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
