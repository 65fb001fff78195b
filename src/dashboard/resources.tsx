/** Each resource: its limit and why it is that, what its lanes hold of it, and what is left of its budgets. */

import type { VNode } from "preact";
import { beginChange } from "./change.tsx";
import { numbersOf } from "./history.ts";
import { shown } from "./live.ts";
import { LaneName } from "./looks.tsx";
import { addressOf } from "./route.ts";
import { Strip } from "./strip.tsx";
import { count, duration, grouped } from "./words.ts";
import { Empty, Pill, Table } from "./table.tsx";
import type { BudgetState, ResourceState, ResourceTick } from "../admin/wire.ts";

const KIND_WORDS: Readonly<Record<string, string>> = {
  requests: "requests",
  inputTokens: "input tokens",
  outputTokens: "output tokens",
};

/** All of them. */
export function ResourcesView(): VNode {
  const { state, ticks, budgets } = shown.value;
  const tick = ticks.at(-1);
  if (state === null || tick === undefined || state.resources.length === 0)
    return <Empty>There is no resource yet: name one in the policy.</Empty>;
  return (
    <>
      {state.resources.map((resource, i) => (
        <ResourceCard
          key={resource.name}
          resource={resource}
          tick={tick.resources[i]!}
          budgets={budgets.filter((budget) => budget.resource === resource.name)}
        />
      ))}
      {budgets.length === 0 ? null : (
        <p class="quiet">
          Budgets are counted in this process: two gateways with one account would use it twice.
        </p>
      )}
    </>
  );
}

function ResourceCard({
  resource,
  tick,
  budgets,
}: {
  readonly resource: ResourceState;
  readonly tick: ResourceTick;
  readonly budgets: readonly BudgetState[];
}): VNode {
  const { name, order, limitReason, draining } = resource;
  return (
    <section class="card" aria-labelledby={`resource ${name}`}>
      <header>
        <h2 id={`resource ${name}`}>
          <a href={addressOf("lanes", { resource: name })}>{name}</a>
        </h2>
        {draining ? <Pill warn>draining</Pill> : null}
        {shown.value.state?.actions === true ? (
          <button
            type="button"
            class="small"
            onClick={() => beginChange({ resource: name })}
            aria-label={`Change the limit of ${name}`}
          >
            Limit…
          </button>
        ) : null}
      </header>
      <dl class="facts">
        <div>
          <dt>Limit</dt>
          <dd>
            <b>{grouped(tick.limit)}</b> <small>{limitReason}</small>
          </dd>
        </div>
        <div>
          <dt>In flight</dt>
          <dd>
            <b>{grouped(tick.seats)}</b>
          </dd>
        </div>
        <div>
          <dt>Order</dt>
          <dd>
            {order === "strict" ? "by rank, beyond what is reserved" : "by weight, beyond what is reserved"}
          </dd>
        </div>
      </dl>
      <Strip resource={resource} tick={tick} />
      <LaneSeats resource={resource} tick={tick} />
      {budgets.length === 0 ? null : <Budgets budgets={budgets} resource={name} />}
    </section>
  );
}

function LaneSeats({
  resource,
  tick,
}: {
  readonly resource: ResourceState;
  readonly tick: ResourceTick;
}): VNode {
  return (
    <Table
      class="numbers"
      label={`Seats of ${resource.name} by lane`}
      columns={["Lane", "Seats held", "Reserved", "Ceiling", "Run, p50", "Finished", "Failed", "Given up"]}
    >
      {resource.lanes.map((lane, i) => {
        const numbers = numbersOf(tick.lanes[i]);
        return (
          <tr key={lane}>
            <th scope="row">
              <LaneName lane={lane} />
            </th>
            <td>{count(numbers.seats)}</td>
            <td>{count(numbers.reservation)}</td>
            <td>{grouped(numbers.ceiling)}</td>
            <td>{duration(numbers.runP50Ms)}</td>
            <td>{count(numbers.finished)}</td>
            <td class={numbers.failed > 0 ? "bad" : ""}>{count(numbers.failed)}</td>
            <td>{count(numbers.cancelled)}</td>
          </tr>
        );
      })}
    </Table>
  );
}

function Budgets({
  budgets,
  resource,
}: {
  readonly budgets: readonly BudgetState[];
  readonly resource: string;
}): VNode {
  return (
    <Table label={`Budgets of ${resource}`} columns={["Budget", "Waiting for it", "Left"]}>
      {budgets.map(({ name, pausedMs, waiting, allowances }) => (
        <tr key={name}>
          <th scope="row">
            <code>{name}</code>
            {pausedMs > 0 ? <Pill warn>paused for {duration(pausedMs)}</Pill> : null}
          </th>
          <td>{count(waiting)}</td>
          <td class="allowances">
            {allowances.map(({ kind, left, perMinute }) => (
              <p key={kind}>
                <meter
                  min={0}
                  max={perMinute}
                  low={perMinute / 10}
                  value={Math.max(0, left)}
                  aria-label={`${KIND_WORDS[kind] ?? kind} left`}
                />{" "}
                <b>{grouped(left)}</b>{" "}
                <small>
                  of {grouped(perMinute)} {KIND_WORDS[kind] ?? kind} a minute
                </small>
              </p>
            ))}
          </td>
        </tr>
      ))}
    </Table>
  );
}
