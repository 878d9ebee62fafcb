// Reports to the test which messages this page shows, and when.
const tab = Math.random().toString(36).slice(2);
// Retries until the request succeeds: the network, the site or Redis may be down.
const report = (event) =>
  fetch("/page-event", { method: "POST", body: JSON.stringify({ tab, ...event }), keepalive: true }).catch(() =>
    setTimeout(() => report(event), 50),
  );
const now = () => performance.timeOrigin + performance.now();

addEventListener("pageshow", ({ persisted }) => report({ kind: "page", persisted }));
new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    // The page script adds a close button to every message that it shows.
    const item = node.matches?.(".salver-message, .salver-close") && node.closest(".salver-message");
    if (!item || !item.querySelector(".salver-close")) continue;
    const id = item.dataset.salverId;
    report({ kind: "shown", id, text: item.querySelector(".salver-text").textContent });
    // The timeout runs after the requested frame is painted.
    requestAnimationFrame(() => setTimeout(() => report({ kind: "painted", id, at: now() })));
  }
}).observe(document, { childList: true, subtree: true });
