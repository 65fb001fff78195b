/** A value that must not be seen: whatever prints it prints "(secret)". */

import { inspect } from "node:util";

const SHOWN = "(secret)";

/**
 * A key of an upstream. Text, JSON and the inspector show it as "(secret)"; only `reveal` gives the value, for the one
 * place that puts it into a request.
 *
 * @example
 * String(new Secret("sk-1")); // => "(secret)"
 */
export class Secret {
  /** A private field, because the inspector and every copy of an object show all others. */
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): string {
    return this.#value;
  }

  /** What is shown instead of the value. */
  toString(): string {
    return SHOWN;
  }

  /** The same for a policy that is written as JSON. */
  toJSON(): string {
    return SHOWN;
  }

  static {
    // Not a method: its name cannot be written where every exported type is explicit.
    Object.defineProperty(Secret.prototype, inspect.custom, { value: () => SHOWN });
  }
}

/** Keys in a form that nothing prints. */
export function secrets(keys: readonly (string | Secret)[]): readonly Secret[] {
  return keys.map((key) => (typeof key === "string" ? new Secret(key) : key));
}
