/** A change for some minutes: what it will do, in numbers, the command that does the same, and one button. */

import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { commandOf } from "../admin/overrides.ts";
import { override, Refused } from "./api.ts";
import { effectOf, KINDS, requestOf, startOf } from "./changes.ts";
import type { Kind, Subject } from "./changes.ts";
import { Dialog } from "./dialog.tsx";
import { shown, signedIn } from "./live.ts";
import { signingIn } from "./sign-in.tsx";
import { clock, grouped } from "./words.ts";

/** What is being changed; null while nothing is. */
const changing: Signal<{ readonly subject: Subject; readonly kind: Kind } | null> = signal(null);
/** What came of the last change, for the line that tells it. */
export const notice: Signal<string> = signal("");

const DEFAULT_MINUTES = 15;
const MOST_MINUTES = 1_440;

/** Opens the form; who has no session yet signs in first. */
export function beginChange(subject: Subject, kind?: Kind): void {
  if (shown.value.state?.actions !== true) return;
  if (!signedIn.value) signingIn.value = true;
  else changing.value = { subject, kind: kind ?? (subject.lane === undefined ? "limit" : "pause") };
}

/** The form, while something is being changed. */
export function ChangeDialog(): VNode | null {
  if (changing.value === null) return null;
  const { subject, kind } = changing.value;
  const close = (): void => {
    changing.value = null;
  };
  const { resource, lane } = subject;
  return (
    <Dialog
      title={lane === undefined ? `Change ${resource}` : `Change lane ${lane} of ${resource}`}
      onClose={close}
    >
      <ChangeForm subject={subject} kind={kind} close={close} />
    </Dialog>
  );
}

interface FormProps {
  readonly subject: Subject;
  readonly kind: Kind;
  readonly close: () => void;
}

function ChangeForm({ subject, kind: first, close }: FormProps): VNode {
  const [kind, setKind] = useState(first);
  const [minutes, setMinutes] = useState(DEFAULT_MINUTES);
  const [seats, setSeats] = useState(() => startOf(first, subject, shown.value));
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState("");
  const choose = (next: Kind): void => {
    setKind(next);
    setSeats(startOf(next, subject, shown.value));
  };
  const request = requestOf(kind, subject, { minutes, seats, note });
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      const { text, until } = await override(request);
      notice.value = `Done: ${text}, until ${clock(until)}.`;
      close();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) {
        signedIn.value = false;
        signingIn.value = true;
      }
      setProblem((error as Error).message);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Choice subject={subject} kind={kind} choose={choose} />
      {kind === "limit" || kind === "reservation" ? (
        <NumberField
          label="Seats"
          value={seats}
          least={kind === "limit" ? 1 : 0}
          most={100_000}
          set={setSeats}
        />
      ) : null}
      <NumberField label="For minutes" value={minutes} least={1} most={MOST_MINUTES} set={setMinutes} />
      <label>
        Why <small>for whoever reads it later</small>
        <input value={note} maxLength={200} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <p class="effect">{effectOf(kind, subject, seats, shown.value)}</p>
      <p class="twin">
        <small>The same from a shell</small>
        <code>{commandOf(request)}</code>
      </p>
      <p class="problem" role="alert">
        {problem}
      </p>
      <p class="buttons">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary">
          {KINDS[kind].verb} for {minutes} min
        </button>
      </p>
    </form>
  );
}

function Choice({
  subject,
  kind,
  choose,
}: {
  readonly subject: Subject;
  readonly kind: Kind;
  readonly choose: (kind: Kind) => void;
}): VNode | null {
  if (subject.lane === undefined) return null;
  return (
    <fieldset>
      <legend>Change</legend>
      {(["pause", "drain", "open", "reservation"] as const).map((one) => (
        <label key={one} class="choice">
          <input type="radio" name="kind" checked={one === kind} onChange={() => choose(one)} />
          <span>
            {KINDS[one].verb} <small>{KINDS[one].means}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function NumberField({
  label,
  value,
  least,
  most,
  set,
}: {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly set: (value: number) => void;
}): VNode {
  return (
    <label>
      {label}{" "}
      <small>
        {least} to {grouped(most)}
      </small>
      <input
        type="number"
        required
        min={least}
        max={most}
        step={1}
        value={value}
        onInput={(event) => set(event.currentTarget.valueAsNumber || 0)}
      />
    </label>
  );
}
