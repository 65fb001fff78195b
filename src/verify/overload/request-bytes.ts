import type { ScenarioRequest } from "../scenario/scenario.ts";

/** A request as it goes over the wire, with the headers that HTTP/1.1 demands. Names given twice in other cases merge. */
export function requestBytes(
  { method, path, headers, body }: Omit<ScenarioRequest, "weight">,
  authority: string,
): Uint8Array {
  const fields = new Map<string, string>([
    ["host", authority],
    ["user-agent", "laneway-verify"],
    ["accept", "*/*"],
  ]);
  for (const [name, value] of Object.entries(headers)) fields.set(name.toLowerCase(), value);
  const bytes = body === undefined ? undefined : Buffer.from(body);
  // The framing is ours: another length would leave the service waiting, or reading the next request as a body.
  fields.delete("transfer-encoding");
  fields.delete("content-length");
  if (bytes !== undefined) fields.set("content-length", String(bytes.length));
  const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
  // A copy of its own: a small Buffer is a window on a pool that other threads must not be sent.
  return Uint8Array.from(bytes === undefined ? head : Buffer.concat([head, bytes]));
}
