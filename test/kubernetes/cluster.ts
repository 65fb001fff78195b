/** A control plane on this machine, without containers: etcd, the API server, the scheduler and the controllers. */

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, killed } from "../programs.ts";

/** A cluster that answers. */
export interface Cluster {
  /** A file for `kubectl --kubeconfig`. */
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

const READY_MS_MAX = 90_000;

/** Starts one from the programs in `bin`; all that it writes is in a folder that goes with it. */
export async function startCluster(bin: string): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "laneway-kubernetes-"));
  const running: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    // The server last but one, and its store last: each would complain of the others.
    for (const child of running.toReversed()) await killed(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const start = (name: string, program: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${name}.log`), "a");
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", log, log] });
    child.once("exit", (code) => {
      if (code !== 0 && code !== null)
        console.error(`${name} ended with ${code}:\n${tail(join(folder, `${name}.log`))}`);
    });
    running.push(child);
  };
  try {
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
    const token = "for-this-cluster-alone";
    writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,system:masters\n`);
    execFileSync("openssl", ["genrsa", "-out", join(folder, "accounts.key"), "2048"], { stdio: "ignore" });
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, configOf(`https://127.0.0.1:${port}`, token));
    const etcd = `http://127.0.0.1:${etcdPort}`;
    start("etcd", "etcd", [
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      "--unsafe-no-fsync",
    ]);
    start("kube-apiserver", join(bin, "kube-apiserver"), [
      `--etcd-servers=${etcd}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--cert-dir=${join(folder, "certificates")}`,
      `--token-auth-file=${join(folder, "tokens.csv")}`,
      "--authorization-mode=AlwaysAllow",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--service-account-issuer=https://laneway.test",
      `--service-account-key-file=${join(folder, "accounts.key")}`,
      `--service-account-signing-key-file=${join(folder, "accounts.key")}`,
    ]);
    await ready(kubeconfig, () => tail(join(folder, "kube-apiserver.log")));
    start("kube-controller-manager", join(bin, "kube-controller-manager"), [
      `--kubeconfig=${kubeconfig}`,
      `--service-account-private-key-file=${join(folder, "accounts.key")}`,
      "--leader-elect=false",
      "--port=0",
      "--secure-port=0",
    ]);
    start("kube-scheduler", join(bin, "kube-scheduler"), [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--port=0",
      "--secure-port=0",
    ]);
    return { kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a client needs to know; the certificate is made by the server for itself. */
function configOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "here", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "here", context: { cluster: "here", user: "admin" } }],
    "current-context": "here",
  });
}

async function ready(kubeconfig: string, log: () => string): Promise<void> {
  const end = Date.now() + READY_MS_MAX;
  for (;;) {
    const child = spawn("kubectl", ["--kubeconfig", kubeconfig, "get", "--raw", "/readyz"], {
      stdio: "ignore",
    });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code === 0) return;
    if (Date.now() > end)
      throw new Error(`the API server is not ready after ${READY_MS_MAX / 1_000} s:\n${log()}`);
  }
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-15).join("\n") : "";
}
