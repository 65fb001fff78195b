/** The streams of the gateway's benchmark: what the upstream sends and the results are divided by. */

/** Events in one streamed reply, and the milliseconds between two of them. */
export const EVENTS_PER_STREAM = 50;
export const EVENT_EVERY_MS = 20;
