/** The first view: does every lane get what it is due, and if not, who holds it up. */

import type { VNode } from "preact";
import { Chart } from "./chart.tsx";
import { numberOf, untouched } from "./history.ts";
import { LaneTable } from "./lane-table.tsx";
import { shown } from "./live.ts";
import { addressOf, route } from "./route.ts";
import { Strip } from "./strip.tsx";
import { VerdictLine } from "./verdict.tsx";
import { duration, grouped } from "./words.ts";
import { Empty, Pill } from "./table.tsx";
import type { ResourceState, ResourceTick, State } from "../admin/wire.ts";

/** All of it; the charts and the table are of one resource, which the address names. */
export function LanesView(): VNode {
  const { state, ticks } = shown.value;
  const tick = ticks.at(-1);
  if (state === null || tick === undefined) return <Empty>Waiting for the first second of news.</Empty>;
  const chosen = chosenResource(state);
  const resource = state.resources[chosen];
  if (resource === undefined)
    return (
      <Empty>
        There is no resource yet: name one under <code>resources:</code> in {state.file ?? "the policy"}.
      </Empty>
    );
  return (
    <>
      <VerdictLine />
      <section aria-label="In flight">
        {state.resources.map((one, i) => (
          <ResourceLine
            key={one.name}
            resource={one}
            tick={tick.resources[i]!}
            chosen={i === chosen}
            alone={state.resources.length === 1}
          />
        ))}
      </section>
      <section aria-label={`Lanes of ${resource.name}`} key={resource.name}>
        {untouched(tick, chosen) ? <NothingYet state={state} resource={resource.name} /> : null}
        <LaneTable resource={chosen} />
        <div class="charts">
          <Chart
            title="Wait, p99 of the last minutes (log)"
            resource={chosen}
            lanes={resource.lanes}
            field="waitP99Ms"
            log
            goals={state.lanes
              .filter(({ name }) => resource.lanes.includes(name))
              .map(({ name, objectiveMs }) => ({ lane: name, value: objectiveMs }))}
            show={duration}
          />
          <Chart title="Waiting" resource={chosen} lanes={resource.lanes} field="waiting" show={grouped} />
        </div>
      </section>
    </>
  );
}

function chosenResource({ resources }: State): number {
  const name = route.value.query.get("resource");
  return Math.max(
    0,
    resources.findIndex((one) => one.name === name),
  );
}

function ResourceLine({
  resource,
  tick,
  chosen,
  alone,
}: {
  readonly resource: ResourceState;
  readonly tick: ResourceTick;
  readonly chosen: boolean;
  readonly alone: boolean;
}): VNode {
  const waiting = tick.lanes.reduce((sum, lane) => sum + numberOf(lane, "waiting"), 0);
  return (
    <div class={`resource-line${chosen && !alone ? " chosen" : ""}`}>
      <p class="resource-head">
        {alone ? (
          <b>{resource.name}</b>
        ) : (
          <a href={addressOf("lanes", { resource: resource.name })} aria-current={chosen}>
            {resource.name}
          </a>
        )}
        <span>
          <b>
            {grouped(tick.seats)}/{grouped(tick.limit)}
          </b>{" "}
          in flight
        </span>
        <span>{waiting === 0 ? "nobody waits" : `${grouped(waiting)} waiting`}</span>
        {resource.draining ? <Pill warn>draining</Pill> : null}
      </p>
      <Strip resource={resource} tick={tick} />
    </div>
  );
}

function NothingYet({ state, resource }: { readonly state: State; readonly resource: string }): VNode {
  return (
    <Empty>
      <p>
        <b>No request has come to {resource} yet.</b>
      </p>
      <ul>
        {state.gateway === null ? null : (
          <li>
            Through the gateway: send one to it, for instance <code>curl -i {state.gateway}/</code>
          </li>
        )}
        <li>
          In a program: <code>laneway.resource("{resource}").run(…)</code>
        </li>
        <li>
          If you did send one: <code>laneway explain METHOD PATH</code> tells which resource and lane it goes
          to.
        </li>
      </ul>
    </Empty>
  );
}
