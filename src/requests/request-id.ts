/** Names a request in its refusal, in the record of its task and in the log. */

const instance = Math.floor(Math.random() * 36 ** 6).toString(36);
let requests = 0;

/** Unique across replicas as far as a search in logs needs: this process, then a count. */
export function newRequestId(): string {
  return `lw_${instance}_${(++requests).toString(36)}`;
}
