/** What was done for a process, said one by one. */

/** One thing that was tried for a process. */
export interface Means {
  /** What it is for. */
  readonly what: "cpu" | "io" | "memory";
  /** `cpu.weight`, `autogroup`, `nice`, `ionice`, `oom_score_adj`, `memory.max`, … */
  readonly means: string;
  readonly value: string;
  readonly applied: boolean;
  /** The file or group that holds it. */
  readonly where?: string | undefined;
  /** Why it was not applied. */
  readonly why?: string | undefined;
  /** What would change that. */
  readonly fix?: string | undefined;
  /** It was not applied, and something else does the same. */
  readonly covered?: boolean | undefined;
}

/** What a process got of its lane. */
export interface LaneReport {
  readonly lane: string;
  readonly pid: number;
  readonly means: readonly Means[];
  /** True when nothing was missed that nothing else makes up for. */
  readonly complete: boolean;
}

const WORDS: Readonly<Record<string, readonly [why: string, fix: string]>> = {
  EACCES: ["this user may not", "run it as root, or give it the capability CAP_SYS_NICE or CAP_SYS_RESOURCE"],
  EPERM: ["this user may not", "run it as root, or give it the capability CAP_SYS_NICE or CAP_SYS_RESOURCE"],
  EROFS: ["it is mounted read-only", "mount the control groups writable"],
  EAGAIN: ["the kernel lets unprivileged users do this ten times a second", "try again"],
  ENOENT: ["this kernel does not have it", "use a newer kernel"],
  ESRCH: ["the process has ended", "nothing is to be done"],
  EBUSY: ["the kernel refuses while the group is in use so", "end what runs in it"],
};

/** Why a file of the kernel refused, in words. */
export function errorWords(error: unknown): { readonly why: string; readonly fix?: string } {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const found = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  if (found === undefined) return { why: error instanceof Error ? error.message : String(error) };
  return { why: `${found[0]} (${code})`, fix: found[1] };
}
