/** One field of a multipart form. */
export interface FormPart {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly content: Buffer;
}

/** The fields of a form as a browser or an SDK sends it; undefined when the body is none. */
export function readForm(contentType: string | undefined, body: Buffer): FormPart[] | undefined {
  const found = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType ?? "");
  const border = found?.[1] ?? found?.[2];
  if (border === undefined) return undefined;
  const parts: FormPart[] = [];
  let at = body.indexOf(`--${border}`);
  while (at !== -1) {
    const start = at + border.length + 2;
    const end = body.indexOf(`\r\n--${border}`, start);
    if (end === -1) break;
    const part = readPart(body.subarray(start, end));
    if (part === undefined) return undefined;
    parts.push(part);
    at = end + 2;
  }
  return parts.length === 0 ? undefined : parts;
}

function readPart(bytes: Buffer): FormPart | undefined {
  const gap = bytes.indexOf("\r\n\r\n");
  if (gap === -1) return undefined;
  const head = bytes.subarray(0, gap).toString("utf8");
  const name = /[;\s]name="([^"]*)"/i.exec(head)?.[1];
  if (name === undefined) return undefined;
  return {
    name,
    filename: /filename="([^"]*)"/i.exec(head)?.[1],
    contentType: /^content-type:\s*(.+)$/im.exec(head)?.[1]?.trim() ?? "application/octet-stream",
    content: bytes.subarray(gap + 4),
  };
}
