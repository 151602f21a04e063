import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { parseDocument } from "yaml";
import { parseDefinition } from "#definition/parse-definition.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { formatTable, measureInTurn } from "./measure.ts";

const rounds = 20;
/** Characters that are read for one figure, at least. */
const sampleLength = 200_000;
/** Tasks of the larger file. */
const largeTasks = 500;
const root = new URL("..", import.meta.url).pathname;

/** The same files through the whole check, and through `yaml` and `ajv` with the schema for editors, which know less. */
export async function benchDefinitionPeers(): Promise<void> {
  const schema = JSON.parse(readFileSync(join(root, "gen/schemas/dag.json"), "utf8")) as object;
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  const small = readExamples();
  const sets: readonly (readonly [name: string, files: readonly string[]])[] = [
    [`${small.length} examples`, small],
    [`${largeTasks} tasks`, [pipeline(largeTasks)]],
  ];
  const rows: string[][] = [];
  for (const [name, files] of sets) {
    const figures = await measureInTurn(
      [
        { name: `${name}: parsed and checked`, run: async () => timeEach(files, checkWhole) },
        {
          name: `${name}: yaml and ajv`,
          run: async () => timeEach(files, (text) => validate(parseDocument(text).toJS())),
        },
      ],
      rounds,
    );
    const [own, peer] = figures;
    const ratio = own === undefined || peer === undefined ? 0 : own.medianMs / peer.medianMs;
    for (const figure of figures) console.log(JSON.stringify(figure));
    console.log(JSON.stringify({ name, ratio: Number(ratio.toFixed(2)) }));
    rows.push([name, (own?.medianMs ?? 0).toFixed(2), (peer?.medianMs ?? 0).toFixed(2), ratio.toFixed(2)]);
  }
  console.log(`\n${formatTable([["files", "whole check CPU ms", "yaml and ajv CPU ms", "ratio"], ...rows])}`);
}

/** Those that are definitions of their own: the others need a catalog of templates. */
function readExamples(): readonly string[] {
  const names = readdirSync(join(root, "examples")).filter((name) => /^[^.]+\.yaml$/.test(name));
  const texts = names.map((name) => readFileSync(join(root, "examples", name), "utf8"));
  for (const [place, text] of texts.entries()) if (!checkWhole(text)) throw new Error(`${names[place]} has errors`);
  return texts;
}

function checkWhole(text: string): boolean {
  const { definition } = parseDefinition(text, {
    file: "x.yaml",
    operators: operatorSchemas,
    maxTaskTimeoutMs: 86_400_000,
  });
  return definition !== null;
}

/**
 * Milliseconds of processor time for all files once: the clock would count what else the machine does, the longer the more.
 * The system counts it in steps of some milliseconds, so that small files are read again and again.
 */
function timeEach(files: readonly string[], run: (text: string) => unknown): number {
  const passes = Math.ceil(sampleLength / files.join("").length);
  const start = process.threadCpuUsage();
  for (let pass = 0; pass < passes; pass += 1) for (const text of files) run(text);
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000 / passes;
}

function pipeline(tasks: number): string {
  const lines = ["id: pipeline", 'schedule: "0 2 * * *"', "parameters: {name: {type: string, default: x}}", "tasks:"];
  for (let task = 0; task < tasks; task += 1) {
    lines.push(
      `  - id: t${task}`,
      "    type: bash",
      `    dependencies: [${task === 0 ? "" : `t${task - 1}`}]`,
      "    retries: 2",
      "    timeout: 10m",
      `    operator: {bash_command: "load ${task} '{{ params.name }}' > $TMPDIR/out"}`,
    );
  }
  return `${lines.join("\n")}\n`;
}
