import type { Command } from "commander";
import {
  GetWorkerResponseSchema,
  type Worker,
  WorkerSchema,
  WorkerStatus,
} from "#gen/millrace/v1/worker_admin_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderWorker, renderWorkers } from "../rendering/worker-view.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";

interface ListFlags extends ClientFlags {
  readonly state: string;
  readonly limit: number;
}

interface DrainFlags extends ClientFlags {
  readonly reason: string;
  readonly wait?: boolean;
}

const pollMs = 500;

export function configure(command: Command, context: CliContext): void {
  command.description("List, show and drain workers. Without a subcommand it lists them.");
  const list = command
    .command("list", { isDefault: true })
    .summary("list workers")
    .description("List workers in service, and those that were lost in the last hour.");
  withClientFlags(list)
    .option("--state <states>", "only those in these states, separated by commas", "")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 1000)
    .action((flags: ListFlags) => listWorkers(flags, context));
  withExamples(list, [
    ["millrace workers list", "who is there"],
    ["millrace workers list --state lost,stopped", "who is not"],
  ]);
  const show = command
    .command("show")
    .summary("show a worker")
    .description("Show a worker: facts, the tasks that it has, its last starts.");
  withClientFlags(show)
    .argument("<worker>", "id of the worker")
    .action((workerId: string, flags: ClientFlags) => showWorker(workerId, flags, context));
  withExamples(show, [["millrace workers show build-7", ""]]);
  configureDrain(command, context);
  withExamples(command, [
    ["millrace workers", "who is there, and how busy"],
    ["millrace workers drain build-7 --wait", "let it finish what it runs, and end"],
  ]);
}

function configureDrain(command: Command, context: CliContext): void {
  const drain = command
    .command("drain")
    .summary("let a worker finish and end")
    .description(
      "Let a worker finish what it runs and end; it takes nothing new. With --wait the exit code tells whether it signed off.",
    );
  withClientFlags(drain)
    .argument("<worker>", "id of the worker")
    .option("--reason <text>", "shown with the worker while it drains", "")
    .option("--wait", "until it has ended")
    .action((workerId: string, flags: DrainFlags) => drainWorker(workerId, flags, context));
  withExamples(drain, [["millrace workers drain build-7 --reason 'a new kernel' --wait", ""]]);
}

async function listWorkers(flags: ListFlags, context: CliContext): Promise<void> {
  const workers = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.workers.listWorkers({ state: flags.state, ...page });
      return { items: answer.workers, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => workers.map((worker) => messageToJson(WorkerSchema, worker)),
    lines: (options) =>
      workers.length === 0
        ? ["no workers; start one with `millrace start worker`"]
        : renderWorkers(workers, { now: context.now(), ...options }),
  });
}

async function showWorker(workerId: string, flags: ClientFlags, context: CliContext): Promise<void> {
  const found = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.workers.getWorker({ workerId }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(GetWorkerResponseSchema, found),
    lines: (options) => renderWorker(found, { now: context.now(), ...options }),
  });
}

async function drainWorker(workerId: string, flags: DrainFlags, context: CliContext): Promise<void> {
  const worker = await withGateway({ flags: { ...flags }, context }, async (gateway) => {
    const { worker: asked } = await gateway.workers.drainWorker({ workerId, reason: flags.reason });
    if (asked === undefined || flags.wait !== true) return asked;
    return withProgress(context.terminal, `${workerId} drains`, untilEnded(gateway, asked));
  });
  if (worker === undefined) return;
  if (worker.status === WorkerStatus.LOST) context.setExitCode(exitCodes.failed);
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(WorkerSchema, worker),
    lines: (options) => renderWorkers([worker], { now: context.now(), ...options }),
  });
}

/** The start that was asked to drain, once it has ended; a later start may be there by then. */
async function untilEnded(gateway: GatewayClient, asked: Worker): Promise<Worker> {
  const { workerId, incarnation } = asked;
  for (;;) {
    const { worker, incarnations } = await gateway.workers.getWorker({ workerId });
    const start = incarnations.find((one) => one.incarnation === incarnation);
    const isOver = start?.status === WorkerStatus.STOPPED || start?.status === WorkerStatus.LOST;
    if (start === undefined || isOver) return { ...(worker ?? asked), status: start?.status ?? WorkerStatus.STOPPED };
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
