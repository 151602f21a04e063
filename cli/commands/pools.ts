import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import type { Pool } from "#gen/millrace/v1/pool_service_pb.js";
import { withGateway } from "../client/gateway-client.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { renderTable } from "../rendering/table.ts";
import { writeResult } from "../write-result.ts";

interface SetFlags extends ClientFlags {
  readonly description?: string;
}

export function configure(command: Command, context: CliContext): void {
  command.description(
    "Pools are named limits that tasks of any DAG share: of the tasks that name one with `pool`, so many attempts run at once.",
  );
  const list = command
    .command("list")
    .summary("list pools")
    .description("Print the pools with their sizes, how many slots are taken, and how many tasks wait.");
  withClientFlags(list).action((flags: ClientFlags) => listPools(flags, context));
  withExamples(list, [["millrace pools list", ""]]);
  const set = command
    .command("set <name> <size>")
    .summary("make a pool, or give it another size")
    .description("Give a pool its size; 0 holds all its tasks back. What holds more than a smaller size keeps it.")
    .option("--description <text>", "what it is for");
  withClientFlags(set).action((name: string, size: string, flags: SetFlags) => setPool({ name, size, flags }, context));
  withExamples(set, [["millrace pools set reporting 4", ""]]);
  const remove = command
    .command("delete <name>")
    .summary("remove a pool")
    .description("Remove a pool. Tasks that name it wait until there is one again.");
  withClientFlags(remove).action((name: string, flags: ClientFlags) => deletePool(name, flags, context));
  withExamples(remove, [["millrace pools delete reporting", ""]]);
  withExamples(command, [
    ["millrace pools set reporting 4", "at most four at once"],
    ["millrace pools list", "sizes, what is taken, what waits"],
  ]);
}

async function listPools(flags: ClientFlags, context: CliContext): Promise<void> {
  const { pools } = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.pools.listPools({}));
  await writeResult(context, {
    format: flags.output,
    json: () => pools.map(toJson),
    lines: (options) =>
      pools.length === 0
        ? ["there are no pools; make one with `millrace pools set NAME SIZE`"]
        : renderTable({
            columns: [
              { title: "POOL" },
              { title: "SIZE" },
              { title: "TAKEN" },
              { title: "WAITING" },
              { title: "DESCRIPTION", flexible: true },
            ],
            rows: pools.map((pool) => [
              { text: pool.name },
              { text: String(pool.size) },
              { text: String(pool.used), color: pool.used >= pool.size ? "yellow" : "plain" },
              { text: String(pool.waiting) },
              { text: pool.description },
            ]),
            ...options,
          }),
  });
}

async function setPool(
  { name, size, flags }: { name: string; size: string; flags: SetFlags },
  context: CliContext,
): Promise<void> {
  if (!/^\d{1,9}$/.test(size)) {
    throw new AppError("INVALID_ARGUMENT", `the size must be a whole number, found ${JSON.stringify(size)}`);
  }
  const asked = { name, size: Number(size), ...(flags.description === undefined ? {} : flags) };
  const { pool } = await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.pools.updatePool(asked));
  if (pool === undefined) throw new AppError("INTERNAL", "the server answered without the pool");
  await writeResult(context, {
    format: flags.output,
    json: () => toJson(pool),
    lines: () => [`pool ${pool.name} has ${pool.size} slots`],
  });
}

async function deletePool(name: string, flags: ClientFlags, context: CliContext): Promise<void> {
  await withGateway({ flags: { ...flags }, context }, (gateway) => gateway.pools.deletePool({ name }));
  await writeResult(context, { format: flags.output, json: () => ({ name }), lines: () => [`removed pool ${name}`] });
}

function toJson({ name, size, description, used, waiting }: Pool) {
  return { name, size, description, used, waiting: Number(waiting) };
}
