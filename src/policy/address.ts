/** Addresses as a policy writes them: where to listen, and who is trusted. */

import { BlockList, isIP, isIPv6 } from "node:net";

/** A place to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `"127.0.0.1:8080"`, `"[::1]:0"`, `"localhost:80"`; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const found = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  if (found === null) return undefined;
  const host = found[1] ?? found[2]!;
  const port = Number(found[3]);
  if (port > 65_535 || (found[1] !== undefined && !isIPv6(host))) return undefined;
  return { host, port };
}

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** A range of addresses, or one address. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** `"10.0.0.0/8"`, `"fd00::/8"`, `"10.1.2.3"`; undefined for anything else. */
export function parseCidr(text: string): AddressRange | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || rest.length > 0) return undefined;
  const longest = version === 4 ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = length === undefined ? longest : Number(length);
  return prefix > longest ? undefined : { address, prefix, family: version === 4 ? "ipv4" : "ipv6" };
}

/** A list that says whether an address is in the range. */
export function blockListOf(range: AddressRange): BlockList {
  const list = new BlockList();
  list.addSubnet(range.address, range.prefix, range.family);
  return list;
}

/** `::ffff:10.0.0.1` as `10.0.0.1`: a dual-stack socket reports IPv4 peers in this form. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
