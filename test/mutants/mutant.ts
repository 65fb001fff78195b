/** One planted bug. */
export interface Mutant {
  /** What the code does wrong, as a sentence. */
  readonly name: string;
  /** The promise it breaks, as the files of test/core count them. */
  readonly promise: number;
  readonly file: string;
  /** Text that occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test file that must fail. */
  readonly killedBy: string;
}
