/** A table that scrolls sideways where it must, also by the keyboard. */

import type { ComponentChildren, VNode } from "preact";

/** A column: its name, and beside it in small what the small figures in it are. One that begins with "-" is only read out. */
export type Column = string | readonly [string, string];

/** Rows are the children. */
export function Table({
  label,
  columns,
  class: name = "",
  children,
}: {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly class?: string;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <div class={`scroll ${name}`} tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => {
              const [text, small] = typeof column === "string" ? [column, ""] : column;
              return (
                <th key={text} scope="col">
                  {text.startsWith("-") ? <span class="for-readers">{text.slice(1)}</span> : text}
                  {small === "" ? null : <small> {small}</small>}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** A mark beside a name. */
export function Pill({
  warn,
  children,
}: {
  readonly warn?: boolean;
  readonly children: ComponentChildren;
}): VNode {
  return <span class={warn === true ? "pill warn" : "pill"}>{children}</span>;
}

/** What is said where there is nothing to show. */
export function Empty({ children }: { readonly children: ComponentChildren }): VNode {
  return <div class="empty">{children}</div>;
}
