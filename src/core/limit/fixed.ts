import type { Limit } from "./limit.ts";

/** A limit that is what it was set to: the number a user gives, changed only by `resource.update`. */
export class FixedLimit implements Limit {
  current: number;

  constructor(seats: number) {
    this.current = seats;
  }
}
