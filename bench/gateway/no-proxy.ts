/** Stands where a proxy would, and is none: tells the load generator the upstream's own port. */
import { reportUsage } from "./usage.ts";

reportUsage(Number(new URL(process.argv[2]!).port));
