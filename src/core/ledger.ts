/** The seats of a resource: how many there are, who holds them, and who may take one now. */

import type { Lane } from "./lane.ts";

export class Ledger {
  /** Seats in all: the limit now in force. After it shrinks, `inUse` may be above it until tasks end. */
  seats: number;
  inUse = 0;
  /** Seats of all floors that stand idle, each kept for its lane. */
  idleFloors = 0;

  constructor(seats: number) {
    this.seats = seats;
  }

  get full(): boolean {
    return this.inUse >= this.seats;
  }

  /** Seats that this lane may take now: what is free, less the floors of the others, within its ceiling. */
  roomFor(lane: Lane): number {
    return Math.min(this.freeFor(lane), lane.share.ceiling - lane.seats);
  }

  /** The same but for the ceiling. */
  freeFor(lane: Lane): number {
    return this.seats - this.inUse - this.idleFloors + lane.idleFloor;
  }

  /** Gives seats to a lane or, below zero, takes them back. */
  take(lane: Lane, seats: number): void {
    const idle = lane.idleFloor;
    lane.seats += seats;
    this.inUse += seats;
    this.idleFloors += lane.idleFloor - idle;
  }

  /** After a change of what the lanes are due. */
  recount(lanes: readonly Lane[]): void {
    this.idleFloors = lanes.reduce((sum, lane) => sum + lane.idleFloor, 0);
  }
}
