// Salver's page script: the element <salver-messages view="settings">.
//
// It adopts the messages that the server rendered into the page or into a partial (htmx, Turbo,
// Unpoly). It shows the messages that arrive on the stream while the page is open, above a modal
// dialog too. It confirms every message to the server once the message is in the document.
//
// Only visible tabs show messages. A message that arrives while the page unloads, mostly after a form
// was sent, is carried over to the next page.
//
// Attributes: view (without it there is no stream), label and close-label (accessible names of the
// messages and of their close button).
// Events: salver-message and salver-reset, both cancelable.

// Key of local storage.
const SEEN_IDS_KEY = "salver-seen";
// Key of session storage.
const CARRY_OVER_KEY = "salver-next";

// Times are in milliseconds.

// Number of seen ids to keep, more than the pages that a visitor goes back to can contain.
const MAX_SEEN_IDS = 200;
// Delay in which confirms are collected into one request.
const CONFIRM_DELAY = 10;
// Maximum number of ids in one request. The server accepts 256.
const MAX_CONFIRM_IDS = 100;
// Resolution of the autoclose timers.
const TICK_INTERVAL = 100;
// Time for which the text of an announcement stays in its live region.
const ANNOUNCEMENT_LIFETIME = 5000;
// Delay after which assistive technology observes a new live region.
const ANNOUNCEMENT_DELAY = 100;
// Time after which an unloading page has normally been replaced.
const UNLOAD_TIMEOUT = 5000;
// Time after which a page is no longer unloading: the response was not a page, but a 204 for
// example.
const MAX_UNLOAD_TIME = 30000;

// Events before a request of htmx 2, htmx 4, and Turbo.
const REQUEST_EVENTS = ["htmx:configRequest", "htmx:config:request", "turbo:before-fetch-request"];

// The ids of the messages that this browser has shown, shared by all tabs if local storage is
// available.
const seenInMemory = [];
const seenIds = {
  all() {
    return [...seenInMemory, ...(load("localStorage", SEEN_IDS_KEY) || [])];
  },
  has(id) {
    return seenIds.all().includes(id);
  },
  // Adds an id. Returns whether it is new.
  add(id) {
    const all = seenIds.all();
    if (all.includes(id)) return false;
    seenInMemory.push(id);
    seenInMemory.splice(0, seenInMemory.length - MAX_SEEN_IDS);
    save("localStorage", SEEN_IDS_KEY, [...new Set([...all, id])].slice(-MAX_SEEN_IDS));
    return true;
  },
};

// The ids of shown messages that are not confirmed to the server yet, by view.
const unconfirmed = new Map();
let confirmTimer;

const sendConfirms = () => {
  clearTimeout(confirmTimer);
  confirmTimer = undefined;
  for (const [view, viewIds] of unconfirmed) {
    for (const ids = [...viewIds]; ids.length; ) {
      // If the request fails, the server sends the messages again. Their ids are already seen, so
      // they are confirmed again and not shown twice.
      fetch(new URL("confirm", baseUrl), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ view, ids: ids.splice(0, MAX_CONFIRM_IDS) }),
        keepalive: true,
      }).catch(() => {});
    }
  }
  unconfirmed.clear();
};

// Confirms a message to the server, in one request with others.
const queueConfirm = (view, id) => {
  if (!unconfirmed.has(view)) unconfirmed.set(view, new Set());
  unconfirmed.get(view).add(id);
  confirmTimer ??= setTimeout(sendConfirms, CONFIRM_DELAY);
};

// The HTML is safe: Salver escapes all text in it. The site escapes what `<salver-online>` shows.
let htmlPolicy;
try {
  htmlPolicy = globalThis.trustedTypes?.createPolicy("salver", { createHTML: (html) => html });
} catch {
  // The CSP does not allow the policy. If it requires trusted types, no message is shown.
}
const trustedHtml = (html) => (htmlPolicy ? htmlPolicy.createHTML(html) : html);
// Parses the HTML of a message. Returns its list item.
const parseItem = (html) => {
  const template = document.createElement("template");
  template.innerHTML = trustedHtml(html);
  return template.content.querySelector("li");
};

const createElement = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

// Whether the visitor has changed a form field of this page.
let hasUserInput = false;
document.addEventListener("input", () => (hasUserInput = true), true);

// When the page began to unload, by performance.now().
let unloadStartedAt = -Infinity;
const markUnloading = () => (unloadStartedAt = performance.now());
addEventListener("beforeunload", markUnloading);
// Not every browser fires beforeunload: a form that no script handles unloads the page.
const closesDialog = ({ submitter, target }) => (submitter?.formMethod || target.method) === "dialog";
addEventListener("submit", (event) => event.defaultPrevented || closesDialog(event) || markUnloading());
const isUnloading = () => performance.now() - unloadStartedAt < MAX_UNLOAD_TIME;

// The frames of the stream that this tab keeps for its next page, in session storage.
const carryOver = {
  all() {
    const all = load("sessionStorage", CARRY_OVER_KEY) || [];
    return all.filter((entry) => Date.now() - entry.at < 2 * UNLOAD_TIMEOUT);
  },
  // Keeps a frame. Returns whether session storage accepted it.
  put(view, frame) {
    return save("sessionStorage", CARRY_OVER_KEY, [...carryOver.all(), { view, frame, at: Date.now() }]);
  },
  // Removes and returns the frames of a view and of the view `*`.
  take(view) {
    const all = carryOver.all();
    const taken = all.filter((entry) => entry.view === view || entry.frame.view === "*");
    const isRemoved = taken.length && save("sessionStorage", CARRY_OVER_KEY, all.filter((entry) => !taken.includes(entry)));
    return isRemoved ? taken.map((entry) => entry.frame) : [];
  },
  // Drops all frames: they belong to another visitor.
  clear() {
    save("sessionStorage", CARRY_OVER_KEY, []);
  },
};

// The id of the message that each item was handled for. A script that morphs the page reuses an item
// for another message.
const handledIds = new WeakMap();
// Returns whether an item is new, and marks it as handled.
const markHandled = (item) => {
  const id = item.dataset.salverId ?? "";
  const isNew = handledIds.get(item) !== id;
  handledIds.set(item, id);
  return isNew;
};

// Confirms the messages of the lists that the server rendered outside of <salver-messages>, in the
// page or in a partial.
const confirmOuterLists = () => {
  for (const list of document.querySelectorAll("ul[data-salver-confirm]")) {
    if (list.closest("salver-messages")) continue;
    for (const item of [...list.children].filter(markHandled)) {
      if (!item.dataset.salverId) continue;
      seenIds.add(item.dataset.salverId);
      queueConfirm(list.dataset.salverConfirm, item.dataset.salverId);
    }
  }
};

// Elements outside of which nothing can be reached: modal dialogs, and what fills the screen if it can
// contain messages. Browsers that do not know :modal skip it.
const MODAL = ":is(dialog:modal, [aria-modal=true], :fullscreen):not(video, audio, iframe, img, canvas, object, embed)";
// The modal elements, the one that was opened last at the end.
let modals = [];
const updateModals = (opened = []) => {
  // A set keeps the order of insertion.
  const order = new Set([...modals, ...document.querySelectorAll(MODAL)]);
  for (const modal of opened) if (order.delete(modal)) order.add(modal);
  modals = [...order].filter((modal) => modal.isConnected && modal.matches(MODAL));
};
// Many pages contain hidden modal elements, which a class makes visible.
const isOpen = (modal) => {
  if (!modal.isConnected || !modal.matches(MODAL) || modal.closest("[inert], [aria-hidden=true]")) return false;
  return modal.getClientRects().length > 0 && getComputedStyle(modal).visibility === "visible";
};
// Returns the modal element in which the visitor is.
const topModal = () => modals.filter(isOpen).pop();

// The <salver-messages> of the page.
const connectedElements = new Set();
const OBSERVED = "ul.salver-messages, dialog, [aria-modal=true]";
const OBSERVED_ATTRIBUTES = ["data-salver-id", "open", "aria-modal", "aria-hidden", "inert"];
const addsObserved = ({ type, addedNodes }) =>
  type === "attributes" || [...addedNodes].some((node) => node.matches?.(OBSERVED) || node.querySelector?.(OBSERVED));

// Libraries replace and morph content, and each announces it by other events. The document itself
// reports what has changed.
const onMutations = (records) => {
  const isRelevant = records.some(addsObserved);
  if (isRelevant) {
    const opening = records.filter(({ attributeName }) => ["open", "aria-modal"].includes(attributeName));
    updateModals(opening.map(({ target }) => target));
    confirmOuterLists();
  }
  for (const element of connectedElements) if (isRelevant || !element.isMounted()) element.refresh();
};
const observer = new MutationObserver(onMutations);
observer.observe(document, { childList: true, subtree: true, attributeFilter: OBSERVED_ATTRIBUTES });
// A script that shows a modal element moves the focus into it.
document.addEventListener("focusin", () => connectedElements.forEach((element) => element.mount()));
document.addEventListener("fullscreenchange", ({ target }) => {
  updateModals([target]);
  for (const element of connectedElements) element.mount(true);
});
updateModals();
confirmOuterLists();

// Properties of <salver-messages> that a dialog does not inherit.
const COLORS = ["fg", "bg", "border", "debug", "info", "success", "warning", "error"].map((name) => `--salver-${name}`);

class SalverMessages extends HTMLElement {
  static observedAttributes = ["view"];

  // A script that morphs the page turns this element into that of another page.
  attributeChangedCallback(name, before, after) {
    if (!this.abortController || before === after) return;
    this.closeStream();
    this.start();
  }

  connectedCallback() {
    // The element was only moved within the page.
    if (this.abortController) return;
    const renderedLists = this.querySelectorAll(":scope > ul.salver-messages");
    // A cached copy of the page contains the elements of its first run.
    for (const element of document.querySelectorAll(".salver-toasts, .salver-live-region")) element.isOwned || element.remove();
    const label = this.getAttribute("label") || "Messages";
    this.list = createElement("ul", { class: "salver-messages" });
    this.toasts = createElement("div", { class: "salver-toasts", role: "region", "aria-label": label }, this.list);
    // Live regions are inserted empty and filled later: text that is inserted with its region is
    // not announced.
    const createLiveRegion = (live) => createElement("div", { class: "salver-live-region", "aria-live": live });
    this.liveRegions = ["polite", "assertive"].map(createLiveRegion);
    for (const element of this.ownElements()) element.isOwned = true;
    this.mount();
    this.abortController = new AbortController();
    const { signal } = this.abortController;
    addEventListener("pagehide", () => this.hide(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.showCarriedOver(), { signal });
    document.addEventListener("keydown", (event) => this.onKeydown(event), { signal });
    for (const list of renderedLists) this.adoptItems(list, [...list.children].filter(markHandled));
    connectedElements.add(this);
    for (const type of REQUEST_EVENTS) document.addEventListener(type, (event) => this.addViewHeader(event.detail), { signal });
    this.start();
  }

  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected || !this.abortController) return;
      this.stop();
      this.abortController.abort();
      this.abortController = undefined;
      connectedElements.delete(this);
      // It would mount them again, into a modal element that is open.
      this.tickTimer = clearInterval(this.tickTimer);
      for (const element of this.ownElements()) element.remove();
    });
  }

  ownElements() {
    return [this.toasts, ...this.liveRegions];
  }

  isMounted() {
    return [this.list, ...this.ownElements()].every((element) => element.isConnected);
  }

  // Puts the elements of this script where the visitor can see and reach them: into this element, or
  // into the modal element. Beside and above others, the toasts are in the top layer.
  // `raise`: something else was added to the top layer.
  mount(raise = false) {
    const modal = topModal();
    const isInert = modal ? !modal.contains(this) : this.closest("[inert], [aria-hidden=true]");
    const parent = isInert ? (modal ?? document.body) : this;
    if (this.list.parentNode !== this.toasts) this.toasts.replaceChildren(this.list);
    if (this.ownElements().some((element) => element.parentNode !== parent)) {
      parent.append(...this.ownElements());
      const inherited = getComputedStyle(this);
      for (const name of COLORS) this.toasts.style.setProperty(name, isInert ? inherited.getPropertyValue(name) : "");
    }
    const isRaised = modal || isInert || document.fullscreenElement;
    // A class can close what contains them, which is not observed.
    if (isInert) this.tickTimer ??= setInterval(() => this.tick(), TICK_INTERVAL);
    if (raise || !isRaised) this.toasts.popover = null;
    if (!isRaised || !this.toasts.isConnected) return;
    this.toasts.popover = "manual";
    // It throws for an open popover. Browsers without popovers show the element where it is.
    if (!this.toasts.matches(":is(:popover-open)")) this.toasts.showPopover?.();
  }

  // Follows what a script has done to the page.
  refresh() {
    this.mount();
    for (const list of this.querySelectorAll("ul.salver-messages")) if (list !== this.list) this.showInsertedList(list);
  }

  // The view as the server names it, without the leading slash; empty or undefined without one.
  get view() {
    return this.getAttribute("view")?.replace(/^\/(?=.)/, "");
  }

  // Opens the stream of the view.
  start() {
    const { view } = this;
    if (!view || this.receiver) return;
    this.showCarriedOver();
    this.receiver = { view, show: (frame) => this.showOrCarryOver(view, frame), reset: () => this.reset() };
    addReceiver(this.receiver);
  }

  closeStream() {
    if (this.receiver) removeReceiver(this.receiver);
    this.receiver = undefined;
  }

  stop() {
    this.closeStream();
    this.hide();
  }

  // Removes the messages. The browser may restore the page from its back/forward cache, and the page
  // must not show its messages again then.
  hide() {
    sendConfirms();
    for (const item of this.items()) item.remove();
  }

  // Reloads the page, because its session has ended.
  reset() {
    carryOver.clear();
    if (isUnloading()) return this.ifStillOpen(() => this.reset());
    const event = new CustomEvent("salver-reset", { bubbles: true, cancelable: true });
    // A page with user input is not reloaded: the input would be lost.
    if (!this.dispatchEvent(event) || hasUserInput) return;
    // Later, when the browser has the cookie of the new session. location.assign, because a reload
    // could submit a form again.
    const reload = () => (isUnloading() ? this.reset() : location.assign(location.pathname + location.search));
    setTimeout(reload, HIDDEN_DELAY * (0.5 + Math.random()));
  }

  // Calls `run` if this page is still open when an unloading page has normally been replaced: the response
  // was not a page.
  ifStillOpen(run) {
    setTimeout(() => this.receiver && run(), UNLOAD_TIMEOUT);
  }

  items() {
    return [...new Set([...this.querySelectorAll("ul.salver-messages > li"), ...this.list.children])];
  }

  // Confirms and decorates items of a list that the server rendered. Removes those that this browser
  // has shown before.
  adoptItems(list, items) {
    const { salverConfirm: view, salverKept: kept } = list.dataset;
    for (const item of items) {
      const id = item.dataset.salverId;
      if (id && view !== undefined) queueConfirm(view, id);
      // The next page shows a kept message again.
      if (!id || kept !== undefined || seenIds.add(id)) this.decorate(item);
      else item.remove();
    }
  }

  // Adds the header that lets a partial carry the messages of this page. The headers are in the
  // detail of the event of htmx 2, in its context with htmx 4, and in its fetch options with Turbo.
  addViewHeader({ headers, ctx, fetchOptions }) {
    const { view } = this;
    if (view) (headers || (ctx?.request || fetchOptions).headers)["Salver-View"] = encodeURIComponent(view);
  }

  // Shows the messages of a list that a partial inserted, or that a script has morphed.
  showInsertedList(list) {
    const items = [...list.children].filter(markHandled);
    this.adoptItems(list, items);
    for (const item of items) if (item.isConnected) this.insert(item);
    if (!list.children.length) list.remove();
  }

  // Shows a frame here, or carries it over to the next page if this page unloads.
  showOrCarryOver(view, frame) {
    if (!isUnloading() || !carryOver.put(view, frame)) return this.showFrame(view, frame);
    this.ifStillOpen(() => this.showCarriedOver());
  }

  showCarriedOver() {
    unloadStartedAt = -Infinity;
    const { view } = this;
    for (const frame of carryOver.take(view)) this.showFrame(view, frame);
  }

  // Shows a message, or the notice about displaced messages. A message that cannot be shown is not
  // confirmed, so the server keeps it.
  showFrame(view, { message, html, more }) {
    if (more) return this.insert(this.decorate(parseItem(more.html)));
    const { id } = message;
    // A message that the page has kept is here already.
    if (!seenIds.has(id) && !document.querySelector(`[data-salver-id="${id}"]`)) {
      const event = new CustomEvent("salver-message", { detail: message, bubbles: true, cancelable: true });
      if (this.dispatchEvent(event) && !this.insert(this.decorate(parseItem(html)))) return;
    }
    seenIds.add(id);
    queueConfirm(view, id);
  }

  // Adds the close button, the autoclose timer and the announcement of an item.
  decorate(item) {
    const { salverAutoclose: autocloseMs, salverLevel: level, salverClose: closeClass } = item.dataset;
    item.remainingMs = undefined;
    if (autocloseMs && level !== "error") {
      item.remainingMs = Number(autocloseMs);
      this.tickTimer ??= setInterval(() => this.tick(), TICK_INTERVAL);
    }
    const announcement = createElement("p", {}, item.textContent);
    setTimeout(() => this.liveRegions[level === "error" ? 1 : 0].append(announcement), ANNOUNCEMENT_DELAY);
    setTimeout(() => announcement.remove(), ANNOUNCEMENT_LIFETIME);
    item.querySelector("[role]")?.removeAttribute("role");
    item.closeButton?.remove();
    const closeButton = createElement("button", { type: "button", class: closeClass ?? "salver-close" });
    closeButton.setAttribute("aria-label", this.getAttribute("close-label") || "Close");
    closeButton.onclick = () => this.close(item);
    item.append(closeButton);
    item.closeButton = closeButton;
    markHandled(item);
    return item;
  }

  // Inserts an item. It replaces the item with the same tag. Returns whether the message is in the
  // document, or a newer one of its tag.
  insert(item) {
    this.mount();
    const tag = item.dataset.salverTag;
    const previous = tag && this.items().find((other) => other !== item && other.dataset.salverTag === tag);
    if (!previous) this.list.append(item);
    if (!previous) return item.isConnected;
    // Ids sort by time: a delayed older message does not replace a newer one.
    if (previous.dataset.salverId > item.dataset.salverId) {
      item.remove();
      return true;
    }
    const hadFocus = previous.contains(document.activeElement);
    previous.replaceWith(item);
    if (hadFocus) item.closeButton.focus();
    return item.isConnected;
  }

  close(item) {
    const items = this.items();
    const index = items.indexOf(item);
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    if (hadFocus) (items[index + 1] || items[index - 1])?.closeButton?.focus();
  }

  // Escape closes the message that contains the focus, or else the last one.
  onKeydown(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    const focusedItem = this.items().find((item) => item.contains(document.activeElement));
    // Without focus in a message, Escape closes the modal element.
    const item = focusedItem ?? (topModal() ? undefined : this.list.lastElementChild);
    if (!item) return;
    event.preventDefault();
    this.close(item);
  }

  // Advances the autoclose timers. They run while the page is visible, and no message is hovered or
  // has visible focus. They stop while the browser suspends the page.
  tick() {
    const autoclosing = this.items().filter((item) => item.remainingMs !== undefined);
    const isElsewhere = this.toasts.parentNode !== this;
    if (isElsewhere) this.mount();
    if (!autoclosing.length && !isElsewhere) this.tickTimer = clearInterval(this.tickTimer);
    if (document.hidden || this.items().some((item) => item.matches(":hover") || item.querySelector(":focus-visible"))) return;
    for (const item of autoclosing) if ((item.remainingMs -= TICK_INTERVAL) <= 0) this.close(item);
  }
}

export { addReceiver, removeReceiver, trustedHtml };

if (!customElements.get("salver-messages")) customElements.define("salver-messages", SalverMessages);
