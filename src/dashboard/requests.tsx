/** What became of requests: found by id, flow, lane or outcome, each with its way from arrival to end. */

import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { findJourneys } from "./api.ts";
import { JourneyView } from "./journey.tsx";
import { now, paused, shown } from "./live.ts";
import { LaneName } from "./looks.tsx";
import { addressOf, goTo, route } from "./route.ts";
import { clock, duration, outcomeText, wasAdmitted } from "./words.ts";
import { Empty, Pill, Table } from "./table.tsx";
import type { Journey } from "../admin/wire.ts";

const FIELDS = ["text", "resource", "lane", "outcome"] as const;
type Search = Readonly<Record<(typeof FIELDS)[number], string>>;

/** Whether the field is to take the focus, as soon as it is drawn: the key "/". */
export const searchWanted: Signal<boolean> = signal(false);
const EVERY_SECONDS = 3;

/** The search, the list and, beside it, the one that is chosen. */
export function RequestsView(): VNode {
  const { query } = route.value;
  const search = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ""])) as Search;
  const { journeys, problem } = useJourneys(search);
  const id = query.get("id") ?? "";
  const chosen = journeys?.find((journey) => journey.id === id);
  return (
    <>
      <SearchForm search={search} />
      {problem === "" ? null : <p class="problem">{problem}</p>}
      <div class="split">
        <Found journeys={journeys} search={search} chosen={id} />
        {chosen === undefined ? (
          <Empty>
            {id === "" ? "Choose a request to see its way." : `${id} is not among those that were found.`}
          </Empty>
        ) : (
          <JourneyView journey={chosen} />
        )}
      </div>
    </>
  );
}

/** Looks at once when the search changes, and again every few seconds unless the updates are paused. */
function useJourneys(search: Search): { journeys: readonly Journey[] | undefined; problem: string } {
  const [found, setFound] = useState<{ journeys: readonly Journey[] | undefined; problem: string }>({
    journeys: undefined,
    problem: "",
  });
  const key = JSON.stringify(search);
  const turn = paused.value ? 0 : Math.floor(now.value / 1_000 / EVERY_SECONDS);
  useEffect(() => {
    let over = false;
    findJourneys(search).then(
      (journeys) => (over ? undefined : setFound({ journeys, problem: "" })),
      (error: Error) => (over ? undefined : setFound((last) => ({ ...last, problem: error.message }))),
    );
    return () => {
      over = true;
    };
  }, [key, turn]);
  return found;
}

function SearchForm({ search }: { readonly search: Search }): VNode {
  const { state } = shown.value;
  const field = useRef<HTMLInputElement>(null);
  const wanted = searchWanted.value;
  useEffect(() => {
    if (!wanted) return;
    searchWanted.value = false;
    field.current?.focus();
  }, [wanted]);
  const set = (name: keyof Search, value: string): void =>
    goTo(addressOf("requests", { ...search, [name]: value }), { replace: true });
  const options = (
    name: keyof Search,
    every: string,
    values: readonly (readonly [string, string])[],
  ): VNode => (
    <label>
      <span class="for-readers">{name}</span>
      <select value={search[name]} onChange={(event) => set(name, event.currentTarget.value)}>
        <option value="">{every}</option>
        {values.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  const named = (names: readonly string[]): readonly (readonly [string, string])[] =>
    names.map((one) => [one, one]);
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="grow">
        <span class="for-readers">Part of an id, a flow or a reason</span>
        <input
          id="search"
          ref={field}
          type="search"
          placeholder="request id, flow or reason"
          value={search.text}
          onInput={(event) => set("text", event.currentTarget.value)}
        />
      </label>
      {options("resource", "every resource", named(state?.resources.map(({ name }) => name) ?? []))}
      {options("lane", "every lane", named(state?.lanes.map(({ name }) => name) ?? []))}
      {options("outcome", "every outcome", [
        ["notable", "anything notable"],
        ["shed", "shed"],
        ...["finished", "failed", "rejected", "evicted", "timedOut", "cancelled"].map(
          (one) => [one, outcomeText(one)] as const,
        ),
      ])}
    </form>
  );
}

function Found({
  journeys,
  search,
  chosen,
}: {
  readonly journeys: readonly Journey[] | undefined;
  readonly search: Search;
  readonly chosen: string;
}): VNode {
  if (journeys === undefined) return <Empty>Looking…</Empty>;
  if (journeys.length === 0) return <NoneFound search={search} />;
  const longest = Math.max(1, ...journeys.map(({ waitMs, runMs }) => waitMs + runMs));
  return (
    <Table
      label="Requests that were found"
      columns={["Ended", "Request", "Lane", "Outcome", "Wait", "Run"]}
      class="found"
    >
      {journeys.map((journey, i) => (
        <FoundRow
          key={`${journey.id} ${journey.at} ${i}`}
          journey={journey}
          address={addressOf("requests", { ...search, id: journey.id })}
          longest={longest}
          chosen={journey.id === chosen}
        />
      ))}
    </Table>
  );
}

function FoundRow({
  journey,
  address,
  longest,
  chosen,
}: {
  readonly journey: Journey;
  readonly address: string;
  readonly longest: number;
  readonly chosen: boolean;
}): VNode {
  const { id, at, lane, outcome, waitMs, runMs } = journey;
  const bar = (ms: number): { width: string } => ({ width: `${(ms / longest) * 100}%` });
  return (
    <tr data-row class={chosen ? "chosen" : ""}>
      <td class="quiet">{clock(at)}</td>
      <th scope="row">
        <a href={address} aria-current={chosen}>
          <code>{id}</code>
        </a>
        <span class="mini" aria-hidden="true">
          <span class="fill wait" style={bar(waitMs)} />
          <span class="fill run" style={bar(runMs)} />
        </span>
      </th>
      <td>
        <LaneName lane={lane} />
      </td>
      <td class={outcome === "finished" ? "" : "bad"}>
        {outcomeText(outcome)}
        <Flags journey={journey} />
      </td>
      <td>{duration(waitMs)}</td>
      <td>{wasAdmitted(journey) ? duration(runMs) : "–"}</td>
    </tr>
  );
}

function Flags({ journey: { late, slow, outOfTurn, tries } }: { readonly journey: Journey }): VNode {
  const flags = [
    late ? "late" : "",
    slow ? "slow" : "",
    outOfTurn ? "out of turn" : "",
    tries.length > 1 ? `${tries.length} tries` : "",
  ].filter((flag) => flag !== "");
  return (
    <>
      {flags.map((flag) => (
        <Pill key={flag}>{flag}</Pill>
      ))}
    </>
  );
}

function NoneFound({ search }: { readonly search: Search }): VNode {
  const asked = Object.values(search).some((value) => value !== "");
  return (
    <Empty>
      <p>
        <b>{asked ? "None of those that are kept matches." : "No request has ended yet."}</b>
      </p>
      <p>
        {asked ? (
          <>
            The last 500 are kept, and 1,500 of those that were shed, failed, late or slow.{" "}
            <a href={addressOf("requests")}>Show all</a>
          </>
        ) : (
          <>A request is listed when it has ended; those that wait or run are on the first view.</>
        )}
      </p>
    </Empty>
  );
}
