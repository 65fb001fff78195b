/** The sentence on top. It changes each second; a screen reader hears it only when what it says has changed. */

import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { shown } from "./live.ts";
import type { Verdict } from "../admin/wire.ts";

const MARKS: Readonly<Record<Verdict["level"], readonly [string, string]>> = {
  ok: ["✓", "All well"],
  yielding: ["↷", "Yielding"],
  missed: ["!", "Missed"],
};

/** The verdict of the last tick. */
export function VerdictLine(): VNode | null {
  const verdict = shown.value.ticks.at(-1)?.verdict;
  const said = useRef<{ key: string; text: string }>({ key: "", text: "" });
  if (verdict === undefined) return null;
  const { level, text } = verdict;
  // Without its numbers: "bulk yields: 860 wait" and "bulk yields: 861 wait" say the same.
  const key = level + text.replace(/[\d.,]+( ms| s| min)?/g, "");
  if (key !== said.current.key) said.current = { key, text };
  const [mark, word] = MARKS[level];
  return (
    <>
      <p class={`verdict ${level}`} aria-hidden="true">
        <span class="mark">{mark}</span>
        <span>
          <b>{word}.</b> {text}
        </span>
      </p>
      <p class="for-readers" role="status">
        {said.current.text}
      </p>
    </>
  );
}
