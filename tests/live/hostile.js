// The requests that a page of another origin can send to the streams of this site. Returns every
// response that the page could read, and the number of requests.
const [site, id, done] = arguments;
const stream = `${site}/salver/stream?view=a`;
const confirmation = JSON.stringify({ view: "a", ids: [id] });
const confirm = `${site}/salver/confirm`;
const accept = { accept: "text/event-stream" };
const read = [];
const pending = [];
const record = (name, content) => content && read.push(`${name}: ${content}`);

const tryEventSource = (name, options) =>
  pending.push(
    new Promise((end) => {
      const source = new EventSource(stream, options);
      source.onmessage = ({ data }) => record(name, data);
      source.onopen = () => record(name, "opened");
      source.onerror = () => (source.close(), end());
    }),
  );
const tryFetch = (name, url, options) =>
  pending.push(
    fetch(url, options)
      .then((response) => response.text())
      .then((text) => record(name, text), () => {}),
  );
const tryFrame = (name, load) =>
  pending.push(
    new Promise((end) => {
      const frame = document.createElement("iframe");
      frame.name = `f${pending.length}`;
      document.body.append(frame);
      frame.onload = () => {
        try {
          record(name, frame.contentDocument?.body?.textContent);
        } catch {
          // The browser denies access, as expected.
        }
        end();
      };
      load(frame);
      setTimeout(end, 1000);
    }),
  );
const tryForm = (name, url, method, enctype) =>
  tryFrame(name, (frame) => {
    const form = document.createElement("form");
    Object.assign(form, { action: url, method, enctype, target: frame.name });
    const field = document.createElement("input");
    Object.assign(field, { name: confirmation.slice(0, -1) + ',"', value: '":1}' });
    form.append(field);
    document.body.append(form);
    form.submit();
  });

tryEventSource("event source", {});
tryEventSource("event source with cookies", { withCredentials: true });
for (const mode of ["cors", "no-cors"]) {
  for (const credentials of ["omit", "include"]) {
    tryFetch(`stream ${mode} ${credentials}`, stream, { mode, credentials, headers: accept });
    for (const type of ["text/plain", "application/json", "application/x-www-form-urlencoded"]) {
      const headers = { "content-type": type };
      const options = { method: "POST", mode, credentials, headers, body: confirmation };
      tryFetch(`confirm ${mode} ${credentials} ${type}`, confirm, options);
    }
  }
}
tryFrame("frame", (frame) => (frame.src = stream));
for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
  tryForm(`form ${enctype}`, confirm, "post", enctype);
}
tryForm("form to the stream", stream, "get", "text/plain");
navigator.sendBeacon(confirm, confirmation);
navigator.sendBeacon(confirm, new Blob([confirmation], { type: "text/plain" }));
Promise.all(pending).then(() => setTimeout(() => done({ read, requests: pending.length + 2 }), 300));
