/**
 * How full the process itself is, for adaptive limits: what tasks measure says little while the event loop is late for
 * all of them or memory runs out. Read at most once a second, over the time since the last reading; nothing is measured
 * before the first.
 *
 *   event loop   median delay, while it is busy for nine tenths of the time: at its bound with 50 ms
 *   memory       the process against the container's limit, and the heap against its own: at its bound with 85 %
 *   pressure     the kernel's account of time lost for want of memory or processor quota (PSI), over ten seconds: at its
 *                bound with a tenth of it
 *
 * At a bound limits stop growing; half beyond it they shrink.
 */

import { readFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Saturation } from "../core/limit/limit.ts";
import { memoryUsed } from "./memory.ts";

/** What one look at the process says. Parts are from 0 to 1. */
export interface SaturationReading {
  /** Milliseconds that the event loop is late by, at the median. */
  readonly lateMs: number;
  /** The part of the time in which the event loop was busy. */
  readonly busy: number;
  readonly memory: number;
  /** The part of the time that was lost waiting for memory, or for processor quota. */
  readonly lost: number;
}

const WINDOW_MS = 1_000;
const RESOLUTION_MS = 10;
const LATE_MS = 50;
const BUSY = 0.9;
const MEMORY = 0.85;
/** From there up to all of the memory the level rises as far as from nothing to the bound. */
const MEMORY_LEFT = 0.2;
const LOST = 0.1;
const NS_PER_MS = 1e6;

/** The worst signal of a reading. */
export function saturationOf({ lateMs, busy, memory, lost }: SaturationReading): Saturation {
  const late = busy >= BUSY ? lateMs / LATE_MS : 0;
  const full = memory < MEMORY ? memory / MEMORY : 1 + (memory - MEMORY) / MEMORY_LEFT;
  const level = Math.max(late, full, lost / LOST);
  const cause = level === full ? "memory" : level === late ? "event-loop" : "pressure";
  return { level, cause };
}

/** A function that tells how full this process is; each reading covers the time since the one before. */
export function watchSaturation(now: () => number): () => Saturation | undefined {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let used = performance.eventLoopUtilization();
  let readAt = now();
  let last: Saturation | undefined;
  return () => {
    if (now() - readAt < WINDOW_MS) return last;
    readAt = now();
    const before = used;
    used = performance.eventLoopUtilization();
    // The histogram holds the time from one look to the next, its own interval included.
    const lateMs = Math.max(0, delay.percentile(50) / NS_PER_MS - RESOLUTION_MS);
    const busy = performance.eventLoopUtilization(used, before).utilization;
    delay.reset();
    last = saturationOf({ lateMs, busy, memory: memoryUsed(), lost: timeLost() });
    return last;
  };
}

let shared: (() => Saturation | undefined) | undefined;

/** How full this process is; undefined in the first second. One watch serves all resources. */
export function processSaturation(): Saturation | undefined {
  shared ??= watchSaturation(() => performance.now());
  return shared();
}

/** "Full": nothing of the container ran. Without a file, an older kernel or another system, nothing is known. */
const PRESSURE_FILES = ["memory", "cpu"].map((kind) => `/sys/fs/cgroup/${kind}.pressure`);

function timeLost(): number {
  return Math.max(...PRESSURE_FILES.map(lostBy));
}

function lostBy(file: string): number {
  try {
    return pressureOf(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}

/** The part of the last ten seconds that a pressure file gives for "full"; 0 when it says nothing. */
export function pressureOf(text: string): number {
  const found = /^full avg10=(\d+(?:\.\d+)?)/m.exec(text);
  return found === null ? 0 : Number(found[1]) / 100;
}
