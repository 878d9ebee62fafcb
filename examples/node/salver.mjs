// Adds messages for the visitors of a site that uses Salver, and notifications, and publishes events, from Node.
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
// An event reaches all who have subscribed to it, each once, by a worker of the site:
//
//     const events = new Events(client, "wiki");
//     await events.subscribe("user:7", "wiki.edit", { filters: { language: "de" }, description: "edits in German" });
//     await events.publish(event("wiki.edit", { id: "revision-12", subject: "documents/7", filters: { language: "de" } }));
//
// A single file for node-redis 5 (`npm install redis`). Copy it, and copy Salver's add.lua beside
// it. For `Inboxes`, copy the files of src/inbox/store/redis/scripts into the folder inbox beside
// it. For `Events`, copy those of src/events/store/redis/scripts and
// src/jobs/redis/scripts/publish.lua into the folder events. The format is wire v1, which the page
// "Storage format" of Salver's documentation describes. This module does not claim or confirm
// messages, which only the site does.
// The types are in JSDoc comments, which `tsc --checkJs` checks.

import { createHash, randomBytes, randomUUID } from "node:crypto";
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

const MAX_EVENT = 65_536;
const MAX_EVENT_ID = 256;
const MAX_EVENT_TIME_MS = 253_402_207_200_000;
const MAX_FILTERS = 4;
const MAX_FILTER_VALUE = 256;
const MAX_ALSO = 4;
const MAX_EXCEPT = 100;
const MAX_DESCRIPTION = 256;
const EVENT_TTL_MS = 30 * 86_400_000;
const MAX_DUE_EVENTS = 100_000;
const MAX_WAITING_EVENTS = 1_000_000;
const MAX_FILTER_SETS = 32;
const MAX_SUBSCRIPTIONS = 1000;
const KEEP_LINK_MS = 86_400_000;
const PENDING_TTL_MS = 14 * 86_400_000;
const REMOVAL_TTL_MS = 86_400_000;
/** The attributes of CloudEvents 1.0, which are no filters. */
const ATTRIBUTES = ["data", "datacontenttype", "dataschema", "id", "source", "specversion", "time", "type"];
/** The hash tags of the partitions in a Cluster. */
const PARTITIONS = ["10", "3", "61", "43", "11", "2", "60", "42", "12", "1", "63", "41", "13", "0", "62", "40"];

const FILTER_NAME = /^[a-z0-9]{1,20}$/;
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

/** The context, the session, the queue of events, the recipient or the type has too many. Nothing was added. */
export class Full extends Error {}

/** Another event of this id and source is known. Nothing was published. */
export class Conflict extends Error {}

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
  const digest = fieldsDigest("notify", app, messageId, recipient).toString("hex");
  const unixMs = BigInt(`0x${messageId.replaceAll("-", "").slice(0, 12)}`);
  return formatUuid(withVersion((unixMs << 80n) | BigInt(`0x${digest.slice(0, 20)}`)));
}

/** Returns SHA-256 over fields, each preceded by its length. */
function fieldsDigest(...fields) {
  const hash = createHash("sha256");
  for (const field of fields.map((text) => Buffer.from(text))) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    hash.update(length).update(field);
  }
  return hash.digest();
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

  async #run(name, keys, values) {
    return run(this.#client, this.#scripts[name], keys, values);
  }
}

/** A type with values of filters: what an event is matched by, and what a subscription is for. */
class Pattern {
  constructor(type, subject, filters = {}) {
    check(typeof type === "string" && KIND.test(type), () => `type is not 1 to ${MAX_KIND} of A-Z a-z 0-9 - . _ ~`);
    // Not an object, which puts names of digits first.
    const all = new Map(Object.entries(filters));
    if (subject !== undefined) all.set("subject", subject);
    for (const [name, value] of all) {
      check(FILTER_NAME.test(name) && !ATTRIBUTES.includes(name), () =>
        "filter has a name that is not 1 to 20 of a-z 0-9, or that is an attribute of events");
      checkLine(name === "subject" ? name : "filter", value, MAX_FILTER_VALUE);
    }
    check(all.size - Number(all.has("subject")) <= MAX_FILTERS, () => `filter is one of more than ${MAX_FILTERS}`);
    this.type = type;
    this.filters = [...all].sort(([left], [right]) => (left < right ? -1 : 1));
  }

  toJSON() {
    return { type: this.type, filters: this.filters.length ? Object.fromEntries(this.filters) : undefined };
  }

  get names() {
    return this.filters.map(([name]) => name).join(",");
  }

  /** The part of the key of its subscribers. */
  get key() {
    const filters = this.filters.map((filter) => filter.map(encode).join("="));
    return encode(this.type) + (filters.length ? `?${filters.join("&")}` : "");
  }

  idFor(recipient) {
    return fieldsDigest("subscription", recipient, this.type, ...this.filters.flat()).subarray(0, 16).toString("base64url");
  }
}

/** Something that happened. Created by `event`. */
class Event {
  constructor(fields) {
    Object.assign(this, fields);
    Object.freeze(this);
  }

  /**
   * Returns the event as it is stored: a structured CloudEvent, with what that has no attributes for beside it.
   *
   * @param {string} app
   */
  body(app) {
    const { id, timeMs, pattern, data, also, excluded, message } = this;
    const time = new Date(timeMs).toISOString().replace(/\.?0*Z$/, "Z");
    const filters = Object.fromEntries(pattern.filters);
    const event = { ...filters, specversion: "1.0", id, source: this.sourceIn(app), type: pattern.type, time, data };
    if (data !== undefined) event.datacontenttype = "application/json";
    const list = (values) => (values.length ? values : undefined);
    return canonical({ event, also: list(also), except: list(excluded), message });
  }

  /** Returns the digest of the content, by which events of one id are compared. */
  digest() {
    const { pattern, data = null, also, excluded } = this;
    const message = this.message ? { ...this.message, id: undefined } : null;
    const content = { type: pattern.type, filters: Object.fromEntries(pattern.filters), data, also, except: excluded, message };
    return createHash("sha256").update(canonical(content)).digest("base64url");
  }

  /** @param {string} app */
  sourceIn(app) {
    return this.source ?? `/${app}`;
  }
}

/**
 * Builds an event.
 *
 * An event of one `id` and `source` is published once, however often it is sent: by default a new
 * id, and `/` and the application. `subject` is the object that it is about, `timeMs` when it
 * happened. `data` is any JSON. `message` is what people get if no worker renders the type; `message`
 * has encoded it. The types, subjects and filters of the events `also` are further ways to match. The
 * recipients `excluded` are not notified. Throws a TypeError, whose text begins with the invalid field.
 *
 * @param {string} type
 * @param {{
 *   id?: string, source?: string, subject?: string, filters?: Record<string, string>, timeMs?: number, data?: unknown,
 *   message?: string, also?: Event[], excluded?: Iterable<string>,
 * }} [options]
 */
export function event(type, options = {}) {
  const newId = messageId();
  const { id = newId, source, subject, filters, data, also = [], excluded = [] } = options;
  const { timeMs = Number.parseInt(newId.replace("-", "").slice(0, 12), 16) } = options;
  checkLine("id", id, MAX_EVENT_ID);
  if (source !== undefined) checkLine("source", source, MAX_EVENT_ID);
  check(Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= MAX_EVENT_TIME_MS, () => "time is not a Unix time in ms");
  check(depth(data) <= MAX_DEPTH, () => `data is nested more than ${MAX_DEPTH} deep`);
  const message = options.message === undefined ? undefined : read(options.message);
  check(message || options.message === undefined, () => "message is not one that `message` has encoded");
  const patterns = also.flatMap((other) => [other.pattern, ...other.also]);
  check(patterns.length <= MAX_ALSO, () => `also is set more than ${MAX_ALSO} times`);
  const people = [...new Set([...excluded].map(recipient))].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  check(people.length <= MAX_EXCEPT, () => `except has more than ${MAX_EXCEPT} recipients`);
  const pattern = new Pattern(type, subject, filters);
  return new Event({ id, source, pattern, timeMs, data, message, also: patterns, excluded: people });
}

/**
 * Derives the id of a subscription from the recipient and what it is for.
 *
 * @param {string} to
 * @param {string} type
 * @param {{ subject?: string, filters?: Record<string, string> }} [options]
 */
export function subscriptionId(to, type, { subject, filters } = {}) {
  return new Pattern(type, subject, filters).idFor(recipient(to));
}

/**
 * The events and subscriptions of an application, through a node-redis client.
 *
 * `cluster`: whether the client is one of a Redis Cluster. `scripts` are the sources by name, if they
 * are not in the folder events beside this file: publish, add_filter_set, index, write_subscription,
 * remove_subscription, mark_removal, remove_from_index, subscriptions.
 */
export class Events {
  #client;
  #app;
  #partitions;
  #scripts;

  /**
   * @param {{ eval: Function }} client
   * @param {string} app
   * @param {{ cluster?: boolean, scripts?: Record<string, string> }} [options]
   */
  constructor(client, app, { cluster = false, scripts = loadEventsScripts() } = {}) {
    checkLine("app", app, 64);
    this.#client = client;
    this.#app = app;
    this.#partitions = cluster ? PARTITIONS : ["0"];
    this.#scripts = scripts;
  }

  /**
   * Publishes an event, in one round trip: a worker notifies all who have subscribed.
   *
   * Call it after the commit of what it reports. Returns `known` for an event that was published
   * before. Throws Conflict for an event with the id and the source of another one, Full if 100,000
   * events wait, a TypeError if it has more than 64 KiB. Also throws the errors of the client. The
   * result is then in doubt, and repeating is safe.
   *
   * @param {Event} event
   * @returns {Promise<"accepted" | "known">}
   */
  async publish(event) {
    const body = event.body(this.#app);
    check(bytes(body) <= MAX_EVENT, () => `event is over the limit of ${MAX_EVENT} bytes`);
    const digest = fieldsDigest("events", event.sourceIn(this.#app), event.id);
    const tag = this.#partitions[digest.readUInt32BE() % this.#partitions.length];
    const id = digest.subarray(0, 16).toString("base64url");
    const keys = [`${this.#key("event", tag)}:${id}`, this.#key("jobs.events", tag), this.#key("due.events", tag)];
    const limits = [EVENT_TTL_MS, MAX_DUE_EVENTS, MAX_WAITING_EVENTS];
    const [outcome] = await this.#run("publish", keys, [id, '{"task":{}}', event.digest(), body, ...limits]);
    if (outcome === "full") throw new Full("the queue of events is full");
    if (outcome === "conflict") throw new Conflict("another event of this id and source is known");
    return outcome;
  }

  /**
   * Subscribes a user to events of a type, narrowed by the subject and by values of filters.
   *
   * `description` is one line for the person. An address is subscribed by the site, which mails it a
   * link. Throws Full for 1,000 subscriptions of a user, or 32 sets of filter names of a type. Also
   * throws the errors of the client; repeating is safe.
   *
   * @param {string} to
   * @param {string} type
   * @param {{ subject?: string, filters?: Record<string, string>, description?: string }} [options]
   */
  async subscribe(to, type, { subject, filters, description } = {}) {
    const [one, pattern] = [recipient(to), new Pattern(type, subject, filters)];
    check(one.startsWith("user:"), () => "recipient is an address, which the site subscribes: it mails a link that activates the subscription");
    if (description !== undefined) checkLine("description", description, MAX_DESCRIPTION);
    const [added] = await this.#run("add_filter_set", [this.#key("filter-sets", encode(type))], [pattern.names, MAX_FILTER_SETS]);
    if (added === "full") throw new Full("the event type has too many sets of filters");
    const index = this.#indexOf(pattern);
    await this.#addTo(index, one);
    const filtersJson = pattern.filters.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const filtersField = filtersJson.length ? `,"filters":{${filtersJson}}` : "";
    const descriptionField = description === undefined ? "" : `,"description":${JSON.stringify(description)}`;
    const fields = `{"type":${JSON.stringify(type)}${filtersField}${descriptionField}}`;
    check(fields.isWellFormed(), () => "the subscription contains an unpaired surrogate");
    const limits = [KEEP_LINK_MS, PENDING_TTL_MS, MAX_SUBSCRIPTIONS];
    const [written] = await this.#run("write_subscription", [this.#key("subscriptions", encode(one))], [pattern.idFor(one), "active", fields, ...limits]);
    if (written === "full") throw new Full("the recipient has too many subscriptions");
    // It may have been removed from the index since.
    await this.#addTo(index, one);
  }

  /**
   * Ends the subscription with exactly these filters. Returns whether there was one. Repeating is safe.
   *
   * @param {string} to
   * @param {string} type
   * @param {{ subject?: string, filters?: Record<string, string> }} [options]
   */
  async unsubscribe(to, type, { subject, filters } = {}) {
    const [one, pattern] = [recipient(to), new Pattern(type, subject, filters)];
    const key = this.#key("subscriptions", encode(one));
    const [, , wasActive] = await this.#run("remove_subscription", [key], [pattern.idFor(one)]);
    const index = this.#indexOf(pattern);
    const mark = randomUUID();
    for (const set of index) await this.#run("mark_removal", [removals(set)], [one, mark, REMOVAL_TTL_MS]);
    // Several subscriptions may be to one object. One that is written from now on takes the mark away.
    const active = await this.#indexOfActive(key);
    for (const set of index) if (!active.has(set)) await this.#run("remove_from_index", [set, removals(set)], [one, mark]);
    return wasActive === 1;
  }

  #key(part, tag) {
    return `${encode(this.#app)}!${part}:{${tag}}`;
  }

  /** Returns the keys of the sets in which a subscriber is. */
  #indexOf(pattern) {
    const subjects = pattern.filters.filter(([name]) => name === "subject");
    return [this.#key("subscribers", pattern.key), ...subjects.map(([, subject]) => this.#key("subjects", encode(subject)))];
  }

  /** Returns the keys of the sets in which a recipient has to be. */
  async #indexOfActive(subscriptions) {
    const [, , ...parts] = await this.#run("subscriptions", [subscriptions], []);
    const stored = parts.filter((_, n) => n % 2 === 1).map((text) => JSON.parse(text));
    const active = stored.filter(({ state }) => state === "active");
    return new Set(active.flatMap(({ type, filters }) => this.#indexOf(new Pattern(type, undefined, filters))));
  }

  async #addTo(index, recipient) {
    for (const set of index) await this.#run("index", [set, removals(set)], [recipient]);
  }

  async #run(name, keys, values) {
    return run(this.#client, this.#scripts[name], keys, values);
  }
}

/** Returns the key of the removals from a set that have begun. */
function removals(set) {
  return `${set}:removals`;
}

/**
 * Returns JSON in the canonical form of RFC 8785, which takes strings and numbers from JavaScript.
 *
 * @returns {string}
 */
export function canonical(value) {
  if (typeof value?.toJSON === "function") return canonical(value.toJSON());
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one ?? null))}]`;
  if (typeof value === "object" && value !== null) {
    const names = Object.keys(value).filter((name) => value[name] !== undefined);
    return `{${names.sort().map((name) => `${canonical(name)}:${canonical(value[name])}`)}}`;
  }
  const json = JSON.stringify(value);
  check(json !== undefined && (typeof value !== "number" || Number.isFinite(value)) && (typeof value !== "string" || value.isWellFormed()), () =>
    "event cannot be written as JSON");
  return json;
}

/** Runs a script. Returns its reply after the first key, which it begins with. */
async function run(client, script, keys, values) {
  const [key, ...rest] = await client.eval(script, { keys, arguments: values.map(String) });
  if (key !== keys[0]) throw new Error("the reply belonged to another request");
  return rest;
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

/** Loads the scripts from the folder events beside this file, or from the checkout of Salver. */
function loadEventsScripts() {
  const copied = new URL("events/", import.meta.url);
  const isCopied = existsSync(copied);
  const load = (name) => {
    const inCheckout = new URL(`../../src/${name === "publish" ? "jobs" : "events/store"}/redis/scripts/`, import.meta.url);
    return [name, readFileSync(new URL(`${name}.lua`, isCopied ? copied : inCheckout), "utf8")];
  };
  const names = ["publish", "add_filter_set", "index", "write_subscription", "remove_subscription", "mark_removal", "remove_from_index", "subscriptions"];
  return Object.fromEntries(names.map(load));
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
