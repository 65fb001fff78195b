/** What is sent to a thread, and what comes back that is not a task's own result. */

import type { FOR_BALANCER } from "./piscina.ts";

/** One task on its way to a thread. What is as in the thread's setup is left out: every property is copied. */
export interface Order {
  task: unknown;
  filename?: string;
  /** The export of the file that does it. */
  name?: string;
  lane?: string;
  flow?: string;
  /** In milliseconds since the epoch: a thread's own clock begins with the thread. */
  deadline?: number;
  rule?: string;
  /** "load" only loads the file; "skip" is for one that nobody waits for any more. */
  only?: "load" | "skip";
  [FOR_BALANCER]?: object;
}

/** Why a worker file gave no function to call: put into words, for not everything that is thrown can be sent. */
export interface Unusable {
  readonly "~laneway": "unusable";
  readonly message: string;
  readonly stack: string;
}

/** What begins the last argument of a thread: how it is to be set up, as JSON. */
export const SETUP = "--laneway-thread=";

/** How a thread is set up before it does anything. */
export interface Setup {
  readonly nice: number;
  readonly filename: string;
  readonly name: string;
}

/** Whether a thread answered that its file cannot be used. */
export function isUnusable(answer: unknown): answer is Unusable {
  return (
    typeof answer === "object" && answer !== null && (answer as Partial<Unusable>)["~laneway"] === "unusable"
  );
}
