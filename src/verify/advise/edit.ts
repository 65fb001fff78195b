/** A change of one field of a policy, whatever the file looks like in which it stands. */
export interface Edit {
  /** Undefined: a field of the resource itself. */
  readonly lane?: string;
  /** The field, by its names in the file. */
  readonly field:
    | readonly ["reservation" | "lendable" | "ceiling" | "limit"]
    | readonly ["queue", "max" | "timeout"]
    | readonly ["limit", "max"];
  readonly value: number | string;
}

/** Changes that belong together, the smallest first: the first that helps is the smallest that does. */
export interface Family {
  /** What it does, in words that follow "tried". */
  readonly what: string;
  readonly steps: readonly (readonly Edit[])[];
  /** What the replay cannot know of it, to be said with it. */
  readonly caveat?: string;
}

/** Another value of a field takes the place of the one before. */
export function merged(edits: readonly Edit[], more: readonly Edit[]): Edit[] {
  const isSame = (one: Edit, other: Edit): boolean =>
    one.lane === other.lane && one.field.join(".") === other.field.join(".");
  return [...edits.filter((edit) => !more.some((other) => isSame(edit, other))), ...more];
}
