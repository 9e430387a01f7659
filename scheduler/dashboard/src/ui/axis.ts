// Where an axis ends. Pure.

/** The least round number (1, 2, 2.5 or 5 times a power of ten) that holds `most`. */
export function niceMax(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((value) => value >= most)!;
}
