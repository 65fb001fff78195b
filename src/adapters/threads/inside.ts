/** Whether this code runs in a thread of a pool, and for which file: set before that file is loaded. */

/** The worker file of the pool whose thread this is; undefined elsewhere. */
let own: string | undefined;

/** This is a thread for that file. */
export function enterThread(filename: string): void {
  own = filename;
}

/** Whether this is a thread for that file. */
export function isThreadOf(filename: string): boolean {
  return own === filename;
}
