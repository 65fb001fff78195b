/** The drawings of docs/explanation that show a rule, and no measurement. */

import { arrow, box, picture, words } from "./docs-drawing.ts";

/** Who gets a free seat, from the first that is asked to the last. */
export function orderOfASeat(): string {
  const steps: readonly (readonly [string, string, string])[] = [
    ["a", "the lane whose floor it is", "below the part of its reservation that is never lent"],
    ["b", "the top lane", "while it is below its reservation"],
    ["c", "whoever waits longest", "past its age, while aging's budget is above zero"],
    ["d", "lanes below their reservation", "the highest first"],
    ["e", "everybody else", "by rank, or by weight"],
  ];
  const top = 60;
  const step = 54;
  const rows = steps.flatMap(([letter, who, when], i) => {
    const y = top + i * step;
    const next =
      i === steps.length - 1 ? [] : [arrow(54, y + 40, 12, true), words(68, y + 50, "nobody there", "small")];
    return [
      box(34, y, 40, 38, i === 2 ? "f1" : "f0"),
      words(54, y + 25, letter, "name on", "middle"),
      box(84, y, 300, 38),
      words(98, y + 24, who, "name ink"),
      words(398, y + 24, when),
      ...next,
    ];
  });
  const last = top + steps.length * step + 8;
  return picture(
    "A seat comes free: who is asked first",
    `Five questions in turn. ${steps.map(([letter, who, when]) => `${letter}: ${who}, ${when}`).join(". ")}.`,
    last + 40,
    [
      ...rows,
      words(
        30,
        last + 14,
        "Inside the lane that is chosen, the flow that has had the least goes next, and of that flow the oldest task.",
      ),
    ],
  );
}

/** What a reservation, a floor and lending mean for twenty seats. */
export function seatsOfALimit(): string {
  const strip = (y: number, looks: readonly string[]): string[] =>
    looks.map((look, i) => box(30 + i * 38, y, 34, 34, look));
  const times = (n: number, look: string): string[] => Array.from({ length: n }, () => look);
  const busy = [...times(8, "f0"), ...times(6, "f2"), ...times(4, "f3"), ...times(2, "f4")];
  const idle = [
    ...times(4, "free"),
    ...times(6, "f2"),
    ...times(4, "f3"),
    ...times(2, "f4"),
    ...times(4, "f1"),
  ];
  const back = [...times(8, "f0"), ...times(6, "f2"), ...times(4, "f3"), ...times(2, "f4")];
  const named = (y: number, names: readonly (readonly [number, string, string])[]): string[] =>
    names.map(([seat, text, look]) => words(30 + seat * 38, y, text, `name ${look}`));
  return picture(
    "Twenty seats: reserved, lent, and taken back",
    "With all lanes busy critical holds 8 seats, high 6, normal 4 and low 2. While critical is idle, four of its seats stay free and four are lent to bulk. When critical comes back, it takes the four free seats at once and the lent ones as they are released.",
    330,
    [
      words(30, 66, "All lanes are busy: each has what is reserved for it, and bulk has nothing.", "ink"),
      ...strip(78, busy),
      ...named(130, [
        [0, "critical 8", "f0"],
        [8, "high 6", "f2"],
        [14, "normal 4", "f3"],
        [18, "low 2", "f4"],
      ]),
      words(
        30,
        166,
        "Critical is idle, the next three lanes want no more than their own: its floor stays free, bulk borrows the rest.",
        "ink",
      ),
      ...strip(178, idle),
      ...named(230, [
        [0, "floor, kept free", "f0"],
        [4, "high", "f2"],
        [10, "normal", "f3"],
        [14, "low", "f4"],
        [16, "bulk, borrowed", "f1"],
      ]),
      words(
        30,
        266,
        "Critical is back: four tasks start at once, and the next four seats that come free are its own.",
        "ink",
      ),
      ...strip(278, back),
    ],
  );
}

/** Whose turn it is inside a lane. */
export function turnsOfFlows(): string {
  const cell = 44;
  const left = 150;
  const row = (
    y: number,
    name: string,
    waiting: string,
    starts: readonly number[],
    look: string,
  ): string[] => [
    words(30, y + 16, name, `name ${look}`),
    words(30, y + 34, waiting, "small"),
    ...starts.flatMap((turn) => [
      box(left + turn * cell, y, cell - 4, 38, look),
      words(left + turn * cell + 20, y + 24, String(turn + 1), "name on", "middle"),
    ]),
  ];
  const gone = 14;
  return picture(
    "One lane, two flows: forty waiting and four waiting",
    "While both flows wait, they start in turns although one has ten times as many waiting. When the small flow has nothing left, the large one has every turn.",
    230,
    [
      words(left, 66, "turns, as seats come free", "small"),
      ...row(
        78,
        "flow A",
        "40 waiting",
        [0, 2, 4, 6, 8, 9, 10, 11, 12, 13].filter((turn) => turn < gone),
        "f0",
      ),
      ...row(136, "flow B", "4 waiting", [1, 3, 5, 7], "f1"),
      words(
        left,
        204,
        "Each start moves a flow's tag on by what its tasks cost; the least tag goes next.",
        "ink",
      ),
    ],
  );
}
