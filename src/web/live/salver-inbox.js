// The bell, <salver-bell>, the list of the inbox, <salver-inbox>, and the list of who is online,
// <salver-online>, while a page is open.
//
// The server renders bell and list. The stream tells when the inbox has changed: the bell then shows the
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

// What undoes a change of some notifications.
const REVERSE = { read: "unread", unread: "read", archive: "restore", restore: "archive" };
// What can have the focus in a row.
const CONTROLS = "a, summary, button";

let region;
let announced = -Infinity;
let announceTimer;
let announcement;
// Tells assistive technology the number of unread notifications, outside of the link of the bell.
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
class Receiver extends HTMLElement {
  connectedCallback() {
    this.receiver ??= this.handlers();
    addReceiver(this.receiver);
  }

  disconnectedCallback() {
    removeReceiver(this.receiver);
    clearTimeout(this.retryTimer);
  }

  // Requests HTML, and calls `again` later if that fails. Returns nothing then, and for a person who is
  // no longer logged in.
  async request(url, again, signal) {
    clearTimeout(this.retryTimer);
    const response = await fetch(url, { headers: { accept: "text/html" }, signal }).catch(() => {});
    const isRefused = response?.redirected || (response?.status >= 400 && response.status < 500);
    const html = response?.ok && !isRefused ? await response.text().catch(() => {}) : undefined;
    if (signal?.aborted) return;
    if (html !== undefined || isRefused) this.retryDelay = undefined;
    else {
      this.retryDelay = Math.min(this.retryDelay * 2 || MIN_RETRY_DELAY, MAX_RETRY_DELAY);
      this.retryTimer = setTimeout(again, this.retryDelay * (0.5 + Math.random()));
    }
    return html;
  }
}

class SalverBell extends Receiver {
  handlers() {
    this.unread = Number(this.querySelector("[data-salver-unread]")?.dataset.salverUnread ?? 0);
    return { counts: (data) => this.show(JSON.parse(data)), reset: () => this.replaceChildren() };
  }

  show({ unread, text, html }) {
    if (unread !== this.unread) this.innerHTML = trustedHtml(html);
    if (unread > this.unread && !document.hidden) announce(text);
    this.unread = unread;
  }
}

// Returns the fields that a form sends.
const fieldsOf = (form, submitter) => Object.fromEntries(new FormData(form, submitter));

class SalverInbox extends Receiver {
  handlers() {
    this.status = document.createElement("p");
    this.status.className = "salver-inbox-status";
    this.status.role = "status";
    this.querySelector("h1").after(this.status);
    this.addEventListener("submit", (event) => this.submit(event));
    this.addEventListener("toggle", (event) => this.opened(event.target), true);
    document.addEventListener("visibilitychange", () => this.resume());
    this.resume();
    return { counts: (data) => this.compare(JSON.parse(data)), inbox: () => this.changed() };
  }

  // Marks what the visitor sees as seen, and shows what has changed meanwhile.
  resume() {
    if (document.hidden || !this.isConnected) return;
    if (this.isStale) this.refresh();
    const { salverNewest: newest, salverUnseen: unseen } = this.dataset;
    if (newest === this.seen || unseen === "0") return;
    this.seen = newest;
    this.post("seen", JSON.stringify({ position: Number(newest) }), "application/json");
  }

  // The first counts after the page was opened show whether it has changed since.
  compare({ unread }) {
    const isSame = this.isCompared || String(unread) === this.dataset.salverUnread;
    this.isCompared = true;
    if (!isSame) this.changed();
  }

  changed() {
    this.isStale = true;
    if (!document.hidden) this.refresh();
  }

  post(route, body, type) {
    const headers = { "content-type": type };
    return fetch(`${this.dataset.salverBase}/${route}`, { method: "POST", headers, body, redirect: "manual" }).catch(() => {});
  }

  // Loads the list again. `next` is the row that gets the focus after an action. Without an action, a
  // list with the focus only offers to show new rows.
  async refresh(next) {
    this.isStale = false;
    const html = await this.request(location.href, () => this.changed());
    // After an action another page says that the person is no longer logged in, or that the store does
    // not reply.
    if (html === undefined) return next === undefined || location.reload();
    const page = new DOMParser().parseFromString(trustedHtml(html), "text/html");
    const fresh = page.querySelector("salver-inbox");
    if (!fresh) return;
    const known = new Set(this.ids(this));
    const added = this.ids(fresh).filter((id) => !known.has(id)).length;
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
    if (await this.act(fieldsOf(form, submitter), Math.max(index, 0))) return;
    // The browser shows the page of the failure.
    this.isNative = true;
    form.requestSubmit(submitter);
  }

  // Changes notifications, moves the focus to a row, and tells what was done. Returns whether it was.
  async act(change, next) {
    const response = await this.mark(change);
    if (!response?.ok) return false;
    const { text } = await response.json();
    await this.refresh(next);
    setTimeout(() => this.tell(text, change), REGION_DELAY);
    return true;
  }

  mark(change) {
    return this.post("mark", JSON.stringify(change), "application/json");
  }

  tell(text, { change, ids }) {
    this.status.replaceChildren(text);
    if (!ids || !REVERSE[change]) return;
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = this.dataset.salverUndo;
    undo.onclick = () => this.act({ change: REVERSE[change], ids }, 0);
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

class SalverOnline extends Receiver {
  connectedCallback() {
    super.connectedCallback();
    this.load();
  }

  handlers() {
    document.addEventListener("visibilitychange", () => this.isStale && this.load());
    this.addEventListener("focusout", () => setTimeout(() => this.isStale && this.load()));
    const reset = () => {
      this.html = undefined;
      this.replaceChildren();
    };
    return { online: () => this.load(), reset };
  }

  // Shows who is online. A hidden list, or one with the focus, waits.
  async load() {
    this.isStale = !this.isConnected || document.hidden || this.contains(document.activeElement);
    if (this.isStale) return;
    const url = new URL(this.getAttribute("src") ?? "", location);
    // Another site must not write into this page.
    if (url.origin !== location.origin) return;
    this.aborter?.abort();
    const { signal } = (this.aborter = new AbortController());
    const html = await this.request(url, () => this.load(), signal);
    // Without a reply the list stays as it is.
    if (html === undefined || html === this.html) return;
    this.html = html;
    this.innerHTML = trustedHtml(html);
  }
}

const ELEMENTS = { "salver-bell": SalverBell, "salver-inbox": SalverInbox, "salver-online": SalverOnline };
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
