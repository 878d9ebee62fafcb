// Everything that a page of another origin can send to an inbox. Returns what the page could read, and
// the number of requests.
const [inbox, ids, position, done] = arguments;
const read = [];
const pending = [];
const record = (name, content) => content?.includes(SECRET) && read.push(`${name}: ${content}`);
const changes = ["read", "unread", "archive", "restore", "delete"];

const tryFetch = (name, path, options) =>
  pending.push(
    fetch(inbox + path, options)
      .then((response) => response.text())
      .then(
        (text) => record(name, text),
        () => {},
      ),
  );
const tryElement = (name, tag, set) =>
  pending.push(
    new Promise((end) => {
      const element = document.createElement(tag);
      element.onload = () => {
        try {
          record(name, element.contentDocument?.documentElement?.outerHTML);
        } catch {
          // The browser denies access, as expected.
        }
        end();
      };
      element.onerror = end;
      set(element);
      document.body.append(element);
      setTimeout(end, 1000);
    }),
  );
const tryForm = (name, path, method, enctype, fields) =>
  tryElement(name, "iframe", (frame) => {
    frame.name = `f${pending.length}`;
    const form = document.createElement("form");
    Object.assign(form, { action: inbox + path, method, enctype, target: frame.name });
    for (const [field, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: field, value });
      form.append(input);
    }
    document.body.append(form);
    setTimeout(() => form.submit());
  });

for (const mode of ["cors", "no-cors"]) {
  for (const credentials of ["omit", "include"]) {
    const options = { mode, credentials };
    for (const path of ["?tab=all", "/counts", `?tab=all&after=${position + 1}`, `/${ids[1]}`]) {
      tryFetch(`fetch ${mode} ${path}`, path, options);
      if (mode === "cors") tryFetch(`json ${path}`, path, { ...options, headers: { accept: "application/json" } });
    }
    for (const type of ["text/plain", "application/json", "application/x-www-form-urlencoded"]) {
      const headers = { "content-type": type };
      for (const change of changes) {
        const json = JSON.stringify({ change, ids, tab: "all" });
        const form = new URLSearchParams({ change, ids: ids.join(), tab: "all" }).toString();
        const body = type.includes("form") ? form : json;
        tryFetch(`mark ${mode} ${type} ${change}`, "/mark", { ...options, method: "POST", headers, body });
      }
      const body = JSON.stringify({ position });
      tryFetch(`seen ${mode} ${type}`, "/seen", { ...options, method: "POST", headers, body });
    }
  }
}
for (const change of changes) {
  for (const enctype of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
    tryForm(`form ${change} ${enctype}`, "/mark", "post", enctype, { change, ids: ids.join(), tab: "all" });
  }
  tryForm(`all ${change}`, "/mark", "post", "application/x-www-form-urlencoded", { change, upto: position, tab: "all" });
}
tryForm("seen", "/seen", "post", "application/x-www-form-urlencoded", { position });
tryForm("get", "/mark", "get", "application/x-www-form-urlencoded", { change: "read", ids: ids.join() });
for (const id of ids) {
  const src = `${inbox}/${id}`;
  tryElement("image", "img", (image) => (image.src = src));
  tryElement("frame", "iframe", (frame) => (frame.src = src));
  tryElement("script", "script", (script) => (script.src = src));
  tryElement("style", "link", (link) => Object.assign(link, { rel: "stylesheet", href: src }));
  tryElement("prefetch", "link", (link) => Object.assign(link, { rel: "prefetch", href: src }));
  tryElement("object", "object", (object) => (object.data = src));
}
tryElement("frame of the list", "iframe", (frame) => (frame.src = `${inbox}?tab=all`));
navigator.sendBeacon(`${inbox}/mark`, new URLSearchParams({ change: "read", ids: ids.join(), tab: "all" }));
navigator.sendBeacon(`${inbox}/seen`, new URLSearchParams({ position }));
Promise.all(pending).then(() => setTimeout(() => done({ read, requests: pending.length + 2 }), 300));
