/** Keeps our key at the upstream out of what clients see, should an upstream ever echo it. */

const STAR = 0x2a;
const NOTHING = Buffer.alloc(0);

export class HiddenKey {
  private readonly key: string;
  private readonly bytes: Buffer;
  /** Which bytes it consists of: most pieces of a body end with none of them. */
  private readonly holds: Uint8Array = new Uint8Array(256);

  constructor(key: string) {
    this.key = key;
    this.bytes = Buffer.from(key);
    for (const byte of this.bytes) this.holds[byte] = 1;
  }

  /** Overwrites the key wherever it stands whole in these bytes, with as many stars: lengths stay what they were. */
  mask(body: Buffer): void {
    let at = body.indexOf(this.bytes);
    while (at !== -1) {
      body.fill(STAR, at, at + this.bytes.length);
      at = body.indexOf(this.bytes, at + this.bytes.length);
    }
  }

  isIn(text: string): boolean {
    return text.includes(this.key);
  }

  /** The length of the part at the end of a piece with which the key may begin. */
  begunAtEnd(piece: Buffer): number {
    if (piece.length === 0 || this.holds[piece[piece.length - 1]!] === 0) return 0;
    for (let length = Math.min(this.bytes.length - 1, piece.length); length > 0; length--) {
      const from = piece.length - length;
      if (piece[from] === this.bytes[0] && piece.compare(this.bytes, 0, length, from) === 0) return length;
    }
    return 0;
  }
}

/** The same for a body that comes in pieces: a key that is cut in two by their border is found too. */
export class HiddenInPieces {
  private readonly hidden: HiddenKey;
  /** The end of the last piece, held back because the key may begin with it. */
  private kept: Buffer = NOTHING;

  constructor(hidden: HiddenKey) {
    this.hidden = hidden;
  }

  /** What of the body may pass now that this piece has come. */
  pass(piece: Buffer, isLast: boolean): Buffer {
    const bytes = this.kept.length === 0 ? piece : Buffer.concat([this.kept, piece]);
    this.hidden.mask(bytes);
    const begun = isLast ? 0 : this.hidden.begunAtEnd(bytes);
    this.kept = begun === 0 ? NOTHING : Buffer.from(bytes.subarray(bytes.length - begun));
    return begun === 0 ? bytes : bytes.subarray(0, bytes.length - begun);
  }

  /** What was held back, when the body has ended. */
  rest(): Buffer {
    return this.kept;
  }
}

/** The headers without those that show the key. */
export function hides(hidden: HiddenKey | undefined, headers: string[]): string[] {
  if (hidden === undefined) return headers;
  for (let i = 1; i < headers.length; i += 2) {
    if (hidden.isIn(headers[i]!)) return headers.filter((_, j) => !hidden.isIn(headers[j | 1]!));
  }
  return headers;
}
