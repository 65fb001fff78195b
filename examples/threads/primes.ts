/** What the threads do. */

import { currentLane } from "laneway";

/** How many primes there are below `limit`, counted the slow way. */
export default function primesBelow(limit: number): { count: number; lane: string | undefined } {
  let count = 0;
  for (let n = 2; n < limit; n++) if (isPrime(n)) count++;
  return { count, lane: currentLane() };
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
