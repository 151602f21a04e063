import fc from "fast-check";

/** The parents of each task by place; a parent's place is always smaller. */
export type Parents = readonly (readonly number[])[];

type Shape = (maxTasks: number) => fc.Arbitrary<Parents>;

const picksFor = (maxTasks: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.nat(999), { minLength: 1, maxLength: maxTasks, size: "max" });

const chain: Shape = (maxTasks) =>
  picksFor(maxTasks).map((picks) => picks.map((_, place) => (place === 0 ? [] : [place - 1])));

const tree: Shape = (maxTasks) =>
  picksFor(maxTasks).map((picks) => picks.map((pick, place) => (place === 0 ? [] : [pick % place])));

/** Each hangs on the lower end of the one before: one task, two to four beside each other, one task. */
const diamonds: Shape = (maxTasks) =>
  fc.array(fc.integer({ min: 2, max: 4 }), { minLength: 1, maxLength: 6, size: "max" }).map((widths) => {
    const parents: number[][] = [[]];
    for (const width of widths) {
      const top = parents.length - 1;
      const middle = Array.from({ length: width }, (_, place) => top + 1 + place);
      parents.push(...middle.map(() => [top]), middle);
    }
    return parents.slice(0, maxTasks);
  });

/** Each task of a layer depends on a choice of those in the layer before. */
const layers: Shape = (maxTasks) =>
  fc
    .array(fc.array(fc.nat(31), { minLength: 1, maxLength: 5, size: "max" }), {
      minLength: 1,
      maxLength: 7,
      size: "max",
    })
    .map((rows) => {
      const parents: (readonly number[])[] = [];
      let above: readonly number[] = [];
      for (const row of rows) {
        const [behind, first] = [above, parents.length];
        parents.push(...row.map((mask) => behind.filter((_, place) => Math.floor(mask / 2 ** place) % 2 === 1)));
        above = row.map((_, place) => first + place);
      }
      return parents.slice(0, maxTasks);
    });

const anyEdges: Shape = (maxTasks) =>
  fc
    .array(fc.array(fc.nat(999), { maxLength: 5, size: "max" }), { minLength: 1, maxLength: maxTasks, size: "max" })
    .map((rows) => rows.map((row, place) => (place === 0 ? [] : [...new Set(row.map((pick) => pick % place))])));

/** The connected shapes by name; `layers` and `random` may also fall apart. */
export const graphShapes: Readonly<Record<string, Shape>> = { chain, tree, diamonds, layers, random: anyEdges };

/** Two to four graphs of any shape, with no edge between them. */
export const arbitraryPartShapes: fc.Arbitrary<readonly Parents[]> = fc.array(
  fc.oneof(...Object.values(graphShapes).map((shape) => shape(5))),
  { minLength: 2, maxLength: 4, size: "max" },
);
