import type { Clock } from "./clock.ts";
import type { ContextPort } from "./context.ts";
import type { Saturation } from "./limit/limit.ts";

/** What the scheduler takes from its surroundings. */
export interface Ports {
  readonly clock: Clock;
  readonly random: () => number;
  readonly context?: ContextPort | undefined;
  /** Whether the deadlines of the context are on this clock. */
  readonly contextClock?: boolean;
  readonly detectDeadlock?: boolean;
  /** Signals from beside the tasks, for adaptive limits that are given none of their own. */
  readonly saturation?: (() => Saturation | undefined) | undefined;
  /** The part of the process' memory that is in use, on the resource's clock; undefined while nothing is known. */
  readonly memory?: ((now: number) => number | undefined) | undefined;
  /** Lets the event loop do what has come meanwhile; undefined in simulated time. */
  readonly turn?: (() => Promise<void>) | undefined;
  readonly flowWeight?: ((flow: string) => number) | undefined;
}
