// Salver's page script: the element <salver-messages view="settings">.
//
// It takes over the messages that came with the page or with a part of it, by htmx or Turbo, shows those that come
// while it is open, and tells the server that they are shown. Tabs of one view share one stream: the leader holds it,
// and a tab that somebody looks at shows what comes. What comes to a page that is being left, as an answer to its
// form mostly, is for the page that follows. Attributes: view (without it nothing is streamed), label and close-label
// (what assistive technology calls the messages and their button).
// Events: salver-message and salver-reset, both cancelable.

const here = new URL(".", import.meta.url);
const KEY = "salver-seen";
const MOST_SEEN = 200; // ids kept: more than anybody goes back to
const TOGETHER = 10; // ms in which words are put together
const TOLD = 100; // ids said at once
const ANSWER = 300; // ms in which a tab that somebody looks at shows what it was passed
const SOONEST = 1000; // ms until a stream is opened again that was refused, doubled each time
const LATEST = 300000;
const TICK = 100; // ms
const SPOKEN = 5000; // ms for which assistive technology finds what it was to say
const HIDDEN = 1500; // ms in which somebody may come to look, perhaps by the redirect that this is for
const SILENCE = 100; // ms until assistive technology knows of a live region
const LEFT = 5000; // ms in which a page that is being left is gone
const LEAVING = 30000; // ms after which it is not left any more: what was asked for was no page
const NEXT = "salver-next";
const ASKING = ["htmx:configRequest", "htmx:config:request", "turbo:before-fetch-request"]; // htmx 2, htmx 4, Turbo

// Which messages this browser has shown: in all of its tabs, where it keeps anything at all.
const memory = [];
const seen = {
  all() {
    try {
      return [...memory, ...(JSON.parse(localStorage.getItem(KEY)) || [])];
    } catch {
      return memory;
    }
  },
  // Tells whether it is new, and notes it.
  add(id) {
    const all = seen.all();
    if (all.includes(id)) return false;
    memory.push(id);
    memory.splice(0, memory.length - MOST_SEEN);
    try {
      localStorage.setItem(KEY, JSON.stringify([...new Set([...all, id])].slice(-MOST_SEEN)));
    } catch {
      // Full, or switched off: this page remembers.
    }
    return true;
  },
};

// What this browser is called, among those of one session.
const browser = () => {
  try {
    const name = localStorage.getItem("salver-browser") || Math.random().toString(36).slice(2);
    localStorage.setItem("salver-browser", name);
    return name;
  } catch {
    return "";
  }
};

// What is shown and not yet said, by view.
const unsaid = new Map();
let saying;

const say = () => {
  clearTimeout(saying);
  saying = undefined;
  for (const [view, all] of unsaid) {
    for (const ids = [...all]; ids.length; ) {
      // What does not arrive is sent down the stream again, is known by its id, and said again.
      fetch(new URL("confirm", here), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ view, ids: ids.splice(0, TOLD) }),
        keepalive: true,
      }).catch(() => {});
    }
  }
  unsaid.clear();
};

const confirm = (view, id) => {
  if (!unsaid.has(view)) unsaid.set(view, new Set());
  unsaid.get(view).add(id);
  saying ??= setTimeout(say, TOGETHER);
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

let left = -Infinity;
const leaving = () => (left = performance.now());
addEventListener("beforeunload", leaving);
// Where no page says that it is left: a form that no script has taken.
addEventListener("submit", (event) => event.defaultPrevented || leaving());
const isLeft = () => performance.now() - left < LEAVING;

// What this tab has for the page that follows.
const next = {
  all() {
    const all = JSON.parse(sessionStorage.getItem(NEXT)) || [];
    return all.filter((one) => Date.now() - one.at < 2 * LEFT);
  },
  // Keeps a frame. Tells whether it could.
  put(view, frame) {
    try {
      sessionStorage.setItem(NEXT, JSON.stringify([...next.all(), { view, frame, at: Date.now() }]));
      return true;
    } catch {
      return false;
    }
  },
  // Takes what is for a view, or for any.
  take(view) {
    try {
      const all = next.all();
      const mine = all.filter((one) => one.view === view || one.frame.any);
      sessionStorage.setItem(NEXT, JSON.stringify(all.filter((one) => !mine.includes(one))));
      return mine.map((one) => one.frame);
    } catch {
      return [];
    }
  },
  // Forgets what was another visitor's.
  clear() {
    try {
      sessionStorage.removeItem(NEXT);
    } catch {
      // There is none.
    }
  },
};

// The messages of one view as they come.
class Feed {
  constructor(view, show, reset) {
    Object.assign(this, { view, show, reset, me: Math.random(), looked: new Set(), passed: new Map(), held: [] });
    this.name = `salver ${here.pathname} ${view}`;
    this.wait = SOONEST;
  }

  start() {
    this.ended = new AbortController();
    const { signal } = this.ended;
    if (!navigator.locks || !globalThis.BroadcastChannel) return this.open();
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.hear(data);
    document.addEventListener("visibilitychange", () => (this.tell(), this.free()), { signal });
    this.tell();
    const lead = () =>
      new Promise((release) => {
        signal.addEventListener("abort", release);
        this.channel.postMessage({ who: true });
        this.open();
      });
    navigator.locks.request(this.name, { signal }, lead).catch(() => signal.aborted || this.open());
  }

  stop() {
    this.tell(false);
    this.ended?.abort();
    this.source?.close();
    this.channel?.close();
    clearTimeout(this.again);
    this.freeing = clearTimeout(this.freeing);
    for (const timer of this.passed.values()) clearTimeout(timer);
    this.passed.clear();
    this.held = [];
    this.looked.clear();
    this.ended = this.source = this.channel = undefined;
  }

  tell(seen = !document.hidden) {
    this.channel?.postMessage({ tab: this.me, seen });
  }

  hear({ who, tab, seen, to, frame, shown, reset }) {
    if (who) this.tell();
    if (tab) this.looked[seen ? "add" : "delete"](tab);
    if (tab && seen) this.free();
    if (to === this.me) {
      this.show(frame);
      this.channel.postMessage({ shown: frame.message.id });
    }
    if (shown) {
      clearTimeout(this.passed.get(shown));
      this.passed.delete(shown);
    }
    if (reset) this.reset();
  }

  open() {
    const url = new URL("stream", here);
    url.searchParams.set("view", this.view);
    // The one before it may not have ended yet, as far as the server knows.
    if (this.channel) url.searchParams.set("by", browser());
    const source = (this.source = new EventSource(url));
    source.onopen = () => (this.wait = SOONEST);
    source.onmessage = ({ data }) => this.came(JSON.parse(data));
    source.addEventListener("more", ({ data }) => this.came({ more: JSON.parse(data) }));
    source.addEventListener("reset", () => {
      this.channel?.postMessage({ reset: true });
      this.reset();
    });
    // A break mends itself; what the server refuses does not.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.again = setTimeout(() => this.open(), this.wait * (0.5 + Math.random()));
      this.wait = Math.min(this.wait * 2, LATEST);
    };
  }

  // Shows what came where somebody looks: here, or in another tab. Where nobody does it waits a moment.
  came(frame) {
    this.held.push(frame);
    if (!document.hidden || this.looked.size) return this.free();
    this.freeing ??= setTimeout(() => this.free(), HIDDEN);
  }

  free() {
    this.freeing = clearTimeout(this.freeing);
    const [to] = document.hidden ? this.looked : [];
    for (const frame of this.held.splice(0)) {
      if (!to || !frame.message) this.show(frame);
      else this.pass(to, frame);
    }
  }

  pass(to, frame) {
    this.channel.postMessage({ to, frame });
    const alone = () => {
      this.looked.delete(to);
      this.show(frame);
    };
    this.passed.set(frame.message.id, setTimeout(alone, ANSWER));
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
    if (this.life) return;
    const lists = this.querySelectorAll(":scope > ul.salver-messages");
    // What a copy of this page was left with.
    for (const part of this.querySelectorAll(".salver-toasts, .salver-voice")) part.remove();
    const label = this.getAttribute("label") || "Messages";
    this.list = make("ul", { class: "salver-messages" });
    this.toasts = make("div", { class: "salver-toasts", role: "region", "aria-label": label }, this.list);
    // They are there first, and filled then: a live region that comes filled is not read out.
    this.voices = ["polite", "assertive"].map((live) => make("div", { class: "salver-voice", "aria-live": live }));
    this.append(this.toasts, ...this.voices);
    this.life = new AbortController();
    const { signal } = this.life;
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.listen(), { signal });
    document.addEventListener("keydown", (event) => this.escape(event), { signal });
    for (const list of lists) this.take(list);
    const swapped = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => this.adopt(addedNodes)));
    swapped.observe(this, { childList: true });
    signal.addEventListener("abort", () => swapped.disconnect());
    for (const type of ASKING) document.addEventListener(type, (event) => this.ask(event.detail), { signal });
    this.listen();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.life) return;
      this.leave();
      this.life.abort();
      this.life = undefined;
      for (const part of [this.toasts, ...this.voices]) part.remove();
    });
  }

  listen() {
    const view = this.getAttribute("view");
    if (view === null || this.feed) return;
    left = -Infinity;
    for (const frame of next.take(view)) this.show(frame);
    this.feed = new Feed(
      view,
      (frame) => this.come(frame),
      () => this.reset(),
    );
    this.feed.start();
  }

  // The page goes, perhaps to come back as it is: then what was shown is not shown again.
  leave() {
    say();
    this.feed?.stop();
    this.feed = undefined;
    for (const item of this.items()) item.remove();
  }

  reset() {
    const event = new CustomEvent("salver-reset", { bubbles: true, cancelable: true });
    // What somebody has begun to write is worth more than what the page shows.
    next.clear();
    if (isLeft() || !this.dispatchEvent(event) || edited) return;
    // When the new session is known here; and not by asking for the answer to a form once more.
    setTimeout(() => isLeft() || location.assign(location.pathname + location.search), HIDDEN * (0.5 + Math.random()));
  }

  items() {
    return [...this.querySelectorAll(".salver-message, .salver-more")];
  }

  // Takes the list over that came with the page.
  take(list) {
    const view = list.dataset.salverConfirm;
    for (const item of [...list.children]) {
      const id = item.dataset.salverId;
      if (id && view !== undefined) confirm(view, id);
      if (!id || seen.add(id)) this.equip(item);
      else item.remove();
    }
  }

  // Has a part that is asked for bring what is for this page.
  ask({ headers, ctx, fetchOptions }) {
    const view = this.getAttribute("view");
    if (view !== null) (headers || (ctx?.request || fetchOptions).headers)["Salver-View"] = encodeURIComponent(view);
  }

  // Shows what it has brought.
  adopt(nodes) {
    for (const list of nodes) {
      if (!list.matches?.("ul.salver-messages")) continue;
      this.take(list);
      list.remove();
      for (const item of [...list.children]) this.put(item);
    }
  }

  // Shows what has come, here or on the page that follows.
  come(frame) {
    if (!isLeft() || !next.put(this.getAttribute("view"), frame)) return this.show(frame);
    setTimeout(() => this.feed && next.take(this.getAttribute("view")).forEach((frame) => this.show(frame)), LEFT);
  }

  show({ message, html, more }) {
    if (more) return this.put(this.equip(make("li", { class: "salver-more" }, more.text)));
    confirm(this.getAttribute("view"), message.id);
    if (!seen.add(message.id)) return;
    const event = new CustomEvent("salver-message", { detail: message, bubbles: true, cancelable: true });
    if (this.dispatchEvent(event)) this.put(this.equip(parse(html)));
  }

  // Gives an item its button, its time and its voice.
  equip(item) {
    const { salverAutoclose: time, salverLevel: level } = item.dataset;
    if (time && level !== "error") {
      item.left = Number(time);
      this.ticking ??= setInterval(() => this.tick(), TICK);
    }
    const spoken = make("p", {}, item.textContent);
    setTimeout(() => this.voices[level === "error" ? 1 : 0].append(spoken), SILENCE);
    setTimeout(() => spoken.remove(), SPOKEN);
    item.querySelector("[role]")?.removeAttribute("role");
    const close = make("button", { type: "button", class: "salver-close" });
    close.setAttribute("aria-label", this.getAttribute("close-label") || "Close");
    close.onclick = () => this.close(item);
    item.append(close);
    return item;
  }

  // Puts an item in, in the place of the one with its tag.
  put(item) {
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
  escape(event) {
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
    const timed = this.items().filter((item) => item.left !== undefined);
    if (!timed.length) this.ticking = clearInterval(this.ticking);
    if (document.hidden || this.querySelector(":focus-visible, li:hover")) return;
    for (const item of timed) if ((item.left -= TICK) <= 0) this.close(item);
  }
}

if (!customElements.get("salver-messages")) customElements.define("salver-messages", SalverMessages);
