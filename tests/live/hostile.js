// What a page of another site tries with the streams of this one. Gives all that it could read.
const [site, id, done] = arguments;
const stream = `${site}/salver/stream?view=a`;
const word = JSON.stringify({ view: "a", ids: [id] });
const confirm = `${site}/salver/confirm`;
const accept = { accept: "text/event-stream" };
const read = [];
const settled = [];
const note = (how, what) => what && read.push(`${how}: ${what}`);

const listen = (how, options) =>
  settled.push(
    new Promise((end) => {
      const source = new EventSource(stream, options);
      source.onmessage = ({ data }) => note(how, data);
      source.onopen = () => note(how, "opened");
      source.onerror = () => (source.close(), end());
    }),
  );
const fetched = (how, url, options) =>
  settled.push(
    fetch(url, options)
      .then((answer) => answer.text())
      .then((text) => note(how, text), () => {}),
  );
const framed = (how, make) =>
  settled.push(
    new Promise((end) => {
      const frame = document.createElement("iframe");
      frame.name = `f${settled.length}`;
      document.body.append(frame);
      frame.onload = () => {
        try {
          note(how, frame.contentDocument?.body?.textContent);
        } catch {
          // As it should be.
        }
        end();
      };
      make(frame);
      setTimeout(end, 1000);
    }),
  );
const posted = (how, url, method, kind) =>
  framed(how, (frame) => {
    const form = document.createElement("form");
    Object.assign(form, { action: url, method, enctype: kind, target: frame.name });
    const field = document.createElement("input");
    Object.assign(field, { name: word.slice(0, -1) + ',"', value: '":1}' });
    form.append(field);
    document.body.append(form);
    form.submit();
  });

listen("events", {});
listen("events with cookies", { withCredentials: true });
for (const mode of ["cors", "no-cors"]) {
  for (const credentials of ["omit", "include"]) {
    fetched(`stream ${mode} ${credentials}`, stream, { mode, credentials, headers: accept });
    for (const kind of ["text/plain", "application/json", "application/x-www-form-urlencoded"]) {
      const headers = { "content-type": kind };
      fetched(`word ${mode} ${credentials} ${kind}`, confirm, { method: "POST", mode, credentials, headers, body: word });
    }
  }
}
framed("frame", (frame) => (frame.src = stream));
for (const kind of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
  posted(`form ${kind}`, confirm, "post", kind);
}
posted("form of a stream", stream, "get", "text/plain");
navigator.sendBeacon(confirm, word);
navigator.sendBeacon(confirm, new Blob([word], { type: "text/plain" }));
Promise.all(settled).then(() => setTimeout(() => done({ read, tried: settled.length + 2 }), 300));
