/** Names and values as the text of SQL, of a comment, of a file of pgbouncer: whatever they hold, they stay what they are. */

/** A name in SQL: `low"; drop` becomes `"low""; drop"`. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text value in SQL. */
export function sqlText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  // A plain text takes a backslash as it is, or as an escape, by a setting of the server. This form has one meaning.
  return text.includes("\\") ? `E${quoted}` : quoted;
}

/** The body of a DO block, which must not hold what ends it. */
export function sqlBlock(body: string): string {
  let tag = "$laneway$";
  for (let n = 1; body.includes(tag); n++) tag = `$laneway_${n}$`;
  return `DO ${tag}\n${body}\n${tag};`;
}

/** Text within a comment: on one line, for the next one would be a command. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "?");
}

/** A value in an alias of pgbouncer. */
export function pgbouncerText(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}
