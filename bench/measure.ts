/** One thing to measure: a name and a run that answers milliseconds. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<number>;
}

export interface Figure {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

/** Runs the contenders in turn, A B C A B C …, after uncounted rounds, so that a machine that drifts drifts for all. */
export async function measureInTurn(
  contenders: readonly Contender[],
  rounds: number,
  uncounted = 1,
): Promise<readonly Figure[]> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < uncounted + rounds; round += 1) {
    for (const { name, run } of contenders) {
      const ms = await run();
      if (round >= uncounted) samples.get(name)?.push(ms);
    }
  }
  return contenders.map(({ name }) => toFigure(name, samples.get(name) ?? []));
}

function toFigure(name: string, samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  return { name, medianMs: median(sorted), minMs: sorted[0] ?? 0, maxMs: sorted.at(-1) ?? 0, runs: sorted.length };
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Plain columns, the first to the left and the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
