// First script of the page: records every dialog, request, marker and element event that the page
// itself does not cause.
window.fired = [];
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open', 'fetch']) {
  window[name] = () => { window.fired.push(name); };
}
Object.defineProperty(window, 'pwned', { set() { window.fired.push('pwned'); } });
addEventListener('error', event => window.fired.push(`error ${event.message ?? event.target.localName}`), true);
addEventListener('load', event => {
  if (event.target !== document) window.fired.push(`load ${event.target.localName}`);
}, true);
