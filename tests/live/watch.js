// Tells the test what somebody would see on this page, and when.
const tab = Math.random().toString(36).slice(2);
// Until it is heard: the page may have no network, or no site.
const tell = (what) =>
  fetch("/told", { method: "POST", body: JSON.stringify({ tab, ...what }), keepalive: true }).catch(() =>
    setTimeout(() => tell(what), 50),
  );
const now = () => performance.timeOrigin + performance.now();

addEventListener("pageshow", ({ persisted }) => tell({ what: "page", persisted }));
new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    // The page script gives a button to what it shows.
    const item = node.matches?.(".salver-message, .salver-close") && node.closest(".salver-message");
    if (!item || !item.querySelector(".salver-close")) continue;
    const id = item.dataset.salverId;
    tell({ what: "shown", id, text: item.querySelector(".salver-text").textContent });
    // Painted: the frame that this asks for has gone out.
    requestAnimationFrame(() => setTimeout(() => tell({ what: "painted", id, at: now() })));
  }
}).observe(document, { childList: true, subtree: true });
