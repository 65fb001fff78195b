/** The way of one request, as two bars (its wait apart from its run) and as sentences. */

import type { ComponentChildren, VNode } from "preact";
import { shown } from "./live.ts";
import { colourClass, Glyph, LaneName } from "./looks.tsx";
import { addressOf } from "./route.ts";
import { clock, duration, grouped, ordinal, outcomeText, wasAdmitted } from "./words.ts";
import { Pill } from "./table.tsx";
import type { Journey } from "../admin/wire.ts";

/** All of it. */
export function JourneyView({ journey }: { readonly journey: Journey }): VNode {
  const { id, resource, lane, outcome, late, slow, outOfTurn } = journey;
  return (
    <article class="journey" aria-labelledby="journey-title">
      <h2 id="journey-title">
        <code>{id}</code>
      </h2>
      <p>
        <LaneName lane={lane} /> on <a href={addressOf("lanes", { resource })}>{resource}</a>
        <Pill warn={!(outcome === "finished")}>{outcomeText(outcome)}</Pill>
        {late ? <Pill warn>late</Pill> : null}
        {slow ? <Pill>slow</Pill> : null}
        {outOfTurn ? <Pill>out of turn</Pill> : null}
      </p>
      <Timeline journey={journey} />
      <Steps journey={journey} />
    </article>
  );
}

function Timeline({ journey }: { readonly journey: Journey }): VNode {
  const { waitMs, runMs, firstByteMs, lane } = journey;
  const ran = wasAdmitted(journey) ? runMs : 0;
  const total = Math.max(waitMs + ran, firstByteMs ?? 0, 0.1);
  const part = (ms: number): string => `${Math.min(100, (ms / total) * 100)}%`;
  return (
    <div class="timeline" role="img" aria-label={`Waited ${duration(waitMs)}, ran ${duration(ran)}`}>
      <div class="track">
        <span class="fill wait" style={{ width: part(waitMs) }} />
        <span class={`fill ${colourClass(lane)}`} style={{ width: part(ran) }} />
        {firstByteMs === null ? null : <i class="first-byte" style={{ left: part(firstByteMs) }} />}
      </div>
      <p class="legend">
        <span>
          <i class="fill key wait" /> wait <b>{duration(waitMs)}</b>
        </span>
        {wasAdmitted(journey) ? (
          <span>
            <Glyph lane={lane} /> run <b>{duration(runMs)}</b>
          </span>
        ) : null}
        {firstByteMs === null ? null : (
          <span>
            ▏first byte <b>{duration(firstByteMs)}</b>
          </span>
        )}
      </p>
    </div>
  );
}

function Steps({ journey }: { readonly journey: Journey }): VNode {
  const { at, waitMs, runMs, flow, lane, rule, tries, firstByteMs, outcome, why, budget } = journey;
  const admitted = wasAdmitted(journey);
  const arrived = at - waitMs - (admitted ? runMs : 0);
  return (
    <ol class="steps">
      <Step mark="Received" time={clock(arrived)}>
        flow <code>{flow === "" ? "none" : flow}</code>
      </Step>
      <Step mark="Lane">
        <LaneName lane={lane} />
        {rule === null ? (
          ", as its program said"
        ) : (
          <>
            , chosen by <code>{rule}</code>
          </>
        )}
        <Objective lane={lane} waitMs={waitMs} />
      </Step>
      <Step mark="Queue">
        <QueueText journey={journey} />
      </Step>
      {admitted ? (
        <Step mark="Admitted" time={`+${duration(waitMs)}`} good>
          {budget === null ? (
            "to a seat"
          ) : (
            <>
              to a seat, charged to the budget <code>{budget}</code>
            </>
          )}
        </Step>
      ) : (
        <Step mark={outcome === "cancelled" ? "Given up" : "Refused"} time={`+${duration(waitMs)}`} bad>
          {outcomeText(outcome)}
          {why === null ? "" : `: ${why}`}
          {budget === null ? null : (
            <>
              ; it waited for the budget <code>{budget}</code>
            </>
          )}
          <RetryText journey={journey} />
        </Step>
      )}
      {tries.map(({ result, ms }, i) => (
        <Step key={i} mark={`${ordinal(i + 1)} try`}>
          {result} after {duration(ms)}
        </Step>
      ))}
      {firstByteMs === null ? null : <Step mark="First byte" time={`+${duration(firstByteMs)}`} />}
      {admitted ? (
        <Step
          mark="End"
          time={`+${duration(waitMs + runMs)}`}
          good={outcome === "finished"}
          bad={outcome === "failed"}
        >
          {outcomeText(outcome)}
          {why === null ? "" : `: ${why}`}, {clock(at)}
        </Step>
      ) : null}
    </ol>
  );
}

function Step({
  mark,
  time,
  good,
  bad,
  children,
}: {
  readonly mark: string;
  readonly time?: string;
  readonly good?: boolean;
  readonly bad?: boolean;
  readonly children?: ComponentChildren;
}): VNode {
  return (
    <li class={good === true ? "good" : bad === true ? "bad" : ""}>
      <b>{mark}</b> {time === undefined ? null : <small>{time}</small>}
      <div>{children}</div>
    </li>
  );
}

function Objective({ lane, waitMs }: { readonly lane: string; readonly waitMs: number }): VNode | null {
  const objectiveMs = shown.value.state?.lanes.find(({ name }) => name === lane)?.objectiveMs;
  if (objectiveMs === undefined || waitMs <= objectiveMs) return null;
  return <span class="bad"> (its objective is {duration(objectiveMs)})</span>;
}

function QueueText({ journey: { position, waitMs, ahead } }: { readonly journey: Journey }): VNode {
  const held = Object.entries(ahead).filter(([, seats]) => seats > 0);
  if (held.length === 0 && position === 0)
    return <>{waitMs > 0 ? "first in its lane" : "a seat was free: it did not wait"}</>;
  return (
    <>
      {position === 0 ? "first in its lane" : `${grouped(position)} before it in its lane`}
      {held.length === 0 ? null : (
        <>
          ; seats then held by{" "}
          {held.map(([lane, seats], i) => (
            <span key={lane}>
              {i === 0 ? "" : ", "}
              <LaneName lane={lane} /> {grouped(seats)}
            </span>
          ))}
        </>
      )}
    </>
  );
}

function RetryText({ journey: { retryAfterMs, outcome } }: { readonly journey: Journey }): VNode | null {
  if (outcome === "cancelled") return null;
  return <>{retryAfterMs === null ? "" : `; told to come back in ${duration(retryAfterMs)}`}</>;
}
