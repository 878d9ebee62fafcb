// Salver's page script: the element <salver-messages view="settings">.
//
// It adopts the messages that the server rendered into the page or into a partial (htmx, Turbo). It
// shows the messages that arrive on the stream while the page is open. It confirms every message
// that it shows to the server.
//
// Tabs of one view share one stream: the tab with the lock opens it, and a visible tab shows the
// messages. A message that arrives while the page unloads, mostly after a form was sent, is carried
// over to the next page.
//
// Attributes: view (without it there is no stream), label and close-label (accessible names of the
// messages and of their close button).
// Events: salver-message and salver-reset, both cancelable.

const base = new URL(".", import.meta.url);
const SEEN_KEY = "salver-seen";

// Times are in milliseconds.

// Number of shown ids to keep, more than a visitor goes back to.
const MAX_SEEN = 200;
// Delay in which confirmations are collected into one request.
const BATCH_DELAY = 10;
// Maximum number of ids in one request. The server accepts 256.
const MAX_BATCH = 100;
// Timeout in which a visible tab shows a message that another tab forwarded to it.
const FORWARD_TIMEOUT = 300;
// Delay before a refused stream is opened again, doubled after each attempt.
const MIN_RETRY = 1000;
const MAX_RETRY = 300000;
const TICK = 100;
// How long the text of an announcement stays in its live region.
const ANNOUNCEMENT_LIFETIME = 5000;
// How long messages wait while no tab is visible. A redirect may be about to show the next page.
const HIDDEN_DELAY = 1500;
// Delay after which assistive technology observes a new live region.
const ANNOUNCEMENT_DELAY = 100;
// Time after which an unloading page has normally been replaced.
const UNLOAD_TIMEOUT = 5000;
// Time after which a page is no longer unloading: the response was not a page, but a 204 for
// example.
const MAX_UNLOAD = 30000;
const CARRY_OVER_KEY = "salver-next";
// htmx 2, htmx 4, Turbo.
const REQUEST_EVENTS = ["htmx:configRequest", "htmx:config:request", "turbo:before-fetch-request"];

// The ids that this browser has shown, shared by all tabs if local storage is available.
const memory = [];
const seen = {
  all() {
    try {
      return [...memory, ...(JSON.parse(localStorage.getItem(SEEN_KEY)) || [])];
    } catch {
      return memory;
    }
  },
  // Adds an id. Returns whether it is new.
  add(id) {
    const all = seen.all();
    if (all.includes(id)) return false;
    memory.push(id);
    memory.splice(0, memory.length - MAX_SEEN);
    try {
      localStorage.setItem(SEEN_KEY, JSON.stringify([...new Set([...all, id])].slice(-MAX_SEEN)));
    } catch {
      // Local storage is full or disabled: this page keeps the ids in memory.
    }
    return true;
  },
};

// Returns the id of this browser among those of one session, or "" without local storage.
const clientId = () => {
  try {
    const id = localStorage.getItem("salver-client") || Math.random().toString(36).slice(2);
    localStorage.setItem("salver-client", id);
    return id;
  } catch {
    return "";
  }
};

// The ids that are shown and not yet confirmed to the server, by view.
const unacknowledged = new Map();
let acknowledgeTimer;

const acknowledge = () => {
  clearTimeout(acknowledgeTimer);
  acknowledgeTimer = undefined;
  for (const [view, viewIds] of unacknowledged) {
    for (const ids = [...viewIds]; ids.length; ) {
      // If the request fails, the server sends the messages again. Their ids are already seen, so
      // they are confirmed again and not shown twice.
      fetch(new URL("confirm", base), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ view, ids: ids.splice(0, MAX_BATCH) }),
        keepalive: true,
      }).catch(() => {});
    }
  }
  unacknowledged.clear();
};

const confirm = (view, id) => {
  if (!unacknowledged.has(view)) unacknowledged.set(view, new Set());
  unacknowledged.get(view).add(id);
  acknowledgeTimer ??= setTimeout(acknowledge, BATCH_DELAY);
};

// The HTML is safe: the server escapes all text in it.
let policy;
try {
  policy = globalThis.trustedTypes?.createPolicy("salver", { createHTML: (html) => html });
} catch {
  // The CSP does not allow the policy. If it requires trusted types, no message is shown.
}
const parse = (html) => {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content.querySelector("li");
};

const make = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

let edited = false;
document.addEventListener("input", () => (edited = true), true);

let leftAt = -Infinity;
const markLeaving = () => (leftAt = performance.now());
addEventListener("beforeunload", markLeaving);
// Not every browser fires beforeunload: a form that no script handles unloads the page.
addEventListener("submit", (event) => event.defaultPrevented || markLeaving());
const isLeaving = () => performance.now() - leftAt < MAX_UNLOAD;

// The frames that this tab keeps for the next page.
const carryOver = {
  all() {
    const all = JSON.parse(sessionStorage.getItem(CARRY_OVER_KEY)) || [];
    return all.filter((entry) => Date.now() - entry.at < 2 * UNLOAD_TIMEOUT);
  },
  // Keeps a frame. Returns whether session storage accepted it.
  put(view, frame) {
    try {
      sessionStorage.setItem(CARRY_OVER_KEY, JSON.stringify([...carryOver.all(), { view, frame, at: Date.now() }]));
      return true;
    } catch {
      return false;
    }
  },
  // Removes and returns the frames of a view and of the view `*`.
  take(view) {
    try {
      const all = carryOver.all();
      const taken = all.filter((entry) => entry.view === view || entry.frame.any);
      sessionStorage.setItem(CARRY_OVER_KEY, JSON.stringify(all.filter((entry) => !taken.includes(entry))));
      return taken.map((entry) => entry.frame);
    } catch {
      return [];
    }
  },
  // Drops all frames: they belong to another visitor.
  clear() {
    try {
      sessionStorage.removeItem(CARRY_OVER_KEY);
    } catch {
      // Session storage is disabled.
    }
  },
};

// The stream of one view, shared by the tabs of the browser.
class Feed {
  constructor(view, show, reset) {
    Object.assign(this, { view, show, reset, tabId: Math.random(), visibleTabs: new Set(), forwarded: new Map(), queue: [] });
    this.name = `salver ${base.pathname} ${view}`;
    this.retryDelay = MIN_RETRY;
  }

  start() {
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    if (!navigator.locks || !globalThis.BroadcastChannel) return this.open();
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.onMessage(data);
    document.addEventListener("visibilitychange", () => (this.announce(), this.flush()), { signal });
    this.announce();
    // Runs in the tab that gets the lock, until that tab stops.
    const becomeLeader = () =>
      new Promise((release) => {
        signal.addEventListener("abort", release);
        this.channel.postMessage({ query: true });
        this.open();
      });
    navigator.locks.request(this.name, { signal }, becomeLeader).catch(() => signal.aborted || this.open());
  }

  stop() {
    this.announce(false);
    this.aborter?.abort();
    this.source?.close();
    this.channel?.close();
    clearTimeout(this.retryTimer);
    this.flushTimer = clearTimeout(this.flushTimer);
    for (const timer of this.forwarded.values()) clearTimeout(timer);
    this.forwarded.clear();
    this.queue = [];
    this.visibleTabs.clear();
    this.aborter = this.source = this.channel = undefined;
  }

  announce(visible = !document.hidden) {
    this.channel?.postMessage({ tab: this.tabId, visible });
  }

  onMessage({ query, tab, visible, to, frame, shown, reset }) {
    if (query) this.announce();
    if (tab) this.visibleTabs[visible ? "add" : "delete"](tab);
    if (tab && visible) this.flush();
    if (to === this.tabId) {
      this.show(frame);
      this.channel.postMessage({ shown: frame.message.id });
    }
    if (shown) {
      clearTimeout(this.forwarded.get(shown));
      this.forwarded.delete(shown);
    }
    if (reset) this.reset();
  }

  open() {
    const url = new URL("stream", base);
    url.searchParams.set("view", this.view);
    // By the client id the server closes the previous stream, which it may still consider open.
    if (this.channel) url.searchParams.set("client", clientId());
    const source = (this.source = new EventSource(url));
    source.onopen = () => (this.retryDelay = MIN_RETRY);
    source.onmessage = ({ data }) => this.onFrame(JSON.parse(data));
    source.addEventListener("more", ({ data }) => this.onFrame({ more: JSON.parse(data) }));
    source.addEventListener("reset", () => {
      this.channel?.postMessage({ reset: true });
      this.reset();
    });
    // EventSource reconnects after a network error, but not after an error status.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.retryTimer = setTimeout(() => this.open(), this.retryDelay * (0.5 + Math.random()));
      this.retryDelay = Math.min(this.retryDelay * 2, MAX_RETRY);
    };
  }

  // Shows a frame in a visible tab: this one or another. Without a visible tab the frame waits for
  // HIDDEN_DELAY.
  onFrame(frame) {
    this.queue.push(frame);
    if (!document.hidden || this.visibleTabs.size) return this.flush();
    this.flushTimer ??= setTimeout(() => this.flush(), HIDDEN_DELAY);
  }

  flush() {
    this.flushTimer = clearTimeout(this.flushTimer);
    const [to] = document.hidden ? this.visibleTabs : [];
    for (const frame of this.queue.splice(0)) {
      if (!to || !frame.message) this.show(frame);
      else this.forward(to, frame);
    }
  }

  forward(to, frame) {
    this.channel.postMessage({ to, frame });
    const showHere = () => {
      this.visibleTabs.delete(to);
      this.show(frame);
    };
    this.forwarded.set(frame.message.id, setTimeout(showHere, FORWARD_TIMEOUT));
  }
}

// Confirms lists that the server rendered elsewhere in the page or in a partial, outside of
// <salver-messages>.
const known = new WeakSet();
const scan = () => {
  for (const list of document.querySelectorAll("ul[data-salver-confirm]")) {
    if (list.closest("salver-messages") || known.has(list)) continue;
    known.add(list);
    for (const item of list.querySelectorAll("[data-salver-id]")) {
      seen.add(item.dataset.salverId);
      confirm(list.dataset.salverConfirm, item.dataset.salverId);
    }
  }
};
scan();
for (const type of ["turbo:load", "turbo:frame-load", "htmx:load", "htmx:after:swap"]) document.addEventListener(type, scan);

class SalverMessages extends HTMLElement {
  connectedCallback() {
    // The element was only moved within the page.
    if (this.aborter) return;
    const lists = this.querySelectorAll(":scope > ul.salver-messages");
    // A cached copy of the page contains the elements of its first run.
    for (const element of this.querySelectorAll(".salver-toasts, .salver-live-region")) element.remove();
    const label = this.getAttribute("label") || "Messages";
    this.list = make("ul", { class: "salver-messages" });
    this.toasts = make("div", { class: "salver-toasts", role: "region", "aria-label": label }, this.list);
    // Live regions are inserted empty and filled later: text that is inserted with its region is
    // not announced.
    this.liveRegions = ["polite", "assertive"].map((live) => make("div", { class: "salver-live-region", "aria-live": live }));
    this.append(this.toasts, ...this.liveRegions);
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    addEventListener("pagehide", () => this.onHide(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.listen(), { signal });
    document.addEventListener("keydown", (event) => this.onKeydown(event), { signal });
    for (const list of lists) this.adoptList(list);
    const observer = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => this.onAdded(addedNodes)));
    observer.observe(this, { childList: true });
    signal.addEventListener("abort", () => observer.disconnect());
    for (const type of REQUEST_EVENTS) document.addEventListener(type, (event) => this.addViewHeader(event.detail), { signal });
    this.listen();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.aborter) return;
      this.onHide();
      this.aborter.abort();
      this.aborter = undefined;
      for (const element of [this.toasts, ...this.liveRegions]) element.remove();
    });
  }

  listen() {
    const view = this.getAttribute("view");
    if (view === null || this.feed) return;
    leftAt = -Infinity;
    for (const frame of carryOver.take(view)) this.show(frame);
    this.feed = new Feed(
      view,
      (frame) => this.onFrame(frame),
      () => this.reset(),
    );
    this.feed.start();
  }

  // The page may be restored from the back/forward cache: it must not show its messages again then.
  onHide() {
    acknowledge();
    this.feed?.stop();
    this.feed = undefined;
    for (const item of this.items()) item.remove();
  }

  reset() {
    const event = new CustomEvent("salver-reset", { bubbles: true, cancelable: true });
    // Unsaved input is worth more than a page that shows the new session.
    carryOver.clear();
    if (isLeaving() || !this.dispatchEvent(event) || edited) return;
    // Later, when the browser has the cookie of the new session. location.assign, because a reload
    // could submit a form again.
    setTimeout(() => isLeaving() || location.assign(location.pathname + location.search), HIDDEN_DELAY * (0.5 + Math.random()));
  }

  items() {
    return [...this.querySelectorAll(".salver-message, .salver-more")];
  }

  // Confirms and decorates the items of a list that the server rendered.
  adoptList(list) {
    const view = list.dataset.salverConfirm;
    for (const item of [...list.children]) {
      const id = item.dataset.salverId;
      if (id && view !== undefined) confirm(view, id);
      if (!id || seen.add(id)) this.decorate(item);
      else item.remove();
    }
  }

  // Adds the header that lets a partial carry the messages of this page.
  addViewHeader({ headers, ctx, fetchOptions }) {
    const view = this.getAttribute("view");
    if (view !== null) (headers || (ctx?.request || fetchOptions).headers)["Salver-View"] = encodeURIComponent(view);
  }

  // Shows the lists that a partial inserted.
  onAdded(nodes) {
    for (const list of nodes) {
      if (!list.matches?.("ul.salver-messages")) continue;
      this.adoptList(list);
      list.remove();
      for (const item of [...list.children]) this.insert(item);
    }
  }

  // Shows a frame here, or carries it over to the next page if this page unloads.
  onFrame(frame) {
    if (!isLeaving() || !carryOver.put(this.getAttribute("view"), frame)) return this.show(frame);
    setTimeout(() => this.feed && carryOver.take(this.getAttribute("view")).forEach((frame) => this.show(frame)), UNLOAD_TIMEOUT);
  }

  show({ message, html, more }) {
    if (more) return this.insert(this.decorate(make("li", { class: "salver-more" }, more.text)));
    confirm(this.getAttribute("view"), message.id);
    if (!seen.add(message.id)) return;
    const event = new CustomEvent("salver-message", { detail: message, bubbles: true, cancelable: true });
    if (this.dispatchEvent(event)) this.insert(this.decorate(parse(html)));
  }

  // Adds the close button, the autoclose timer and the announcement of an item.
  decorate(item) {
    const { salverAutoclose: time, salverLevel: level } = item.dataset;
    if (time && level !== "error") {
      item.remainingMs = Number(time);
      this.timer ??= setInterval(() => this.tick(), TICK);
    }
    const announcement = make("p", {}, item.textContent);
    setTimeout(() => this.liveRegions[level === "error" ? 1 : 0].append(announcement), ANNOUNCEMENT_DELAY);
    setTimeout(() => announcement.remove(), ANNOUNCEMENT_LIFETIME);
    item.querySelector("[role]")?.removeAttribute("role");
    const close = make("button", { type: "button", class: "salver-close" });
    close.setAttribute("aria-label", this.getAttribute("close-label") || "Close");
    close.onclick = () => this.close(item);
    item.append(close);
    return item;
  }

  // Inserts an item. It replaces the item with the same tag.
  insert(item) {
    const tag = item.dataset.salverTag;
    const previous = tag && this.items().find((other) => other.dataset.salverTag === tag);
    if (!previous) return this.list.append(item);
    // Ids sort by time: a delayed older message does not replace a newer one.
    if (previous.dataset.salverId > item.dataset.salverId) return;
    const focused = previous.contains(document.activeElement);
    previous.replaceWith(item);
    if (focused) item.querySelector(".salver-close").focus();
  }

  close(item) {
    const buttons = [...this.querySelectorAll(".salver-close")];
    const index = buttons.findIndex((button) => item.contains(button));
    const focused = item.contains(document.activeElement);
    item.remove();
    if (focused) (buttons[index + 1] || buttons[index - 1])?.focus();
  }

  // Escape closes the message that contains the focus, or else the last one.
  onKeydown(event) {
    const isHandled = event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]");
    if (event.key !== "Escape" || isHandled) return;
    const focused = document.activeElement.closest?.(".salver-message, .salver-more");
    const item = this.contains(focused) ? focused : this.list.lastElementChild;
    if (!item) return;
    event.preventDefault();
    this.close(item);
  }

  // Timers run while the page is visible, and no message is hovered or has visible focus. They stop
  // while the browser suspends the page.
  tick() {
    const timed = this.items().filter((item) => item.remainingMs !== undefined);
    if (!timed.length) this.timer = clearInterval(this.timer);
    if (document.hidden || this.querySelector(":focus-visible, li:hover")) return;
    for (const item of timed) if ((item.remainingMs -= TICK) <= 0) this.close(item);
  }
}

if (!customElements.get("salver-messages")) customElements.define("salver-messages", SalverMessages);
