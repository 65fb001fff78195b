/** Why a bar is missed, as far as it is known: what was tried, and what stops it. Shown only while it is missed. */

const POSTGRES =
  "on one core with the server, and after the compiler has settled, a query with lanes takes some 2 us more than the 34 that it takes on both sides together. A class that only takes a permit and gives it back costs as much, and that takes a tenth of it in a loop: between two queries the caches are emptied of all that it looks at. With each part of the scheduler taken out in turn, the caches emptied before each half, none gives back more than a fifth.";

/** By the beginning of the row's question; the longest that fits. */
const REASONS: Readonly<Record<string, string>> = {
  "run of an empty async task":
    "the floor keeps one counter; a task here is an object with a lane, a flow, a deadline and a place in the list of time-outs, and it is charged to its flow at the start and corrected at the end. With every one of these parts taken out in turn none gives back more than a third of the difference, and most a tenth or less. Both read the clock twice, and the promise that can be settled early costs what the floor's async function does. What it comes to lies on either side of the bar from one run to the next.",
  "admission + release, 1,000 waiting":
    "the floor's queue is one ring; here a release chooses among lanes, moves two flows in their heaps, charges one and corrects the other, and settles a promise in its caller's async context. A profile shows some thirty functions of a few per cent each, a quarter of the time in the engine's own promises and maps, and no lump. At 100,000 and 1,000,000 waiting, where caches decide, the bar is met.",
  "laneway run":
    "Node's own start is half of it; the rest is loaded from compiled code that was kept, and only what this command needs. In a busy minute of the machine the same start takes a third longer.",
  "first paint":
    "what the server draws is seen before any script runs, so nearly all that is left is the browser's: a process for the page, its styles, a first layout. A page with one word on it takes a third of the bar, and in a busy minute of the same machine all of this is half as much again.",
  "how late they were sent":
    "one thread sends, reads and counts at half of what it could do at all; a pause of the collector, or of the server that shares the two cores, is the tail. At the rates of a real run, hundreds or thousands a second, it is below the bar.",
  "CPU per request, 1 KB replies, 64 connections, one core":
    "beside forwarding, a request is classified, takes a seat and gives it back, is told in three headers how it went, and leaves its times in histograms; the bare proxy does none of this. What is left above the bar is within what two runs differ by.",
  "throughput of one core":
    "the bare proxy itself, the least that a proxy on node:http and undici does, hardly reaches it (the row below). Portkey takes half as much again in its first thousands of requests, and there the bar is met; both are measured after they have settled.",
  "CPU added to a request by lanes":
    "a profile finds half of the bar in our own functions; the rest is what follows from them in the framework: three more reply headers to check, join and write, and one more async context. What the engine makes of the same code differs from process to process by nearly half of the bar.",
  "`select 1`": POSTGRES,
  "a prepared `select`": POSTGRES,
};

/** The reason for a row that missed its bar. */
export function reasonFor(question: string): string {
  const [, reason = "not known yet."] =
    Object.entries(REASONS)
      .filter(([beginning]) => question.startsWith(beginning))
      .toSorted(([a], [b]) => b.length - a.length)
      .at(0) ?? [];
  return reason;
}
