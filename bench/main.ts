import { benchDefinitions } from "./definitions.ts";
import { benchIdle } from "./idle.ts";
import { benchSpine } from "./spine.ts";

const benches: ReadonlyMap<
  string,
  { readonly about: string; readonly run: (args: readonly string[]) => Promise<void> }
> = new Map([
  ["spine", { about: "one task, chains, fan-out and layers in three settings [SHAPE …]", run: benchSpine }],
  ["idle", { about: "memory and processor time with nothing to do", run: benchIdle }],
  [
    "definitions",
    { about: "checking 10,000 tasks; from a saved file to a definition in force", run: benchDefinitions },
  ],
]);

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : benches.get(name);
if (bench === undefined) {
  const list = [...benches].map(([key, { about }]) => `  ${key.padEnd(12)} ${about}`).join("\n");
  console.error(`usage: npm run bench -- NAME [ARG …]\n${list}`);
  process.exitCode = 2;
} else {
  await bench.run(args);
}
