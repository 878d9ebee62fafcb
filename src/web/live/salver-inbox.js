// The bell, <salver-bell>, the list of the inbox, <salver-inbox>, and the list of who is online,
// <salver-online>, while a page is open.
//
// The server renders bell and list. The stream reports when the inbox has changed: the bell then shows the
// new number, and the list is loaded again. All actions of the list are forms, which work without this
// script too. The site renders who is online, at the URL `src`.

import { addReceiver, removeReceiver, trustedHtml } from "./salver.js";

// Least time between two announcements of the bell, in milliseconds.
const ANNOUNCE_INTERVAL = 10000;
// Delay after which assistive technology observes a new live region.
const REGION_DELAY = 100;
// Delay before a list is requested again that could not be loaded, doubled after each attempt.
const MIN_RETRY_DELAY = 1000;
const MAX_RETRY_DELAY = 60000;

// Delay after an event: some arrive together.
const REPORT_DELAY = 10;
// Maximum delay of a list of who is online after an event.
const MAX_ONLINE_DELAY = 1000;

// What undoes a change of some notifications.
const REVERSE = { read: "unread", unread: "read", archive: "restore", restore: "archive" };
// What can have the focus in a row.
const CONTROLS = "a, summary, button";

let region;
let announced = -Infinity;
let announceTimer;
let announcement;
// Announces to assistive technology the number of unread notifications, outside of the link of the bell.
const announce = (text) => {
  announcement = text;
  if (!region?.isConnected) {
    region = document.createElement("div");
    region.className = "salver-live-region";
    region.ariaLive = "polite";
    document.body.append(region);
  }
  const wait = Math.max(REGION_DELAY, announced + ANNOUNCE_INTERVAL - performance.now());
  announceTimer ??= setTimeout(() => {
    announceTimer = undefined;
    announced = performance.now();
    region.textContent = announcement;
  }, wait);
};

// An element that receives events of the stream.
class StreamElement extends HTMLElement {
  connectedCallback() {
    this.connection = new AbortController();
    this.receiver ??= this.handlers();
    addReceiver(this.receiver);
    const { signal } = this.connection;
    const resume = () => this.resume?.();
    document.addEventListener("visibilitychange", resume, { signal });
    // The network is back: no need to wait for the next attempt.
    addEventListener("online", resume, { signal });
    resume();
  }

  disconnectedCallback() {
    this.connection.abort();
    removeReceiver(this.receiver);
    clearTimeout(this.timer);
  }

  // Calls `resume` after a delay, instead of a call that waits.
  resumeAfter(delay) {
    this.isStale = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.resume(), delay);
  }

  // Requests HTML, and calls `resume` later if that fails. Returns nothing then, and for a person who is
  // no longer logged in; null if a later request was answered before, or the element is gone.
  async request(url) {
    const number = (this.requests = (this.requests ?? 0) + 1);
    const { signal } = this.connection;
    // With the header of scripts, the response contains no messages: only a part of it is used.
    const headers = { accept: "text/html", "x-requested-with": "XMLHttpRequest" };
    const response = await fetch(url, { headers, signal }).catch(() => {});
    const isRefused = response?.redirected || [401, 403, 404, 410].includes(response?.status);
    const html = response?.ok && !isRefused ? await response.text().catch(() => {}) : undefined;
    if (signal.aborted || number < this.answered) return null;
    if (html !== undefined || isRefused) {
      this.answered = number;
      this.retryDelay = undefined;
    } else {
      this.retryDelay = Math.min(this.retryDelay * 2 || MIN_RETRY_DELAY, MAX_RETRY_DELAY);
      this.resumeAfter(this.retryDelay * (0.5 + Math.random()));
    }
    return html;
  }

  // Forgets what the person has seen who has logged out.
  empty() {
    this.answered = this.requests + 1;
    this.replaceChildren();
  }
}

class SalverBell extends StreamElement {
  handlers() {
    this.unread = Number(this.querySelector("[data-salver-unread]")?.dataset.salverUnread ?? 0);
    const reset = () => {
      this.unread = 0;
      this.empty();
    };
    return { counts: (data) => this.show(JSON.parse(data)), reset };
  }

  show({ unread, text, html }) {
    if (unread !== this.unread) this.innerHTML = trustedHtml(html);
    if (unread > this.unread && !document.hidden) announce(text);
    this.unread = unread;
  }
}

// Returns the fields that a form sends.
const fieldsOf = (form, submitter) => Object.fromEntries(new FormData(form, submitter));

class SalverInbox extends StreamElement {
  connectedCallback() {
    super.connectedCallback();
    // A control that is replaced between the press and the release of a pointer gets no click.
    const release = () => {
      this.isPressed = false;
      this.resume();
    };
    const { signal } = this.connection;
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(release), { signal });
  }

  handlers() {
    this.status = document.createElement("p");
    this.status.className = "salver-inbox-status";
    this.status.role = "status";
    this.querySelector("h1").after(this.status);
    this.addEventListener("submit", (event) => this.submit(event));
    this.addEventListener("toggle", (event) => this.opened(event.target), true);
    this.addEventListener("pointerdown", () => (this.isPressed = true));
    const changed = (newest) => {
      this.newest = Number(newest);
      this.resumeAfter(REPORT_DELAY);
    };
    return { counts: (data) => this.compare(JSON.parse(data)), inbox: changed, reset: () => this.empty() };
  }

  // Shows what has changed, and marks what the visitor sees as seen.
  resume() {
    if (document.hidden || !this.isConnected || this.isPressed) return;
    if (this.isStale) this.refresh();
    const { salverNewest: newest, salverUnseen: unseen } = this.dataset;
    if (newest === this.seen || unseen === "0") return;
    this.seen = newest;
    this.post("seen", JSON.stringify({ position: Number(newest) }), "application/json");
  }

  // A new stream begins with the counts: the inbox may have changed between two streams.
  compare({ unread, newest }) {
    const isSame = String(unread) === this.dataset.salverUnread && [newest, undefined].includes(this.newest);
    this.newest = newest;
    if (!isSame) this.resumeAfter(REPORT_DELAY);
  }

  post(route, body, type) {
    const headers = { "content-type": type };
    return fetch(`${this.dataset.salverBase}/${route}`, { method: "POST", headers, body, redirect: "manual" }).catch(() => {});
  }

  // Loads the list again. `next` is the row that gets the focus after an action. Without an action, a
  // list with the focus only offers to show new rows.
  async refresh(next) {
    this.isStale = false;
    const html = await this.request(location.href);
    // After an action another page says that the person is no longer logged in, or that the store does
    // not reply.
    if (html === undefined) return next === undefined || location.reload();
    if (html === null) return next === undefined || this.focusRow(next);
    const page = new DOMParser().parseFromString(trustedHtml(html), "text/html");
    const fresh = page.querySelector("salver-inbox");
    if (!fresh) return;
    const known = new Set(this.ids(this));
    const added = this.ids(fresh).filter((id) => !known.has(id)).length;
    if (this.isPressed && next === undefined) return void (this.isStale = true);
    const focused = this.focused();
    if (focused && added && next === undefined) return this.offer(added);
    this.replace(fresh);
    if (next !== undefined) this.focusRow(next);
    else if (focused) this.focusAgain(focused);
  }

  focusAgain({ id, control }) {
    const row = document.getElementById(id)?.closest(".salver-inbox-row");
    const target = row?.querySelector(control) ?? row?.querySelector(CONTROLS);
    target?.focus({ preventScroll: true });
  }

  // Returns which control of which row has the focus.
  focused() {
    const control = document.activeElement;
    const row = this.contains(control) && control.closest(".salver-inbox-row");
    const { id } = (row && row.querySelector("[id]")) || {};
    return id && { id, control: control.value ? `[value="${control.value}"]` : control.localName };
  }

  ids(list) {
    return [...list.querySelectorAll("[id^=salver-n-]")].map(({ id }) => id);
  }

  replace(fresh) {
    const open = [...this.querySelectorAll("details[open] > summary > [id]")].map(({ id }) => id);
    Object.assign(this.dataset, fresh.dataset);
    const nodes = [...fresh.childNodes];
    const [filter, freshFilter] = [this, fresh].map((list) => list.querySelector(":scope > .salver-inbox-filter"));
    if (filter && freshFilter) {
      // The visitor may be filling it in.
      for (const node of [...this.childNodes]) if (node !== filter) node.remove();
      const at = nodes.indexOf(freshFilter);
      filter.before(...nodes.slice(0, at));
      filter.after(...nodes.slice(at + 1));
    } else this.replaceChildren(...nodes);
    this.querySelector("h1").after(this.status);
    for (const id of open) document.getElementById(id)?.closest("details").setAttribute("open", "");
    this.resume();
  }

  // Shows a button for new rows: a list with the focus does not move.
  offer(added) {
    let button = this.querySelector(".salver-inbox-new");
    if (!button) {
      button = document.createElement("button");
      button.className = "salver-inbox-new";
      button.type = "button";
      button.onclick = () => this.refresh(0);
      this.querySelector(".salver-inbox-list").before(button);
    }
    button.textContent = this.dataset.salverNew.replace("#", added);
  }

  rows() {
    return [...this.querySelectorAll(":scope > .salver-inbox-list > .salver-inbox-row")];
  }

  focusRow(index) {
    const row = this.rows()[index] ?? this.rows().pop();
    const target = row?.querySelector(CONTROLS) ?? this.querySelector("h1");
    if (target.tagName === "H1") target.tabIndex = -1;
    target.focus();
  }

  // Sends a form with an action in place.
  async submit(event) {
    const { target: form, submitter } = event;
    if (form.method !== "post" || event.defaultPrevented || this.isNative) return;
    event.preventDefault();
    const row = form.closest(".salver-inbox-list > .salver-inbox-row");
    const index = this.rows().findIndex((other) => other.contains(row));
    const unread = this.unreadIds(form.closest(".salver-inbox-row"));
    if (await this.act(fieldsOf(form, submitter), Math.max(index, 0), unread)) return;
    // The browser shows the page of the failure.
    this.isNative = true;
    form.requestSubmit(submitter);
  }

  // Returns the ids of the unread notifications in a row, with a comma between.
  unreadIds(row) {
    const all = [...(row?.querySelectorAll("[id^=salver-n-]") ?? [])];
    const unread = all.filter((one) => one.closest(".salver-inbox-row").matches(".salver-inbox-unread"));
    return unread.map(({ id }) => id.slice("salver-n-".length)).join();
  }

  // Changes notifications, moves the focus to a row, and reports what was done. Returns whether it was.
  // `unread`: the ids of those that were unread before the change, or before the one that this undoes.
  async act(change, next, unread) {
    const response = await this.mark(change);
    if (!response?.ok) return false;
    // The archive has read ones alone.
    if (unread && change.change === "restore") await this.mark({ change: "unread", ids: unread });
    const { text } = await response.json();
    await this.refresh(next);
    setTimeout(() => this.tell(text, change, unread), REGION_DELAY);
    return true;
  }

  mark(change) {
    return this.post("mark", JSON.stringify(change), "application/json");
  }

  tell(text, { change, ids }, unread) {
    this.status.replaceChildren(text);
    if (!ids || !REVERSE[change]) return;
    // The others of a group were read before.
    const changed = (change === "read" && unread) || ids;
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = this.dataset.salverUndo;
    undo.onclick = () => this.act({ change: REVERSE[change], ids: changed }, 0, unread);
    this.status.append(" ", undo);
  }

  // Marks a group as read that the visitor has opened.
  opened(details) {
    if (!details.open || details.isRead || !details.closest(".salver-inbox-unread")) return;
    details.isRead = true;
    const button = details.parentElement.querySelector(":scope > form [name=change][value=read]");
    if (button) this.mark(fieldsOf(button.form, button));
  }
}

class SalverOnline extends StreamElement {
  isStale = true;

  handlers() {
    this.addEventListener("focusout", () => setTimeout(() => this.resume()));
    const reset = () => {
      this.html = undefined;
      this.empty();
    };
    // Not all pages at the same time: each of them shows that someone has come.
    return { online: () => this.resumeAfter(Math.random() * MAX_ONLINE_DELAY), reset };
  }

  // Shows who is online. A hidden list, or one with the focus, waits.
  async resume() {
    const mustWait = () => document.hidden || this.contains(document.activeElement);
    const url = new URL(this.getAttribute("src") || "about:blank", location);
    // Another site must not write into this page.
    if (!this.isStale || !this.isConnected || mustWait() || url.origin !== location.origin) return;
    this.isStale = false;
    const html = await this.request(url);
    // Without a reply the list stays as it is.
    if (html == null || html === this.html) return;
    if (mustWait()) return void (this.isStale = true);
    this.html = html;
    this.innerHTML = trustedHtml(html);
  }
}

const ELEMENTS = { "salver-bell": SalverBell, "salver-inbox": SalverInbox, "salver-online": SalverOnline };
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
