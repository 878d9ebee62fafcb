// Leaves messages for the visitors of a site that uses Salver, from Node.
//
//     import { createClient } from "redis";
//     import { Context, Salver, message } from "./salver.mjs";
//
//     const site = new Salver(await createClient().connect());
//     const context = Context.fromJson(givenByAHandler);
//     await site.add(context, [message("120 icons are ready.", { level: "success", tag: "import" })]);
//
// One file on node-redis 5 (`npm install redis`): copy it, and Salver's add.lua beside it. The format is wire v1, "The
// stored format" of Salver's documentation. What it does not do: claim and confirm, which is the site's.
// Types are in JSDoc: `tsc --checkJs` reads them.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

export const LEVELS = ["debug", "info", "success", "warning", "error"];
/** The view that stands for whichever page of the visitor comes next. */
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
/** How many logins of a visitor an add follows. */
const HOPS = 8;

const UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const TAG = /^[A-Za-z0-9._~-]{1,64}$/;
const HEAD = new RegExp(`^\\{"id":"(${UUID7})"(?:,"tag":"([A-Za-z0-9._~-]{1,64})")?(?:,"v":(\\d+)(?=[,}]))?`);
const KEY = /^([^:{}]+):\{([^{}]+)\}:([^:{}]+)$/;
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const CONTROL_IN_TEXT = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const OPTIONS = ["tag", "level", "title", "format", "autoclose", "action", "data", "expires", "key", "args"];

/** The visitor has logged out: nobody is there to read the message. Nothing was added. */
export class Closed extends Error {}

/** There is no room for more messages, or more pages with messages. Nothing was added. */
export class Full extends Error {}

/** The address of a visitor's page: a plain value that goes with a job. */
export class Context {
  /**
   * @param {string} app
   * @param {string} session
   * @param {string} view
   */
  constructor(app, session, view) {
    line("app", app, 64);
    line("session", session, 128);
    line("view", view, 256);
    Object.assign(this, { app, session, view });
    Object.freeze(this);
  }

  /** Reads what Rust writes by `serde_json::to_string(&context)`. */
  static fromJson(text) {
    const { app, session, view } = JSON.parse(text);
    return new Context(app, session, view);
  }

  /** Reads the address out of a key. */
  static fromKey(key) {
    const [, ...parts] = KEY.exec(key) ?? [];
    if (!parts.length) throw new TypeError("key is none of a context");
    return new Context(...parts.map(decodeURIComponent));
  }

  toJSON() {
    return { app: this.app, session: this.session, view: this.view };
  }

  /** Where the page's messages are. */
  get key() {
    const view = this.view === ANY ? ANY : encoded(this.view);
    return `${encoded(this.app)}:{${encoded(this.session)}}:${view}`;
  }

  /** Where the session's book is. */
  get book() {
    return `${encoded(this.app)}!session:{${encoded(this.session)}}`;
  }
}

/** Derives the id of a session from the token in the visitor's cookie. */
export function sessionId(app, token) {
  return createHash("sha256").update(`salver1\0${app}\0${token}`).digest("base64url").slice(0, 22);
}

let last = 0n;

/** Draws the id of a message that comes into being now: a UUIDv7, greater than those drawn before here. */
export function messageId() {
  const value = versioned((BigInt(Date.now()) << 80n) | BigInt(`0x${randomBytes(10).toString("hex")}`));
  // Within one millisecond: on by one, in the bits that are chance.
  last = value > last ? value : last + 1n;
  return spelled(last);
}

/** Derives the id of a message of a job that may run again, as `MessageId::of_step` in Rust: the same each time. */
export function stepId(begunMs, job, step) {
  const digest = createHash("sha256").update(`salver1 step\0${job}\0${step}`).digest();
  const counter = BigInt(Math.min(step, 4095));
  return spelled(versioned((BigInt(begunMs) << 80n) | (counter << 64n) | digest.readBigUInt64BE()));
}

/**
 * Writes a message as it is stored; adding the same again makes no second one.
 *
 * `autoclose` and `expires` are in milliseconds, the latter Unix time. `key` and `args` are for the site's translator. Throws a TypeError that names what is wrong.
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
  if (title !== undefined) line("title", title, MAX_TITLE);
  if (key !== undefined) line("key", key, MAX_KEY);
  check(tag === undefined || TAG.test(tag), () => "tag is not 1 to 64 of A-Z a-z 0-9 - . _ ~");
  check(LEVELS.includes(level), () => `level is none of ${LEVELS.join(", ")}`);
  check([undefined, "plain", "markdown"].includes(format), () => "format is neither plain nor markdown");
  check([undefined, "default", "never"].includes(autoclose) || (Number.isInteger(autoclose) && autoclose >= 500 && autoclose <= 86_400_000), () =>
    "autoclose is not default, never or 500 to 86,400,000 ms");
  check(expires === undefined || (Number.isInteger(expires) && expires >= 0), () => "expires is no Unix time in ms");
  if (action) {
    line("action.label", action.label, MAX_LABEL);
    check(isUrl(action.url), () => `action.url is neither a path nor of http or https, or over ${MAX_URL} bytes`);
  }
  for (const [name, value] of Object.entries({ data, args })) {
    check(value === undefined || (depth(value) < MAX_DEPTH && bytes(JSON.stringify(value)) <= MAX_DATA), () =>
      `${name} is over ${MAX_DATA} bytes, or nested ${MAX_DEPTH} deep`);
  }
  check(args === undefined || (typeof args === "object" && !Array.isArray(args) && args !== null), () => "args is no object");
  // The order counts: the id first, the tag at once after it. What is undefined is left out.
  const fields = { id, tag, v: 1, level, title, text };
  if (format !== "plain") fields.format = format;
  if (autoclose !== "default") fields.autoclose = autoclose;
  const member = JSON.stringify({ ...fields, action, data, expires, key, args });
  check(member.isWellFormed(), () => "the message has half a character");
  check(HEAD.test(member), () => "id is not a UUIDv7 in lower case");
  check(bytes(member) <= MAX_MESSAGE, () => `the message is over ${MAX_MESSAGE} bytes`);
  return member;
}

/** Reads a stored message; undefined if it is not one, or a newer one than this reads. */
export function read(member) {
  try {
    const [head, id, tag] = HEAD.exec(member) ?? [];
    const fields = JSON.parse(member);
    if (!head || (fields.v ?? 1) !== 1 || fields.id !== id || fields.tag !== tag) return undefined;
    message(fields.text, { id, ...Object.fromEntries(OPTIONS.map((name) => [name, fields[name] ?? undefined])) });
    return fields;
  } catch {
    return undefined;
  }
}

/** Adds messages through a client of node-redis. Defaults are those of Salver. */
export class Salver {
  #client;
  #limits;
  #script;

  /**
   * @param {{ eval: Function, sendCommand: Function }} client
   * @param {{ expiryMs?: number, mostMessages?: number, mostViews?: number, whenFull?: "drop" | "reject", script?: string }} [options]
   */
  constructor(client, options = {}) {
    const { expiryMs = 3_600_000, mostMessages = 100, mostViews = 64, whenFull = "drop", script = ownScript() } = options;
    this.#client = client;
    this.#limits = [expiryMs, mostMessages, mostViews, whenFull].map(String);
    this.#script = script;
  }

  /**
   * Adds messages, all or none; tells how many older ones went to make room.
   *
   * Follows a visitor who has logged in since. Throws Closed and Full, which have added nothing, and what the client
   * throws: then it is in doubt, and adding the same messages again is safe.
   *
   * @param {Context} context
   * @param {string[]} members
   * @param {{ afterMs?: number }} [options]
   */
  async add(context, members, { afterMs = 0 } = {}) {
    const argumentsOfEach = members.flatMap((member) => [String(afterMs), member]);
    for (let hop = 0; hop < HOPS; hop += 1) {
      const keys = [context.key, context.book];
      const [key, outcome, rest] = await this.#client.eval(this.#script, { keys, arguments: [...this.#limits, ...argumentsOfEach] });
      if (key !== context.key) throw new Error("the reply belonged to another request");
      if (outcome === "ok") return Number(rest);
      if (outcome === "full") throw new Full(rest);
      if (outcome === "closed") break;
      context = new Context(context.app, decodeURIComponent(rest), context.view);
    }
    throw new Closed("the session is closed");
  }

  /** Reads what may be shown in exactly this context, in order, and changes nothing. */
  async peek(context) {
    const [seconds, micros] = await this.#client.sendCommand(["TIME"]);
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    const members = await this.#client.sendCommand(["ZRANGEBYSCORE", context.key, "-inf", String(now)]);
    const found = members.map(read).filter((one) => one !== undefined && !isPast(one, now));
    return found.sort((one, other) => (one.id < other.id ? -1 : 1));
  }
}

function isPast({ id, expires }, now) {
  const made = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
  return made < now - MAX_AGE_MS || (expires ?? Infinity) <= now;
}

function ownScript() {
  const beside = new URL("add.lua", import.meta.url);
  const above = new URL("../../src/store/redis/scripts/add.lua", import.meta.url);
  return readFileSync(existsSync(beside) ? beside : above, "utf8");
}

/** As encodeURIComponent, which leaves some that keys do not. */
function encoded(part) {
  return encodeURIComponent(part).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function bytes(text) {
  return Buffer.byteLength(text);
}

function check(holds, problem) {
  if (!holds) throw new TypeError(problem());
}

function line(name, value, most) {
  check(typeof value === "string" && value.trim() && bytes(value) <= most && !CONTROL.test(value), () =>
    `${name} is empty, over ${most} bytes or has a control character`);
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

function versioned(value) {
  return (value & ~(0xfn << 76n) & ~(0x3n << 62n)) | (0x7n << 76n) | (0x2n << 62n);
}

function spelled(value) {
  const text = value.toString(16).padStart(32, "0");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
