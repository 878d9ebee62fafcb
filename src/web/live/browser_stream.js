// The one stream of a browser.
//
// All tabs share it: the tab with the lock, the leader, opens it for the views of all tabs, and
// forwards each frame to a tab of its view. The other tabs tell the leader their views, and whether
// they are visible. Each tab holds a lock of its own, by which the leader notices that it is gone.

const baseUrl = new URL(".", import.meta.url);
// Key of local storage.
const CLIENT_ID_KEY = "salver-client";

// Times are in milliseconds.

// Timeout in which another tab must show a message that the leader forwarded to it.
const FORWARD_TIMEOUT = 300;
// Delay before a refused stream is opened again, doubled after each attempt.
const MIN_RETRY_DELAY = 1000;
const MAX_RETRY_DELAY = 300000;
// Time for which messages wait while no tab of their view is visible. A redirect may be about to show
// the next page.
const HIDDEN_DELAY = 1500;
// Maximum number of views of the stream. The server accepts no more.
const MAX_VIEWS = 32;
// Delay of the stream of a page that was restored from the back/forward cache.
const RESTORE_DELAY = 100;
// Delay of a new stream, in which other tabs tell their views.
const OPEN_DELAY = 20;
// Time for which the stream keeps the view of a tab that is gone: a link may lead to the same view.
const LEAVE_DELAY = 500;

// Returns a value of local or session storage; undefined without one, and if storage is disabled.
const load = (storage, key) => {
  try {
    return JSON.parse(globalThis[storage].getItem(key));
  } catch {}
};
// Returns whether the storage has kept a value: it may be full or disabled.
const save = (storage, key, value) => {
  try {
    globalThis[storage].setItem(key, JSON.stringify(value));
    return true;
  } catch {}
};

// Returns the id of this browser among those of one session, or "" without local storage.
const clientId = () => {
  const id = load("localStorage", CLIENT_ID_KEY) || Math.random().toString(36).slice(2);
  return save("localStorage", CLIENT_ID_KEY, id) ? id : "";
};

// Returns whether a page of a view shows a frame. Any page shows those of the view `*`.
const isOf = (view, frame) => [view, "*", undefined].includes(frame.view);

// What receives the stream in this tab: messages of a `view` by `show(frame)`, and events by methods
// of their names.
const receivers = new Set();
// Present while there are receivers and the page is not in the back/forward cache.
let stream;
let restoreTimer;
const openStream = () => {
  if (receivers.size && !stream) (stream = new BrowserStream()).start();
};
const closeStream = () => {
  clearTimeout(restoreTimer);
  stream?.stop();
  stream = undefined;
};
const addReceiver = (receiver) => {
  receivers.add(receiver);
  if (stream?.last) receiver.counts?.(stream.last.data);
  stream ? stream.announce() : openStream();
};
const removeReceiver = (receiver) => {
  receivers.delete(receiver);
  receivers.size ? stream?.announce() : closeStream();
};
addEventListener("pagehide", closeStream);
// The page before has released its locks then: browsers drop a page from the back/forward cache that
// holds a lock for which another page waits.
addEventListener("pageshow", ({ persisted }) => persisted && (restoreTimer = setTimeout(openStream, RESTORE_DELAY)));

const EVENTS = ["reset", "counts", "inbox", "online"];

class BrowserStream {
  tabId = Math.random().toString(36).slice(2);
  // Name of the channel. Names of locks begin with it.
  name = `salver ${baseUrl.pathname}`;
  aborter = new AbortController();
  signal = this.aborter.signal;
  // What the other tabs have announced, by their ids.
  tabs = new Map();
  // The timeouts of the forwarded messages, by message id.
  forwardTimers = new Map();
  // The frames that wait for a visible tab.
  queue = [];
  retryDelay = MIN_RETRY_DELAY;

  start() {
    if (!navigator.locks || !globalThis.BroadcastChannel) return this.leadAlone();
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.onTabMessage(data);
    document.addEventListener("visibilitychange", () => this.announce(), { signal: this.signal });
    const held = () => new Promise((release) => this.signal.addEventListener("abort", release));
    // Others learn of this tab when it has its lock: they take it for gone otherwise.
    this.lock(this.tabId, () => ((this.isPresent = true), this.announce(), held()));
    this.lock("", () => (this.lead(), held()), () => this.leadAlone());
  }

  stop() {
    this.channel?.postMessage({ tab: this.tabId, views: [], isGone: true });
    this.aborter.abort();
    this.eventSource?.close();
    this.channel?.close();
  }

  after(delay, run) {
    return setTimeout(() => this.signal.aborted || run(), delay);
  }

  // Calls `run` when this tab gets a lock. It holds the lock until the promise of `run` ends.
  lock(name, run, onFailure) {
    navigator.locks.request(`${this.name} ${name}`, { signal: this.signal }, run).catch(() => this.signal.aborted || onFailure?.());
  }

  // What this tab sends to the others: its views, whether it shows who is online, whether it is visible.
  state() {
    const all = [...receivers];
    const views = all.flatMap(({ view }) => view ?? []);
    return { tab: this.tabId, views, online: all.some(({ online }) => online), visible: !document.hidden };
  }

  announce() {
    if (this.isPresent) this.channel?.postMessage(this.state());
    this.update();
  }

  // Handles a message of another tab: its state; `query`, a request for the states of all tabs; `to`
  // and `frame`, which forward a frame to one tab; `shown`, the id of a forwarded message that was
  // shown; `event`, an event of the stream.
  onTabMessage({ query, to, frame, shown, event, ...state }) {
    if (query) this.announce();
    if (state.views) this.meet(state);
    if (to === this.tabId && this.show(frame)) this.channel.postMessage({ shown: frame.message.id });
    clearTimeout(this.forwardTimers.get(shown));
    this.forwardTimers.delete(shown);
    if (event) this.dispatch(event);
  }

  // Follows another tab.
  meet(state) {
    const { tab, isGone } = state;
    if (isGone) return this.forget(tab);
    // The lock is granted when the tab is gone.
    if (this.isLeader && !this.tabs.has(tab)) {
      this.lock(tab, () => this.forget(tab));
      // The server sends the counts to a new stream alone.
      if (this.last) this.channel.postMessage({ event: this.last });
    }
    this.tabs.set(tab, state);
    this.update();
  }

  forget(tab) {
    if (this.tabs.delete(tab)) this.update(LEAVE_DELAY);
  }

  lead() {
    this.isLeader = true;
    this.tabs.clear();
    this.channel?.postMessage({ query: true });
    this.update();
  }

  // Opens a stream for this tab alone: the browser does not allow locks.
  leadAlone() {
    this.channel?.close();
    this.channel = undefined;
    this.lead();
  }

  // Follows a change of the tabs, if this one is the leader.
  update(delay = OPEN_DELAY) {
    if (!this.isLeader) return;
    this.flush();
    clearTimeout(this.openTimer);
    this.openTimer = this.after(delay, () => this.open());
  }

  open() {
    const url = new URL("stream", baseUrl);
    const tabs = [this.state(), ...this.tabs.values()];
    const views = new Set(tabs.flatMap(({ views }) => views));
    for (const view of [...views].sort().slice(0, MAX_VIEWS)) url.searchParams.append("view", view);
    if (tabs.some(({ online }) => online)) url.searchParams.set("online", 1);
    // With the client id the server closes the previous stream of this browser, which it may still
    // consider open.
    if (this.channel) url.searchParams.set("client", clientId());
    if (url.href === this.url && this.eventSource.readyState !== EventSource.CLOSED) return;
    this.url = url.href;
    this.eventSource?.close();
    const eventSource = (this.eventSource = new EventSource(url));
    eventSource.onopen = () => (this.retryDelay = MIN_RETRY_DELAY);
    eventSource.onmessage = ({ data }) => this.receive(JSON.parse(data));
    eventSource.addEventListener("more", ({ data }) => {
      const more = JSON.parse(data);
      this.receive({ more, view: more.view ?? undefined });
    });
    for (const name of EVENTS) {
      eventSource.addEventListener(name, ({ data }) => {
        this.channel?.postMessage({ event: { name, data } });
        this.dispatch({ name, data });
      });
    }
    // EventSource reconnects after a network error, but not after an error status.
    eventSource.onerror = () => {
      if (eventSource.readyState !== EventSource.CLOSED) return;
      this.update(this.retryDelay * (0.5 + Math.random()));
      this.retryDelay = Math.min(this.retryDelay * 2, MAX_RETRY_DELAY);
    };
  }

  // Keeps the last event with counts, until a logout.
  dispatch(event) {
    const { name, data } = event;
    if (name === "counts") this.last = event;
    if (name === "reset") this.last = undefined;
    receivers.forEach((receiver) => receiver[name]?.(data));
  }

  // Returns the tabs that can show a frame, the visible ones first, and this one first among equals.
  tabsOf(frame) {
    const tabs = [this.state(), ...this.tabs.values()].filter(({ views }) => views.some((view) => isOf(view, frame)));
    return tabs.sort((a, b) => b.visible - a.visible);
  }

  // Shows a frame in a visible tab. Without one, it waits for HIDDEN_DELAY.
  receive(frame) {
    this.queue.push(frame);
    this.flush();
    if (this.queue.length) this.flushTimer ??= this.after(HIDDEN_DELAY, () => this.flush(true));
  }

  // Shows the frames that have a visible tab; with `isLate` all of them.
  flush(isLate) {
    if (isLate) this.flushTimer = undefined;
    for (const frame of this.queue.splice(0)) {
      const tabs = this.tabsOf(frame);
      if (isLate || tabs[0]?.visible) this.deliver(frame, tabs);
      else this.queue.push(frame);
    }
  }

  // Shows a frame in the first of these tabs that answers. A message that no tab shows is not
  // confirmed, so the server sends it again.
  deliver(frame, [to, ...others]) {
    if (!to) return;
    if (to.tab === this.tabId) return this.show(frame);
    this.channel.postMessage({ to: to.tab, frame });
    if (frame.message) this.forwardTimers.set(frame.message.id, this.after(FORWARD_TIMEOUT, () => this.deliver(frame, others)));
  }

  // Shows a frame in this tab. Returns whether to acknowledge its message.
  show(frame) {
    const receiver = [...receivers].find(({ view, show }) => show && isOf(view, frame));
    receiver?.show(frame);
    return receiver && frame.message;
  }
}
