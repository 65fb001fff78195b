const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Whether a request by this method, in capitals, may be made twice for once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return METHODS.has(method);
}
