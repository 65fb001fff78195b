/** The rate limits of the benchmark's upstream, as its headers tell them: far more than any machine here can use. */
export const PER_MINUTE = { requests: 100_000_000, tokens: 100_000_000_000 } as const;
