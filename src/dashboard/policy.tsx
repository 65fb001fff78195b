/** The policy in force, what lies over it for a time, and who changed what. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { endOverride, readAudit, Refused } from "./api.ts";
import type { AuditEntry } from "./api.ts";
import { beginChange, notice } from "./change.tsx";
import { now, shown, signedIn } from "./live.ts";
import { LaneName } from "./looks.tsx";
import { signingIn } from "./sign-in.tsx";
import { clock, duration, percent, timeLeft } from "./words.ts";
import { Empty, Pill, Table } from "./table.tsx";
import type { ShownOverride, State } from "../admin/wire.ts";

/** All of it. */
export function PolicyView(): VNode {
  const { state } = shown.value;
  if (state === null) return <Empty>Waiting for the policy.</Empty>;
  return (
    <>
      <section class="card" aria-labelledby="overrides">
        <header>
          <h2 id="overrides">Changes for a time</h2>
        </header>
        <Overrides state={state} />
        <ChangeButtons state={state} />
      </section>
      <section class="card" aria-labelledby="file">
        <header>
          <h2 id="file">
            {state.file === null ? "The policy, given by the program" : <code>{state.file}</code>}
          </h2>
          <Pill warn={!state.enforced}>{state.enforced ? "enforced" : "shadow mode"}</Pill>
        </header>
        <PolicyLanes state={state} />
      </section>
      <section class="card" aria-labelledby="audit">
        <header>
          <h2 id="audit">Who changed what</h2>
        </header>
        <AuditList />
      </section>
    </>
  );
}

function Overrides({ state }: { readonly state: State }): VNode {
  if (state.overrides.length === 0)
    return (
      <Empty>None is in force: everything is as the file says. Each change made here ends by itself.</Empty>
    );
  return (
    <Table label="Changes in force" columns={["Change", "Ends", "Why", "Command that ends it", "-End"]}>
      {state.overrides.map((one) => (
        <OverrideRow key={one.id} override={one} actions={state.actions} />
      ))}
    </Table>
  );
}

function OverrideRow({
  override,
  actions,
}: {
  readonly override: ShownOverride;
  readonly actions: boolean;
}): VNode {
  const { id, text, until, note, command } = override;
  const end = async (): Promise<void> => {
    if (!signedIn.value) {
      signingIn.value = true;
      return;
    }
    try {
      await endOverride(id);
      notice.value = `Ended: ${text}.`;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) signingIn.value = true;
      notice.value = (error as Error).message;
    }
  };
  return (
    <tr data-row>
      <th scope="row">{text}</th>
      <td>
        {clock(until)} <small>{timeLeft(until, now.value)}</small>
      </td>
      <td>{note ?? "–"}</td>
      <td>
        <code>{command}</code>
      </td>
      <td>
        {actions ? (
          <button type="button" class="small" onClick={() => void end()} aria-label={`End: ${text}`}>
            End
          </button>
        ) : null}
      </td>
    </tr>
  );
}

function ChangeButtons({ state }: { readonly state: State }): VNode {
  if (!state.actions)
    return (
      <p class="quiet">
        Read-only: set <code>gateway.adminToken</code> in the policy to change things from here.
      </p>
    );
  return (
    <p class="buttons">
      {state.resources.map(({ name }) => (
        <button key={name} type="button" onClick={() => beginChange({ resource: name })}>
          Limit of {name}…
        </button>
      ))}
      <span class="quiet">Lanes are changed in their table.</span>
    </p>
  );
}

function PolicyLanes({ state }: { readonly state: State }): VNode {
  return (
    <Table
      label="Lanes of the policy"
      columns={["Lane, most important first", "Objective: wait", "Objective: served"]}
    >
      {state.lanes.map(({ name, objectiveMs, success, exempt }) => (
        <tr key={name}>
          <th scope="row">
            <LaneName lane={name} /> {exempt ? <Pill>exempt</Pill> : null}
          </th>
          <td>{duration(objectiveMs)}</td>
          <td>{success === null ? "–" : percent(success, 2)}</td>
        </tr>
      ))}
    </Table>
  );
}

function AuditList(): VNode {
  const [entries, setEntries] = useState<readonly AuditEntry[]>([]);
  // Whatever is changed tells so, here or by what is in force.
  const changed = `${notice.value} ${shown.value.state?.overrides.map(({ id }) => id).join(" ")}`;
  useEffect(() => {
    readAudit().then(setEntries, () => undefined);
  }, [changed]);
  if (entries.length === 0) return <Empty>Nobody has changed anything since this process began.</Empty>;
  return (
    <Table label="Audit" columns={["At", "From", "Action", "Result"]}>
      {entries.map(({ at, from, action, result }, i) => (
        <tr key={`${at} ${i}`}>
          <td class="quiet">{clock(at)}</td>
          <td>
            <code>{from}</code>
          </td>
          <td>{action}</td>
          <td class={result === "done" ? "" : "bad"}>{result}</td>
        </tr>
      ))}
    </Table>
  );
}
