import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { type Explanation, ExplanationSchema } from "#gen/millrace/v1/task_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readRun } from "../client/read-run.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderExplanation } from "../rendering/explanation-view.ts";
import { writeResult } from "../write-result.ts";

interface ExplainFlags extends ClientFlags {
  readonly dag?: string;
  readonly limit: number;
}

export function configure(command: Command, context: CliContext): void {
  withClientFlags(command)
    .description("Say why a run or one of its tasks waits: parents, retries, workers, pauses.")
    .argument("<run>", "id of a run or of a task instance, or `latest` with --dag")
    .argument("[task]", "id of the task; `task[key]` for an item of a fan-out")
    .option("--dag <dag>", "the DAG that `latest` is about")
    .option("--limit <number>", "how many task instances of a run", wholeNumber({ min: 1, max: 100_000 }), 100)
    .action((runId: string, task: string | undefined, flags: ExplainFlags) => explain({ runId, task, flags, context }));
  withExamples(command, [
    ["millrace explain latest --dag etl", "everything that has not ended"],
    ["millrace explain RUN --limit 1000", "more of a wide run"],
    ["millrace explain RUN load", "one task"],
  ]);
}

interface ExplainRequest {
  readonly runId: string;
  readonly task: string | undefined;
  readonly flags: ExplainFlags;
  readonly context: CliContext;
}

async function explain(request: ExplainRequest): Promise<void> {
  const { flags, context } = request;
  const explanation = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readExplanation(gateway, request),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(ExplanationSchema, explanation),
    lines: (options) => renderExplanation(explanation, options),
  });
}

async function readExplanation(gateway: GatewayClient, { runId, task, flags }: ExplainRequest): Promise<Explanation> {
  const run = await readRun(gateway, { runId, dagId: flags.dag }).catch((thrown: unknown) => {
    if (task === undefined && thrown instanceof AppError && thrown.code === "RUN_NOT_FOUND") return null;
    throw thrown;
  });
  if (run !== null && task === undefined) return explainRun(gateway, { dagRunId: run.dagRunId, limit: flags.limit });
  const id = run === null ? runId : instanceId(run.dagRunId, task ?? "");
  return required((await gateway.tasks.explainTaskInstance({ id })).explanation);
}

/** Page after page, until the limit or the end. An instance that has moved on to a later page meanwhile is told once. */
export async function explainRun(
  gateway: Pick<GatewayClient, "runs">,
  { dagRunId, limit }: { dagRunId: string; limit: number },
): Promise<Explanation> {
  const ask = async (cursor: string): Promise<Explanation> =>
    required((await gateway.runs.explainDagRun({ dagRunId, cursor })).explanation);
  const first = await ask("");
  const reasons = [...first.reasons];
  let { more, nextCursor } = first;
  const told = new Set(reasons.map(({ id }) => id));
  while (nextCursor !== "" && told.size < limit) {
    const page = await ask(nextCursor);
    reasons.push(...page.reasons.filter(({ id }) => !told.has(id)));
    for (const { id } of page.reasons) told.add(id);
    ({ more, nextCursor } = page);
  }
  const kept = new Set([...told].slice(0, limit));
  const left = more + BigInt(told.size - kept.size);
  return { ...first, reasons: reasons.filter(({ id }) => kept.has(id)), more: left, nextCursor: "" };
}

function required(explanation: Explanation | undefined): Explanation {
  if (explanation === undefined) throw new AppError("INTERNAL", "the server's answer has no explanation");
  return explanation;
}

/** The instance's id from `task` or `task[key]`. */
function instanceId(dagRunId: string, task: string): string {
  const [, name = task, key] = /^(.+)\[([^\]]+)\]$/.exec(task) ?? [];
  return key === undefined ? `${dagRunId}__${name}` : `${dagRunId}__${name}__${key}`;
}
