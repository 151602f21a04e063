import { describeError } from "#errors/app-error.ts";
import { simulate } from "../simulate.ts";

/** Prints after how many seeds the simulation first fails, as JSON; a thrown error is a failure too. */
const [first = 1, maxSeeds = 1] = process.argv.slice(2).map(Number);
let found: { seeds: number | null; violation: string } = { seeds: null, violation: "" };
Error.stackTraceLimit = 0;
process.on("unhandledRejection", (error) => {
  found = { ...found, violation: describeError(error) };
});
for (let seed = first; seed < first + maxSeeds && found.violation === ""; seed += 1) {
  const violation = await simulate({ seed }).then(
    ({ violations }) => violations[0] ?? "",
    (error: unknown) => describeError(error),
  );
  if (violation !== "" || found.violation !== "")
    found = { seeds: seed - first + 1, violation: violation || found.violation };
}
process.stdout.write(`${JSON.stringify(found)}\n`);
