import type { Clock } from "./clock.ts";
import type { ContextPort } from "./context.ts";

/** What the scheduler takes from its surroundings. */
export interface Ports {
  readonly clock: Clock;
  readonly random: () => number;
  readonly context?: ContextPort | undefined;
  /** Whether the deadlines of the context are on this clock. */
  readonly contextClock?: boolean;
  readonly detectDeadlock?: boolean;
  readonly flowWeight?: ((flow: string) => number) | undefined;
}
