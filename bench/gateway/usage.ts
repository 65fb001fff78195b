/** How a measured process tells its port and its own CPU time to the benchmark that started it. */
import type { AddressInfo } from "node:net";

interface Addressed {
  address(): AddressInfo | string | null;
}

/** Sends the port now, and the process' CPU time in microseconds whenever it is asked. */
export function reportUsage(server: Addressed | number): void {
  const port = typeof server === "number" ? server : (server.address() as AddressInfo).port;
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system, rss: process.memoryUsage.rss() });
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ port });
}
