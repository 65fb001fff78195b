/** A worker file with a mistake. */

const settings: { readonly size?: { readonly width: number } } = JSON.parse("{}") as object;

/** Never reached: the line above it throws. */
export const width: number = settings.size!.width;

/** Does nothing. */
export default function nothing(): void {}
