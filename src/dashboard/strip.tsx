/** What runs now, as one bar for a resource: the seats of each lane beside each other, and what is free. */

import type { VNode } from "preact";
import { numberOf } from "./history.ts";
import { colourClass, Glyph } from "./looks.tsx";
import { grouped } from "./words.ts";
import type { ResourceState, ResourceTick } from "../admin/wire.ts";

/** The bar and, in words, what is in it. */
export function Strip({
  resource,
  tick,
}: {
  readonly resource: ResourceState;
  readonly tick: ResourceTick;
}): VNode {
  const seats = resource.lanes.map((lane, i) => ({ lane, held: numberOf(tick.lanes[i], "seats") }));
  const held = seats.filter((one) => one.held > 0);
  const free = Math.max(0, tick.limit - tick.seats);
  const total = Math.max(tick.limit, tick.seats, 1);
  return (
    <div class="strip">
      <div class="bar" aria-hidden="true">
        {held.map(({ lane, held: part }) => (
          // Its width is an attribute: in HTML a style would be refused by the content security policy.
          <svg key={lane} class={`part fill ${colourClass(lane)}`} width={`${(part / total) * 100}%`} />
        ))}
      </div>
      <p class="legend">
        {held.map(({ lane, held: part }) => (
          <span key={lane}>
            <Glyph lane={lane} /> {lane} <b>{grouped(part)}</b>
          </span>
        ))}
        <span class="quiet">
          {free === 0 ? "no seat free" : `${grouped(free)} free`}
          {tick.seats > tick.limit
            ? `, ${grouped(tick.seats - tick.limit)} over the limit until they end`
            : ""}
        </span>
      </p>
    </div>
  );
}
