// The bell, <salver-bell>, and the list of the inbox, <salver-inbox>, while a page is open.
//
// The server renders both. The stream tells when the inbox has changed: the bell then shows the new
// number, and the list is loaded again. All actions of the list are forms, which work without this
// script too.

import { addReceiver, removeReceiver, trustedHtml } from "./salver.js";

// Least time between two announcements of the bell, in milliseconds.
const ANNOUNCE_INTERVAL = 10000;
// Delay after which assistive technology observes a new live region.
const REGION_DELAY = 100;

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

class SalverInbox extends Receiver {
  handlers() {
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

  // Loads the list again. Without `next`, a list with the focus only offers to show new rows.
  async refresh(next) {
    this.isStale = false;
    const response = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => {});
    if (!response?.ok || response.redirected) return;
    const page = new DOMParser().parseFromString(trustedHtml(await response.text()), "text/html");
    const fresh = page.querySelector("salver-inbox");
    if (!fresh) return;
    const known = new Set(this.ids(this));
    const added = this.ids(fresh).filter((id) => !known.has(id)).length;
    const hasFocus = this.querySelector(".salver-inbox-list")?.contains(document.activeElement);
    if (hasFocus && next === undefined) return added ? this.offer(added) : undefined;
    this.replace(fresh);
    if (next !== undefined) this.focusRow(next);
  }

  ids(list) {
    return [...list.querySelectorAll("[id^=salver-n-]")].map(({ id }) => id);
  }

  replace(fresh) {
    const open = [...this.querySelectorAll("details[open] > summary > [id]")].map(({ id }) => id);
    Object.assign(this.dataset, fresh.dataset);
    this.replaceChildren(...fresh.childNodes);
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
    const target = row?.querySelector("a, summary, button") ?? this.querySelector("h1");
    if (target.tagName === "H1") target.tabIndex = -1;
    target.focus();
  }

  // Sends a form with an action in place, and moves the focus to the next row.
  async submit(event) {
    const { target: form, submitter } = event;
    if (form.method !== "post" || event.defaultPrevented) return;
    event.preventDefault();
    const row = form.closest(".salver-inbox-list > .salver-inbox-row");
    const index = this.rows().findIndex((other) => other.contains(row));
    await this.send(form, submitter);
    await this.refresh(Math.max(index, 0));
  }

  send(form, submitter) {
    const body = new URLSearchParams(new FormData(form, submitter));
    return this.post("mark", body, "application/x-www-form-urlencoded");
  }

  // Marks a group as read that the visitor has opened.
  opened(details) {
    if (!details.open || details.isRead || !details.closest(".salver-inbox-unread")) return;
    details.isRead = true;
    const button = details.parentElement.querySelector(":scope > form [name=change][value=read]");
    if (button) this.send(button.form, button);
  }
}

for (const [name, element] of [["salver-bell", SalverBell], ["salver-inbox", SalverInbox]]) {
  if (!customElements.get(name)) customElements.define(name, element);
}
