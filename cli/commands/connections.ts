import type { Command } from "commander";
import type { Connections } from "#connections/connections.ts";
import type { Settings } from "#config/settings-schema.ts";
import { type OutputFormat, withClientFlags, withExamples } from "../command-flags.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { renderTable } from "../rendering/table.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";

type ConnectionFlags = Flags & { readonly output: OutputFormat };

export function configure(command: Command, context: CliContext): void {
  command.description(
    "List and test the connections that tasks name, as this machine's settings and environment have them; a worker elsewhere has its own.",
  );
  const list = command
    .command("list")
    .summary("list connections")
    .description(
      "Print the connections by name: type, target and source, never a password. Exit code 1 when one can't be read.",
    );
  withClientFlags(list).action((flags: ConnectionFlags) => listConnections(flags, context));
  withExamples(list, [["millrace connections list", ""]]);
  const test = command
    .command("test <name>")
    .summary("try a connection")
    .description("Open a connection once and say what answers. Exit code 1 when it does not work.");
  withClientFlags(test).action((name: string, flags: ConnectionFlags) => testConnection(name, flags, context));
  withExamples(test, [["millrace connections test shop", ""]]);
  withExamples(command, [
    ["millrace connections list", "names, types, targets"],
    ["MILLRACE_CONN_SHOP=postgres://me:…@db/shop millrace connections test shop", "try one"],
  ]);
}

async function listConnections(flags: ConnectionFlags, context: CliContext): Promise<void> {
  const listed = (await connectionsOf(await settingsFromFlags(flags, context), context)).list();
  await writeResult(context, {
    format: flags.output,
    json: () =>
      listed.map(({ name, kind, target, source, problem }) => ({ name, type: kind, target, source, problem })),
    lines: (options) =>
      renderTable({
        columns: [{ title: "NAME" }, { title: "TYPE" }, { title: "TARGET", flexible: true }, { title: "SOURCE" }],
        rows: listed.map(({ name, kind, target, source, problem }) => [
          { text: name },
          { text: kind ?? "wrong", color: kind === null ? "red" : "plain" },
          { text: problem ?? target },
          { text: source },
        ]),
        ...options,
      }),
  });
  if (listed.some(({ problem }) => problem !== null)) context.setExitCode(exitCodes.failed);
}

async function testConnection(name: string, flags: ConnectionFlags, context: CliContext): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const { probeConnection } = await import("#connections/probe-connection.ts");
  const { createOutboundPolicy } = await import("#outbound/outbound-policy.ts");
  const { targetOf } = await import("#connections/connection-target.ts");
  const connection = (await connectionsOf(settings, context)).find(name);
  const startedAt = performance.now();
  const policy = createOutboundPolicy({ allow: settings.outbound.allow });
  const answer = await withProgress(
    context.terminal,
    `testing ${connection.name}`,
    probeConnection(connection, policy),
  );
  const durationMs = Math.round(performance.now() - startedAt);
  await writeResult(context, {
    format: flags.output,
    json: () => ({
      name: connection.name,
      type: connection.kind,
      target: targetOf(connection),
      answer,
      duration_ms: durationMs,
    }),
    lines: ({ paint }) => [`${paint("green", "works")} ${targetOf(connection)} in ${durationMs} ms: ${answer}`],
  });
}

async function connectionsOf({ connections }: Settings, { environment }: CliContext): Promise<Connections> {
  const { createConnections } = await import("#connections/connections.ts");
  return createConnections({ environment, directory: connections.directory, configured: connections.named });
}
