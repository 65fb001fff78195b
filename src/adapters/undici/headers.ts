/** The headers of a call as undici takes them, in a form that can be read and changed. */

import type { Dispatcher } from "undici";
import type { ToldHeaders } from "../../calls/forwarding.ts";

/** A copy: whoever gave the headers may send them again. */
export interface ChangeableHeaders extends ToldHeaders {
  /** `[name, value, name, value, …]`, as undici takes it. */
  readonly list: string[];
  /** The value, which is removed. */
  take(name: string): string | undefined;
}

type Given = Dispatcher.DispatchOptions["headers"];

/** Reads a flat list, pairs, or an object whose values may be lists. */
export function changeableHeaders(given: Given): ChangeableHeaders {
  const list = flat(given);
  const indexOf = (name: string): number => {
    for (let i = 0; i < list.length; i += 2) if (list[i]!.toLowerCase() === name) return i;
    return -1;
  };
  const headers: ChangeableHeaders = {
    list,
    get(name) {
      const values: string[] = [];
      for (let i = 0; i < list.length; i += 2) if (list[i]!.toLowerCase() === name) values.push(list[i + 1]!);
      return values.length === 0 ? null : values.join(",");
    },
    set(name, value) {
      headers.delete(name);
      list.push(name, value);
    },
    delete(name) {
      for (let i = indexOf(name); i !== -1; i = indexOf(name)) list.splice(i, 2);
    },
    take(name) {
      const value = headers.get(name) ?? undefined;
      if (value !== undefined) headers.delete(name);
      return value;
    },
  };
  return headers;
}

function flat(given: Given): string[] {
  const list: string[] = [];
  const add = (name: unknown, value: unknown): void => {
    if (value === undefined || value === null) return;
    for (const each of Array.isArray(value) ? value : [value]) list.push(String(name), String(each));
  };
  if (given === null || given === undefined) return list;
  if (Array.isArray(given)) {
    if (given.every((entry) => Array.isArray(entry))) for (const [name, value] of given) add(name, value);
    else for (let i = 0; i + 1 < given.length; i += 2) add(given[i], given[i + 1]);
  } else if (Symbol.iterator in given) {
    for (const [name, value] of given) add(name, value);
  } else {
    for (const [name, value] of Object.entries(given)) add(name, value);
  }
  return list;
}
