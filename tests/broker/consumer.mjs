// Reads the bodies of webhooks by the package cloudevents.
//
// Standard input has a JSON array of requests with headers and a body. Prints the event of each.
import { readFileSync } from "node:fs";
import { HTTP } from "cloudevents";

function read(request) {
  const event = HTTP.toEvent(request);
  event.validate();
  const names = ["id", "source", "type", "subject", "region", "datacontenttype"];
  const data = ArrayBuffer.isView(event.data) ? { bytes: [...event.data] } : { value: event.data ?? null };
  return [...names.map((name) => event[name] ?? null), data];
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));
