/** The lanes of one resource as a table, a row each, most important first. */

import type { VNode } from "preact";
import { beginChange } from "./change.tsx";
import { grownInAMinute, numbersOf } from "./history.ts";
import { shown } from "./live.ts";
import { LaneName, colourClass } from "./looks.tsx";
import { addressOf } from "./route.ts";
import { count, duration, grouped, percent } from "./words.ts";
import { Pill, Table } from "./table.tsx";
import type { LaneState, ResourceState } from "../admin/wire.ts";

/** A tenth of a percent is noise; this much less than due is not. */
const SHORT_OF_DUE = 0.05;

/** The table. */
export function LaneTable({ resource }: { readonly resource: number }): VNode | null {
  const { state } = shown.value;
  const of = state?.resources[resource];
  if (state === null || of === undefined) return null;
  return (
    <Table
      label={`Table of the lanes of ${of.name}`}
      columns={[
        "Lane",
        ["Seats", "kept, most"],
        "Waiting",
        "Oldest",
        ["Wait", "p50"],
        ["p99", "objective"],
        ["Share got", "due"],
        ["Done", "a minute"],
        ["Shed", "last minute, in all"],
        ...(state.actions ? ["-Actions"] : []),
      ]}
    >
      {of.lanes.map((lane, i) => (
        <LaneRow key={lane} resource={of} at={resource} lane={lane} index={i} />
      ))}
    </Table>
  );
}

interface RowProps {
  readonly resource: ResourceState;
  readonly at: number;
  readonly lane: string;
  readonly index: number;
}

function LaneRow({ resource, at, lane, index }: RowProps): VNode {
  const { state, ticks, budgets } = shown.value;
  const numbers = numbersOf(ticks.at(-1)?.resources[at]?.lanes[index]);
  const policy = state?.lanes.find(({ name }) => name === lane);
  const shedLately = grownInAMinute(ticks, at, index, "shed");
  const laneState = resource.laneStates[index] ?? "open";
  // Seats are free and it waits: for a budget, then, and what is due of the seats says nothing.
  const tick = ticks.at(-1)?.resources[at];
  const forBudget =
    numbers.waiting > 0 &&
    tick !== undefined &&
    tick.seats < tick.limit &&
    budgets.some((budget) => budget.resource === resource.name && budget.waiting > 0);
  const requests = { resource: resource.name, lane };
  return (
    <tr data-row data-resource={resource.name} data-lane={lane}>
      <th scope="row">
        <a href={addressOf("requests", requests)} title="its requests">
          <LaneName lane={lane} />
        </a>
        {laneState === "open" ? null : <Pill warn>{laneState}</Pill>}
        {policy?.exempt === true ? <Pill>exempt</Pill> : null}
      </th>
      <td>
        <b>{grouped(numbers.seats)}</b>{" "}
        <small>
          {grouped(numbers.reservation)}, {grouped(numbers.ceiling)}
        </small>
      </td>
      <td class={numbers.waiting > 0 ? "" : "quiet"}>
        {count(numbers.waiting)}
        {forBudget ? <small> for a budget</small> : null}
      </td>
      <td class={numbers.oldestMs > 0 ? "" : "quiet"}>{duration(numbers.oldestMs)}</td>
      <td>{duration(numbers.waitP50Ms)}</td>
      <WaitCell p99={numbers.waitP99Ms} policy={policy} />
      <ShareCell got={numbers.got} due={numbers.due} lane={lane} forBudget={forBudget} />
      <td>{count(numbers.perMinute)}</td>
      <td>
        {numbers.shed === 0 ? (
          <span class="quiet">–</span>
        ) : (
          <a
            href={addressOf("requests", { ...requests, outcome: "shed" })}
            class={shedLately > 0 ? "bad" : ""}
          >
            {count(shedLately)} <small>{grouped(numbers.shed)}</small>
          </a>
        )}
      </td>
      {state?.actions === true ? (
        <td>
          <button
            type="button"
            class="small"
            onClick={() => beginChange({ resource: resource.name, lane })}
            aria-label={`Change lane ${lane} of ${resource.name}`}
          >
            Change…
          </button>
        </td>
      ) : null}
    </tr>
  );
}

function WaitCell({ p99, policy }: { readonly p99: number; readonly policy: LaneState | undefined }): VNode {
  const objective = policy?.objectiveMs ?? Infinity;
  const missed = p99 > objective;
  return (
    <td class={missed ? "bad" : ""}>
      {missed ? <span aria-hidden="true">▲ </span> : null}
      <b>{duration(p99)}</b> <small>≤ {duration(objective)}</small>
      {missed ? <span class="for-readers">, missed</span> : null}
    </td>
  );
}

function ShareCell({
  got,
  due,
  lane,
  forBudget,
}: {
  readonly got: number;
  readonly due: number;
  readonly lane: string;
  readonly forBudget: boolean;
}): VNode {
  const short = !forBudget && got < due - SHORT_OF_DUE;
  return (
    <td class={`share${short ? " bad" : ""}`}>
      <span class="gauge" aria-hidden="true">
        <svg class={`fill ${colourClass(lane)}`} width={`${Math.min(1, got) * 100}%`} />
        <svg class="due">
          <rect x={`${Math.min(1, due) * 100}%`} width="2" height="100%" />
        </svg>
      </span>
      <b>
        {short ? <span aria-hidden="true">▼ </span> : null}
        {percent(got)}
      </b>{" "}
      <small>{percent(due)}</small>
    </td>
  );
}
