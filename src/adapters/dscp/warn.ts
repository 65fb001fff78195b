/** What cannot be marked, said once for each cause: Node itself says nothing. */

const said = new Set<string>();

/** A process warning, the first time that this `code` is given. */
export function warnOnce(code: string, message: string): void {
  if (said.has(code)) return;
  said.add(code);
  process.emitWarning(message, { type: "LanewayMarkWarning", code });
}
