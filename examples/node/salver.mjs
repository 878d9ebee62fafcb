// Adds messages for the visitors of a site that uses Salver, and notifications, from Node.
//
//     import { createClient } from "redis";
//     import { Context, Salver, message } from "./salver.mjs";
//
//     const site = new Salver(await createClient().connect());
//     const context = Context.fromJson(json); // the context that a handler passed to the job
//     const ready = message("120 icons are ready.", { level: "success", tag: "import" });
//     await site.add(context, [ready]);
//
// A notification reaches a person, and stays in their inbox until they have read it:
//
//     const inboxes = new Inboxes(client, "graphspace");
//     const note = notification("graph.uploaded", message("Graph p53 is ready."), { group: "uploads" });
//     await inboxes.notify(["user:7"], note);
//
// A single file for node-redis 5 (`npm install redis`). Copy it, and copy Salver's add.lua beside
// it. For `Inboxes`, copy the files of src/inbox/store/redis/scripts into the folder inbox beside
// it. The format is wire v1, which the page "Storage format" of Salver's documentation describes.
// This module does not claim or confirm messages, which only the site does.
// The types are in JSDoc comments, which `tsc --checkJs` checks.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { domainToASCII } from "node:url";

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

const MAX_USER_ID = 128;
const MAX_ADDRESS = 254;
const MAX_LOCAL_PART = 64;
const MAX_KIND = 128;
const MAX_SUBJECT = 256;
const MAX_GROUP = 256;
const MAX_ACTOR = 128;
const MAX_NOTIFICATION_AGE_MS = 90 * 86_400_000;
const MAX_REMOVED = 1000;
const REMOVED_TTL_MS = 7 * 86_400_000;
/** Maximum number of notifications of one call of the scripts. */
const MAX_LISTED = 200;
const MAX_MARKED = 500;
/** The keys of an inbox, in the order in which each script takes them. */
const ADD = ["groups", "inbox", "notifications", "unread", "archived", "removed", "inbox-state"];
const MARK = ["removed", "inbox", "notifications", "unread", "archived", "groups", "inbox-state"];
const CHANGES = ["read", "unread", "archive", "restore", "delete"];
/** Lengths of the group, and of group and position, before each stored member. */
const [GROUP_LENGTH, PREFIX_LENGTH] = [16, 32];

const UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const TAG = /^[A-Za-z0-9._~-]{1,64}$/;
const HEADER = new RegExp(`^\\{"id":"(${UUID7})"(?:,"tag":"([A-Za-z0-9._~-]{1,64})")?(?:,"v":(\\d+)(?=[,}]))?`);
const KEY = /^([^:{}]+):\{([^{}]+)\}:([^:{}]+)$/;
const KIND = /^[A-Za-z0-9._~-]{1,128}$/;
const LOCAL_PART = /^[\p{L}\p{N}_!#$%&'*+/=?^`{|}~-]+(?:\.[\p{L}\p{N}_!#$%&'*+/=?^`{|}~-]+)*$/u;
const DOMAIN = /^[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?)*$/u;
const NUMBER_AT_END = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i;
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

/**
 * Returns a recipient, `user:{id}` or `email:{address}`, in the form that is stored.
 *
 * ASCII letters of an address become lower case, and its domain becomes Punycode. Throws a TypeError.
 *
 * @param {string} text
 */
export function recipient(text) {
  const [, form, value] = /^(user|email):(.*)$/s.exec(text) ?? [];
  check(form, () => "recipient is not of the form user:{id} or email:{address}");
  if (form === "user") {
    checkLine("recipient", value, MAX_USER_ID);
    return text;
  }
  const at = value.lastIndexOf("@");
  const [localPart, typed] = [value.slice(0, Math.max(at, 0)), value.slice(at + 1)];
  check(LOCAL_PART.test(localPart) && bytes(localPart) <= MAX_LOCAL_PART && DOMAIN.test(typed), () => "address is not an e-mail address");
  const domain = domainToASCII(typed);
  check(domain, () => "address has no valid domain");
  check(!NUMBER_AT_END.test(domain), () => "address has an IP address as its domain");
  const address = `${localPart.replace(/[A-Z]/g, (char) => char.toLowerCase())}@${domain}`;
  check(bytes(address) <= MAX_ADDRESS, () => `address is over the limit of ${MAX_ADDRESS} bytes`);
  return `email:${address}`;
}

/**
 * Derives the id of the notification that a recipient gets, by which a repeated add is found.
 *
 * @param {string} app
 * @param {string} messageId
 * @param {string} recipient
 */
export function notificationId(app, messageId, recipient) {
  const hash = createHash("sha256");
  for (const field of ["notify", app, messageId, recipient].map((text) => Buffer.from(text))) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    hash.update(length).update(field);
  }
  const digest = hash.digest("hex");
  const unixMs = BigInt(`0x${messageId.replaceAll("-", "").slice(0, 12)}`);
  return formatUuid(withVersion((unixMs << 80n) | BigInt(`0x${digest.slice(0, 20)}`)));
}

/** A message for a person. Created by `notification`, for any number of recipients. */
class Notification {
  #member;
  #forActor;
  #actor;

  constructor(member, forActor, { group, actor, unread }) {
    this.#member = member;
    this.#forActor = forActor;
    this.#actor = actor?.id;
    Object.assign(this, { messageId: member.slice(7, 43), group, unread });
    Object.freeze(this);
  }

  /**
   * Returns the member that a recipient gets, with the id of theirs.
   *
   * @param {string} app
   * @param {string} recipient
   */
  memberFor(app, recipient) {
    const member = recipient === this.#actor ? this.#forActor : this.#member;
    return member.slice(0, 7) + notificationId(app, this.messageId, recipient) + member.slice(43);
  }
}

/**
 * Builds a notification from a message that `message` has encoded.
 *
 * `kind` is what happened, as dotted words. `subject` is the object that it is about. Notifications
 * of one `group` on one day are one row. `actor` is the person who caused it, and `forActor` the
 * message that they get instead. Throws a TypeError, whose text begins with the invalid field.
 * Adding the same notification again creates no duplicate.
 *
 * @param {string} kind
 * @param {string} message
 * @param {{
 *   subject?: string, group?: string, actor?: { id: string, name: string }, forActor?: string, unread?: boolean,
 * }} [options]
 */
export function notification(kind, message, options = {}) {
  const { subject, group, forActor = message, unread = true } = options;
  check(typeof kind === "string" && KIND.test(kind), () => `kind is not 1 to ${MAX_KIND} of A-Z a-z 0-9 - . _ ~`);
  if (subject !== undefined) checkLine("subject", subject, MAX_SUBJECT);
  if (group !== undefined) checkLine("group", group, MAX_GROUP);
  let actor;
  if (options.actor !== undefined) {
    checkLine("actor", options.actor.name, MAX_ACTOR);
    actor = { id: recipient(options.actor.id), name: options.actor.name };
  }
  const own = JSON.stringify({ kind, subject, group, actor });
  return new Notification(notificationMember(message, own), notificationMember(forActor, own), { group, actor, unread });
}

/** Appends the fields of a notification to those of its message. */
function notificationMember(message, own) {
  const fields = read(message);
  check(fields, () => "message is not one that `message` has encoded");
  check((fields.expires ?? undefined) === undefined, () => "expires is set: a notification has no expiry");
  const member = `${message.slice(0, -1)},${own.slice(1)}`;
  check(member.isWellFormed(), () => "the notification contains an unpaired surrogate");
  check(bytes(member) <= MAX_MESSAGE, () => `the notification is over ${MAX_MESSAGE} bytes`);
  return member;
}

/**
 * Decodes a stored notification. Returns undefined if it is invalid or has an unsupported version.
 *
 * @param {string} member
 */
export function readNotification(member) {
  const fields = read(member);
  try {
    if (!fields || (fields.expires ?? undefined) !== undefined || bytes(member) > MAX_MESSAGE) return undefined;
    const { kind, subject, group, actor } = fields;
    // Validates the fields of a notification, beside any message.
    const options = { subject: subject ?? undefined, group: group ?? undefined, actor: actor ?? undefined };
    notification(kind, message("text"), options);
    return fields;
  } catch {
    return undefined;
  }
}

/**
 * The inboxes of an application, through a node-redis client.
 *
 * Recipients are `user:{id}` or `email:{address}`. `scripts` are the sources by name, if they are not
 * in the folder inbox beside this file: limits, remove, add, list, mark, counts.
 */
export class Inboxes {
  #client;
  #app;
  #scripts;

  /**
   * @param {{ eval: Function }} client
   * @param {string} app
   * @param {{ scripts?: Record<string, string> }} [options]
   */
  constructor(client, app, { scripts = loadInboxScripts() } = {}) {
    checkLine("app", app, 64);
    this.#client = client;
    this.#app = app;
    const { limits, remove, add, list, mark, counts } = scripts;
    this.#scripts = { add: limits + remove + add, list, mark: remove + mark, counts };
  }

  /**
   * Returns the keys of a recipient, in the form that is stored.
   *
   * @param {string} recipient
   * @param {...string} parts
   */
  keys(recipient, ...parts) {
    return parts.map((part) => `${encode(this.#app)}!${part}:{${encode(recipient)}}`);
  }

  /**
   * Adds a notification to the inbox of each recipient. Returns what each add did.
   *
   * Only `added` has changed an inbox: of the others, the inbox has the notification (`duplicate`),
   * had it (`removed`), or has a later one of its tag (`superseded`), or the recipient was erased
   * after the message was created (`erased`). All recipients are tried, then the first error of the
   * client is thrown. Repeating with the same notification is safe.
   *
   * @param {Iterable<string>} recipients
   * @param {Notification} notification
   * @returns {Promise<Record<string, string>>}
   */
  async notify(recipients, notification) {
    const outcomes = {};
    const failures = [];
    for (const one of [...recipients].map(recipient)) {
      const { messageId, group = "", unread } = notification;
      const fields = [unread ? "unread" : "read", group, messageId, notification.memberFor(this.#app, one)];
      try {
        const [outcome] = await this.#run("add", this.keys(one, ...ADD), fields);
        outcomes[one] ??= outcome;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length) throw failures[0];
    return outcomes;
  }

  /**
   * Lists notifications of a recipient, newest first, in one round trip. Changes nothing.
   *
   * Each has the stored fields, `position`, `unread` and `more`, the number of older ones of its
   * group that were removed because the group was full. Those that are invalid are skipped. `next` is
   * the option `before` of the next page, undefined on the last one.
   *
   * @param {string} to
   * @param {{ place?: "inbox" | "unread" | "archived", before?: number, limit?: number }} [options] `limit`: 1 to 200.
   */
  async list(to, { place = "inbox", before, limit = 20 } = {}) {
    check(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LISTED, () => `limit is not between 1 and ${MAX_LISTED}`);
    const keys = this.keys(recipient(to), place, "notifications", "unread", "inbox-state");
    const [unread, unseen, hasMore, states, displaced, values] = await this.#run("list", keys, [MAX_NOTIFICATION_AGE_MS, before ?? "+inf", limit]);
    const notifications = [];
    let position;
    for (const [index, value] of values.entries()) {
      position = Number(value.slice(GROUP_LENGTH, PREFIX_LENGTH));
      const fields = readNotification(value.slice(PREFIX_LENGTH));
      const at = displaced.findIndex((row, n) => n % 2 === 0 && row === index + 1);
      const more = at < 0 ? 0 : Number(displaced[at + 1]);
      if (fields) notifications.push({ ...fields, position, unread: states[index] === "u", more });
    }
    return { notifications, next: hasMore ? position : undefined, unread, unseen };
  }

  /**
   * Changes notifications of a recipient by their ids. Returns how many changed.
   *
   * `restore` brings archived ones back into the inbox. Those that `delete` removes never
   * come back. Repeating is safe. One round trip for each 500.
   *
   * @param {string} to
   * @param {"read" | "unread" | "archive" | "restore" | "delete"} change
   * @param {Iterable<string>} ids
   */
  async mark(to, change, ids) {
    check(CHANGES.includes(change), () => `change is not one of ${CHANGES.join(", ")}`);
    const keys = this.keys(recipient(to), ...MARK);
    const remaining = [...ids];
    let changed = 0;
    while (remaining.length) {
      const chunk = remaining.splice(0, MAX_MARKED);
      const reply = await this.#run("mark", keys, [change, MAX_NOTIFICATION_AGE_MS, REMOVED_TTL_MS, MAX_REMOVED, ...chunk]);
      changed += reply[0];
    }
    return changed;
  }

  /**
   * Counts the notifications of a recipient in one round trip. `total` is the number of those that
   * are not archived.
   *
   * @param {string} to
   */
  async counts(to) {
    const keys = this.keys(recipient(to), "inbox-state", "inbox", "unread");
    const [unread, unseen, total] = await this.#run("counts", keys, [MAX_NOTIFICATION_AGE_MS]);
    return { unseen, unread, total };
  }

  /** Runs a script. Returns its reply after the first key, which it begins with. */
  async #run(name, keys, values) {
    const [key, ...rest] = await this.#client.eval(this.#scripts[name], { keys, arguments: values.map(String) });
    if (key !== keys[0]) throw new Error("the reply belonged to another request");
    return rest;
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

/** Loads the scripts from the folder inbox beside this file, or from the checkout of Salver. */
function loadInboxScripts() {
  const copied = new URL("inbox/", import.meta.url);
  const inCheckout = new URL("../../src/inbox/store/redis/scripts/", import.meta.url);
  const folder = existsSync(copied) ? copied : inCheckout;
  const load = (name) => [name, readFileSync(new URL(`${name}.lua`, folder), "utf8")];
  return Object.fromEntries(["limits", "remove", "add", "list", "mark", "counts"].map(load));
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
