// Publishes events by the package cloudevents, in the structured, the binary and the batched mode.
//
// Standard input has a JSON object with the URL of the broker and a token. Prints a JSON array with the status of each response.
import { readFileSync } from "node:fs";
import { CloudEvent, HTTP } from "cloudevents";

const { url, token } = JSON.parse(readFileSync(0, "utf8"));

async function send({ headers, body }) {
  const answer = await fetch(`${url}/events`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${token}` },
    body,
  });
  return answer.status;
}

function event(name, attributes) {
  return new CloudEvent({ id: `node-${name}`, source: "/node", type: "test.node", region: "eu", ...attributes });
}

const batch = [0, 1, 2].map((number) => event(`batch-${number}`, { data: { number } }));
const statuses = [
  await send(HTTP.structured(event("structured", { data: { b: 1, a: "ü" } }))),
  await send(HTTP.structured(event("bytes", { datacontenttype: "application/octet-stream", data: new Uint8Array([255, 0]) }))),
  await send(HTTP.structured(event("empty", {}))),
  await send(HTTP.binary(event("binary", { subject: "orders/7", datacontenttype: "application/json", data: { b: 1 } }))),
  await send(HTTP.binary(event("text", { datacontenttype: "text/plain", data: "ü" }))),
  await send({
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(batch),
  }),
];
console.log(JSON.stringify(statuses));
