import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDefinition } from "#definition/parse-definition.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { startBenchDatabase } from "./database.ts";
import { benchDefinitionPeers } from "./definition-peers.ts";
import { benchDiscovery } from "./discovery.ts";
import { formatTable, measureInTurn } from "./measure.ts";
import { startDev } from "./millrace-server.ts";
import { benchMutatedDefinitions } from "./mutated-definitions.ts";
import { shapes, toDefinition } from "./shapes.ts";

const rounds = 5;
const tasks = 10_000;
const parentsEach = 3;
const dayMs = 86_400_000;

const mutatedCount = 100_000;
const folderSize = 10_000;

/** One part by its name, with its numbers, or what a large definition and a saved file cost. */
export async function benchDefinitions([part, ...numbers]: readonly string[]): Promise<void> {
  const [first, second] = numbers.map(Number);
  if (part === undefined) return benchLargeDefinition();
  if (part === "fuzz") return benchMutatedDefinitions(first ?? mutatedCount, second ?? 1);
  if (part === "discovery") return benchDiscovery(first ?? folderSize);
  if (part === "peers") return benchDefinitionPeers();
  throw new Error(`there is no part ${part}: fuzz [COUNT [SEED]], discovery [FILES] or peers`);
}

/** Parsing and checking 10,000 tasks with about 30,000 edges, and the time from a saved file to a definition in force. */
async function benchLargeDefinition(): Promise<void> {
  const text = largeDefinition();
  const figures = [
    ...(await measureInTurn(
      [{ name: "10,000 tasks parsed and checked", run: () => Promise.resolve(timeParse(text)) }],
      rounds,
    )),
    ...(await measureSaving()),
  ];
  for (const figure of figures) console.log(JSON.stringify(figure));
  const cells = figures.map(({ name, medianMs, minMs, maxMs }) => [
    name,
    medianMs.toFixed(0),
    minMs.toFixed(0),
    maxMs.toFixed(0),
  ]);
  console.log(`\n${formatTable([["what", "median ms", "min", "max"], ...cells])}`);
}

function timeParse(text: string): number {
  const start = performance.now();
  const { problems } = parseDefinition(text, {
    file: "large.yaml",
    operators: operatorSchemas,
    maxTaskTimeoutMs: dayMs,
  });
  if (problems.some((problem) => !problem.warning))
    throw new Error(`the definition has problems: ${JSON.stringify(problems[0])}`);
  return performance.now() - start;
}

function largeDefinition(): string {
  const lines = ["id: large", "tasks:"];
  for (let task = 0; task < tasks; task += 1) {
    const parents = Array.from(
      { length: Math.min(task, parentsEach) },
      (_, back) => `t${task - 1 - back * 7 * (back + 1)}`,
    ).filter((name) => !name.includes("-"));
    lines.push(`  - {id: t${task}, type: noop, operator: {}, dependencies: [${[...new Set(parents)].join(", ")}]}`);
  }
  return `${lines.join("\n")}\n`;
}

async function measureSaving(): Promise<ReturnType<typeof measureInTurn>> {
  const dags = await mkdtemp(join(tmpdir(), "millrace-bench-dags-"));
  for (const shape of shapes) await writeFile(join(dags, `${shape.name}.yaml`), toDefinition(shape));
  const server = await startBenchDatabase(["bench_dev"]);
  const millrace = await startDev(server.urls[0] ?? "", dags);
  let version = 0;
  const run = async (): Promise<number> => {
    version += 1;
    const start = performance.now();
    await writeFile(
      join(dags, "saved.yaml"),
      `id: saved\ndescription: version ${version}\ntasks: [{id: a, type: noop, operator: {}}]\n`,
    );
    await millrace.waitForVersion("saved", version);
    return performance.now() - start;
  };
  try {
    return await measureInTurn([{ name: "a saved file is in force", run }], rounds);
  } finally {
    await millrace.close();
    await server.stop();
    await rm(dags, { recursive: true, force: true });
  }
}
