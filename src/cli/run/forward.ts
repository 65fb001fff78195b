/** Signals that reach `laneway run` are meant for the command. */

import { readFileSync } from "node:fs";
import { constants } from "node:os";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

/** Sends them on to the group that `pid` leads. Returns what stops it. */
export function forwardSignals(pid: number): () => void {
  const undo: (() => void)[] = [];
  const on = (signal: NodeJS.Signals, act: () => void): void => {
    process.on(signal, act);
    undo.push(() => process.off(signal, act));
  };
  const ignored = ignoredSignals();
  // Under nohup a hangup is nobody's business, the command's neither.
  for (const signal of FORWARDED) if (!ignored(signal)) on(signal, () => send(pid, signal));
  // Ctrl-Z stops both, for the shell to say so; fg brings both back.
  on("SIGTSTP", () => {
    send(pid, "SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  on("SIGCONT", () => send(pid, "SIGCONT"));
  return () => undo.forEach((each) => each());
}

/** What a shell makes of the end by a signal. */
export function signalCode(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

function ignoredSignals(): (signal: NodeJS.Signals) => boolean {
  let mask = 0n;
  try {
    const found = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
    mask = BigInt(`0x${found?.[1] ?? "0"}`);
  } catch {
    // Not Linux: nothing is known, and all are sent on.
  }
  return (signal) => ((mask >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}
