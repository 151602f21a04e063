import type { Command } from "commander";
import { withExamples, withServerFlags, withUnsafeFlag } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import type { Flags } from "../settings-from-flags.ts";

export type DevFlags = Flags & { readonly dryRun?: boolean; readonly open: boolean; readonly unsafe?: boolean };

export function configure(command: Command, context: CliContext): void {
  withUnsafeFlag(withServerFlags(command, { port: 8080 }))
    .description(
      "Start everything in this process: parser, scheduler, executor, worker and gateway, with an embedded PostgreSQL in the data directory unless DATABASE_URL names another.",
    )
    .option("--slots <number>", "tasks that run at once (default: number of cores)")
    .option("--no-open", "do not open the page in a browser (it never does unless on a terminal)")
    .action(async (flags: DevFlags) => {
      const { runDev } = await import("../serve/run-dev.ts");
      await runDev(flags, context);
    });
  withExamples(command, [
    ["millrace dev", "definitions of dags/, page and API at http://127.0.0.1:8080"],
    ["millrace dev --dags examples --port 8090 --data-dir /tmp/millrace", "a second one beside it"],
    ["DATABASE_URL=postgres://… millrace dev", "with a database of your own"],
    ["millrace dev --dry-run", "check everything first"],
  ]);
}
