/** What holds a lane's share of the processor, and its limits of memory, on a host; or why nothing does. */

import { lookAtHost, read } from "../../adapters/process/host.ts";
import type { NoController, Systemd } from "../../adapters/process/host.ts";
import { groupMounts } from "./host.ts";
import type { DoctorHost } from "./host.ts";

/** A controller in use, and where it stands in words. */
export interface InUse {
  readonly version: 1 | 2;
  readonly found: string;
}

/** How control groups are mounted, in words. */
const MODES = {
  v2: "cgroup v2",
  v1: "cgroup v1",
  hybrid: "cgroup v1, v2 without controllers",
  none: "no cgroups",
} as const;

// Which controllers a user gets is systemd's to say, and an echo would not outlast the next login.
const DELEGATE =
  "systemctl edit user@.service, [Service] Delegate=cpu memory io; log in anew; systemd-run --user --scope laneway run …";

/** What `laneway run` would use. */
export function holderOf(host: DoctorHost, name: "cpu" | "memory"): InUse | NoController {
  const { systemd, [name]: controller } = lookAtHost(host);
  const mode = modeWords(host);
  if (systemd !== undefined) return sliceOf(host, name, systemd);
  if (controller.version !== 0)
    return { version: controller.version, found: `${mode}; groups are made in ${controller.base}` };
  if (groupMounts(host).readOnly) {
    const fix =
      "a container for each lane, with requests.cpu or --cpu-shares of its own; in this one nice is left";
    return { version: 0, why: "they are mounted read-only into this container", fix };
  }
  const isOfUser = /\/user\.slice\b/.test(controller.why);
  return isOfUser ? { ...controller, fix: DELEGATE } : controller;
}

/** How control groups are mounted here. */
export function modeWords(host: DoctorHost): string {
  return MODES[groupMounts(host).mode];
}

function sliceOf(host: DoctorHost, name: string, { user, mounted }: Systemd): InUse | NoController {
  const { uid = process.getuid?.() } = host;
  if (!host.has("systemd-run"))
    return {
      version: 0,
      why: "groups here are systemd's, and there is no systemd-run",
      fix: "install systemd",
    };
  const own = `${mounted}/user.slice/user-${uid}.slice/user@${uid}.service/cgroup.controllers`;
  const handed = user ? read(own) : undefined;
  if (handed !== undefined && !handed.split(/\s/).includes(name))
    return { version: 0, why: `systemd does not hand the controller ${name} to users`, fix: DELEGATE };
  return { version: 2, found: `${modeWords(host)}; systemd makes a slice for each lane` };
}
