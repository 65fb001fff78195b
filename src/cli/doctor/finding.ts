/** What one check of `laneway doctor` found. */

/** The resources by which findings stand together, in the order of the report. */
export const GROUPS = ["processor", "memory", "disk", "network", "database", "Node"] as const;

/** The resource that a finding is about. */
export type Group = (typeof GROUPS)[number];

/** One line of `laneway doctor`. */
export interface Finding {
  readonly group: Group;
  readonly topic: string;
  /** `no`: the host cannot; `partly`: something else makes up for some of it; `problem`: it is asked for in vain. */
  readonly state: "yes" | "partly" | "no" | "problem";
  readonly found: string;
  /** What follows from it. */
  readonly why?: string | undefined;
  readonly fix?: string | undefined;
  /** Most hosts are so, and who asks for nothing loses nothing: shown with `--all` only. */
  readonly minor?: true | undefined;
}

const KIB = 1_024;

/** Bytes as a reader says them: `1.5 GiB`. */
export function sizeWords(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(KIB)));
  return `${Number((bytes / KIB ** power).toFixed(1))} ${units[power]!}`;
}

/** A part from 0 to 1 in per cent. */
export function percentWords(part: number): string {
  return `${Math.round(part * 100)} %`;
}
