// Salver's page script: the element <salver-messages view="settings">.
//
// It takes over the messages that came with the page or with a part of it, by htmx or Turbo, shows those that come
// while it is open, and tells the server that they are shown. Tabs of one view share one stream: the leader holds it,
// and a tab that somebody looks at shows what comes. What comes to a page that is being left, as an answer to its
// form mostly, is for the page that follows. Attributes: view (without it nothing is streamed), label and close-label
// (what assistive technology calls the messages and their button).
// Events: salver-message and salver-reset, both cancelable.

const base = new URL(".", import.meta.url);
const SEEN_KEY = "salver-seen";
const MAX_SEEN = 200; // ids kept: more than anybody goes back to
const BATCH_DELAY = 10; // ms in which words are put together
const MAX_BATCH = 100; // ids said at once
const FORWARD_TIMEOUT = 300; // ms in which a tab that somebody looks at shows what it was passed
const MIN_RETRY = 1000; // ms until a stream is opened again that was refused, doubled each time
const MAX_RETRY = 300000;
const TICK = 100; // ms
const ANNOUNCEMENT_LIFETIME = 5000; // ms for which assistive technology finds what it was to say
const HIDDEN_DELAY = 1500; // ms in which somebody may come to look, perhaps by the redirect that this is for
const ANNOUNCEMENT_DELAY = 100; // ms until assistive technology knows of a live region
const UNLOAD_TIMEOUT = 5000; // ms in which a page that is being left is gone
const MAX_UNLOAD = 30000; // ms after which it is not left any more: what was asked for was no page
const CARRY_OVER_KEY = "salver-next";
const REQUEST_EVENTS = ["htmx:configRequest", "htmx:config:request", "turbo:before-fetch-request"]; // htmx 2, htmx 4, Turbo

// Which messages this browser has shown: in all of its tabs, where it keeps anything at all.
const memory = [];
const seen = {
  all() {
    try {
      return [...memory, ...(JSON.parse(localStorage.getItem(SEEN_KEY)) || [])];
    } catch {
      return memory;
    }
  },
  // Tells whether it is new, and notes it.
  add(id) {
    const all = seen.all();
    if (all.includes(id)) return false;
    memory.push(id);
    memory.splice(0, memory.length - MAX_SEEN);
    try {
      localStorage.setItem(SEEN_KEY, JSON.stringify([...new Set([...all, id])].slice(-MAX_SEEN)));
    } catch {
      // Full, or switched off: this page remembers.
    }
    return true;
  },
};

// What this browser is called, among those of one session.
const clientId = () => {
  try {
    const name = localStorage.getItem("salver-client") || Math.random().toString(36).slice(2);
    localStorage.setItem("salver-client", name);
    return name;
  } catch {
    return "";
  }
};

// What is shown and not yet said, by view.
const unacknowledged = new Map();
let acknowledgeTimer;

const acknowledge = () => {
  clearTimeout(acknowledgeTimer);
  acknowledgeTimer = undefined;
  for (const [view, all] of unacknowledged) {
    for (const ids = [...all]; ids.length; ) {
      // What does not arrive is sent down the stream again, is known by its id, and said again.
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

// The server escapes what it draws.
let policy;
try {
  policy = globalThis.trustedTypes?.createPolicy("salver", { createHTML: (html) => html });
} catch {
  // Not allowed: where that is enforced, what comes is not drawn.
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
// Where no page says that it is left: a form that no script has taken.
addEventListener("submit", (event) => event.defaultPrevented || markLeaving());
const isLeaving = () => performance.now() - leftAt < MAX_UNLOAD;

// What this tab has for the page that follows.
const carryOver = {
  all() {
    const all = JSON.parse(sessionStorage.getItem(CARRY_OVER_KEY)) || [];
    return all.filter((one) => Date.now() - one.at < 2 * UNLOAD_TIMEOUT);
  },
  // Keeps a frame. Tells whether it could.
  put(view, frame) {
    try {
      sessionStorage.setItem(CARRY_OVER_KEY, JSON.stringify([...carryOver.all(), { view, frame, at: Date.now() }]));
      return true;
    } catch {
      return false;
    }
  },
  // Takes what is for a view, or for any.
  take(view) {
    try {
      const all = carryOver.all();
      const mine = all.filter((one) => one.view === view || one.frame.any);
      sessionStorage.setItem(CARRY_OVER_KEY, JSON.stringify(all.filter((one) => !mine.includes(one))));
      return mine.map((one) => one.frame);
    } catch {
      return [];
    }
  },
  // Forgets what was another visitor's.
  clear() {
    try {
      sessionStorage.removeItem(CARRY_OVER_KEY);
    } catch {
      // There is none.
    }
  },
};

// The messages of one view as they come.
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
    const lead = () =>
      new Promise((release) => {
        signal.addEventListener("abort", release);
        this.channel.postMessage({ query: true });
        this.open();
      });
    navigator.locks.request(this.name, { signal }, lead).catch(() => signal.aborted || this.open());
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
    // The one before it may not have ended yet, as far as the server knows.
    if (this.channel) url.searchParams.set("client", clientId());
    const source = (this.source = new EventSource(url));
    source.onopen = () => (this.retryDelay = MIN_RETRY);
    source.onmessage = ({ data }) => this.onFrame(JSON.parse(data));
    source.addEventListener("more", ({ data }) => this.onFrame({ more: JSON.parse(data) }));
    source.addEventListener("reset", () => {
      this.channel?.postMessage({ reset: true });
      this.reset();
    });
    // A break mends itself; what the server refuses does not.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.retryTimer = setTimeout(() => this.open(), this.retryDelay * (0.5 + Math.random()));
      this.retryDelay = Math.min(this.retryDelay * 2, MAX_RETRY);
    };
  }

  // Shows what came where somebody looks: here, or in another tab. Where nobody does it waits a moment.
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
    const alone = () => {
      this.visibleTabs.delete(to);
      this.show(frame);
    };
    this.forwarded.set(frame.message.id, setTimeout(alone, FORWARD_TIMEOUT));
  }
}

// Lists that stand elsewhere in the page, or come with a part of it.
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
    // Only moved within the page.
    if (this.aborter) return;
    const lists = this.querySelectorAll(":scope > ul.salver-messages");
    // What a copy of this page was left with.
    for (const part of this.querySelectorAll(".salver-toasts, .salver-live-region")) part.remove();
    const label = this.getAttribute("label") || "Messages";
    this.list = make("ul", { class: "salver-messages" });
    this.toasts = make("div", { class: "salver-toasts", role: "region", "aria-label": label }, this.list);
    // They are there first, and filled then: a live region that comes filled is not read out.
    this.liveRegions = ["polite", "assertive"].map((live) => make("div", { class: "salver-live-region", "aria-live": live }));
    this.append(this.toasts, ...this.liveRegions);
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    addEventListener("pagehide", () => this.onHide(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.listen(), { signal });
    document.addEventListener("keydown", (event) => this.onKeydown(event), { signal });
    for (const list of lists) this.adoptList(list);
    const swapped = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => this.onAdded(addedNodes)));
    swapped.observe(this, { childList: true });
    signal.addEventListener("abort", () => swapped.disconnect());
    for (const type of REQUEST_EVENTS) document.addEventListener(type, (event) => this.addViewHeader(event.detail), { signal });
    this.listen();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.aborter) return;
      this.onHide();
      this.aborter.abort();
      this.aborter = undefined;
      for (const part of [this.toasts, ...this.liveRegions]) part.remove();
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

  // The page goes, perhaps to come back as it is: then what was shown is not shown again.
  onHide() {
    acknowledge();
    this.feed?.stop();
    this.feed = undefined;
    for (const item of this.items()) item.remove();
  }

  reset() {
    const event = new CustomEvent("salver-reset", { bubbles: true, cancelable: true });
    // What somebody has begun to write is worth more than what the page shows.
    carryOver.clear();
    if (isLeaving() || !this.dispatchEvent(event) || edited) return;
    // When the new session is known here; and not by asking for the answer to a form once more.
    setTimeout(() => isLeaving() || location.assign(location.pathname + location.search), HIDDEN_DELAY * (0.5 + Math.random()));
  }

  items() {
    return [...this.querySelectorAll(".salver-message, .salver-more")];
  }

  // Takes the list over that came with the page.
  adoptList(list) {
    const view = list.dataset.salverConfirm;
    for (const item of [...list.children]) {
      const id = item.dataset.salverId;
      if (id && view !== undefined) confirm(view, id);
      if (!id || seen.add(id)) this.decorate(item);
      else item.remove();
    }
  }

  // Has a part that is asked for bring what is for this page.
  addViewHeader({ headers, ctx, fetchOptions }) {
    const view = this.getAttribute("view");
    if (view !== null) (headers || (ctx?.request || fetchOptions).headers)["Salver-View"] = encodeURIComponent(view);
  }

  // Shows what it has brought.
  onAdded(nodes) {
    for (const list of nodes) {
      if (!list.matches?.("ul.salver-messages")) continue;
      this.adoptList(list);
      list.remove();
      for (const item of [...list.children]) this.insert(item);
    }
  }

  // Shows what has come, here or on the page that follows.
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

  // Gives an item its button, its time and its voice.
  decorate(item) {
    const { salverAutoclose: time, salverLevel: level } = item.dataset;
    if (time && level !== "error") {
      item.remainingMs = Number(time);
      this.timer ??= setInterval(() => this.tick(), TICK);
    }
    const spoken = make("p", {}, item.textContent);
    setTimeout(() => this.liveRegions[level === "error" ? 1 : 0].append(spoken), ANNOUNCEMENT_DELAY);
    setTimeout(() => spoken.remove(), ANNOUNCEMENT_LIFETIME);
    item.querySelector("[role]")?.removeAttribute("role");
    const close = make("button", { type: "button", class: "salver-close" });
    close.setAttribute("aria-label", this.getAttribute("close-label") || "Close");
    close.onclick = () => this.close(item);
    item.append(close);
    return item;
  }

  // Puts an item in, in the place of the one with its tag.
  insert(item) {
    const tag = item.dataset.salverTag;
    const before = tag && this.items().find((other) => other.dataset.salverTag === tag);
    if (!before) return this.list.append(item);
    // Ids sort by time: one that was on its way for long is not news.
    if (before.dataset.salverId > item.dataset.salverId) return;
    const focused = before.contains(document.activeElement);
    before.replaceWith(item);
    if (focused) item.querySelector(".salver-close").focus();
  }

  close(item) {
    const buttons = [...this.querySelectorAll(".salver-close")];
    const at = buttons.findIndex((button) => item.contains(button));
    const focused = item.contains(document.activeElement);
    item.remove();
    if (focused) (buttons[at + 1] || buttons[at - 1])?.focus();
  }

  // Closes the message that has the focus, else the one that came last.
  onKeydown(event) {
    const isTaken = event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]");
    if (event.key !== "Escape" || isTaken) return;
    const focused = document.activeElement.closest?.(".salver-message, .salver-more");
    const item = this.contains(focused) ? focused : this.list.lastElementChild;
    if (!item) return;
    event.preventDefault();
    this.close(item);
  }

  // Time goes by for whoever can read, and is not reading. A page that sleeps does not age.
  tick() {
    const timed = this.items().filter((item) => item.remainingMs !== undefined);
    if (!timed.length) this.timer = clearInterval(this.timer);
    if (document.hidden || this.querySelector(":focus-visible, li:hover")) return;
    for (const item of timed) if ((item.remainingMs -= TICK) <= 0) this.close(item);
  }
}

if (!customElements.get("salver-messages")) customElements.define("salver-messages", SalverMessages);
