/** `@Lane("critical")`: which controllers and methods were given which lane. */

const lanes = new WeakMap<object, string>();
/** Not yet seen to be right. */
const unchecked = new Map<string, string>();

/** What `@Lane` can stand on: a controller, or one of its methods. */
export type LaneDecorator = <Target extends object>(
  target: Target,
  key?: string | symbol,
  descriptor?: PropertyDescriptor,
) => void;

/**
 * Gives a controller, or one method of it, a lane. The method's comes first.
 *
 * @example
 * @Lane("bulk")
 * @Get("export")
 * exportAll() {}
 */
export function Lane(lane: string): LaneDecorator {
  return (target, key, descriptor) => {
    const marked = (descriptor?.value as object | undefined) ?? target;
    lanes.set(marked, lane);
    const owner = (typeof target === "function" ? target : target.constructor) as { readonly name: string };
    unchecked.set(key === undefined ? owner.name : `${owner.name}.${String(key)}`, lane);
  };
}

/**
 * Checks the lanes given so far, each once: a process may have several applications, and those that the first one checked
 * are not for the second to object to.
 */
export function checkGivenLanes(check: (place: string, lane: string) => void): void {
  for (const [place, lane] of unchecked) {
    unchecked.delete(place);
    check(`@Lane on ${place}`, lane);
  }
}

/** The lane of a method, else of its controller, else of what that extends. */
export function laneGivenTo(method: object, controller: object): string | undefined {
  const own = lanes.get(method);
  if (own !== undefined) return own;
  for (let at: object | null = controller; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const lane = lanes.get(at);
    if (lane !== undefined) return lane;
  }
  return undefined;
}
