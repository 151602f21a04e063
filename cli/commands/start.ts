import type { Command } from "commander";
import { withExamples, withServerFlags, withUnsafeFlag } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import type { Flags } from "../settings-from-flags.ts";

export type StartFlags = Flags & { readonly dryRun?: boolean; readonly unsafe?: boolean };

interface ServiceCommand {
  readonly name: "parser" | "scheduler" | "executor" | "worker" | "gateway";
  readonly port: number;
  readonly description: string;
  readonly flags: readonly (readonly [flag: string, meaning: string])[];
}

const database = "Needs DATABASE_URL; waits for the database while it is away, and applies missing migrations.";

const services: readonly ServiceCommand[] = [
  { name: "parser", port: 8081, description: `Finds, checks and registers definitions. ${database}`, flags: [] },
  { name: "scheduler", port: 8082, description: `Turns time and requests into runs. ${database}`, flags: [] },
  {
    name: "executor",
    port: 8083,
    description: `Advances runs and feeds workers. ${database}`,
    flags: [
      ["--scheduler <urls>", "addresses of schedulers, for tasks that trigger a DAG (default: http://127.0.0.1:8082)"],
    ],
  },
  {
    name: "worker",
    port: 8084,
    description: "Runs attempts. Listens for health alone, reaches executors, and never the database.",
    flags: [
      ["--worker-id <id>", "name of the worker (default: made once, kept in the data directory)"],
      ["--queues <names>", "queues that it takes attempts from, separated by commas (default: default)"],
      ["--slots <number>", "attempts that it runs at once (default: number of cores)"],
      ["--labels <pairs>", "labels that tasks may ask for, as zone=a,gpu=true"],
      ["--executors <urls>", "addresses of executors (default: http://127.0.0.1:8083)"],
    ],
  },
  {
    name: "gateway",
    port: 8080,
    description: `The door for people and programs: gRPC, REST, events, page. ${database}`,
    flags: [
      ["--parser <urls>", "addresses of parsers (default: http://127.0.0.1:8081)"],
      ["--scheduler <urls>", "addresses of schedulers (default: http://127.0.0.1:8082)"],
      ["--executors <urls>", "addresses of executors (default: http://127.0.0.1:8083)"],
    ],
  },
];

export function configure(command: Command, context: CliContext): void {
  command.description(
    "Start one service in a process of its own. All of them share one PostgreSQL, named by DATABASE_URL.",
  );
  for (const { name, port, description, flags } of services) {
    const service = withServerFlags(command.command(name), { port });
    service.summary(description.slice(0, description.indexOf(".")).toLowerCase()).description(description);
    if (name !== "worker") withUnsafeFlag(service);
    for (const [flag, meaning] of flags) service.option(flag, meaning);
    service.action(async (given: StartFlags) => {
      const { runService } = await import("../serve/run-service.ts");
      await runService(name, given, context);
    });
    withExamples(service, [
      [`millrace start ${name}`, ""],
      [`millrace start ${name} --dry-run`, "check everything first"],
    ]);
  }
  withExamples(command, [
    ["DATABASE_URL=postgres://… millrace start executor", ""],
    ["millrace start worker --executors http://10.0.0.5:8083 --slots 8", "on another machine"],
  ]);
}
