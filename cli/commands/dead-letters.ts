import type { Command } from "commander";
import { AppError } from "#errors/app-error.ts";
import { type DeadLetter, DeadLetterSchema } from "#gen/millrace/v1/dead_letter_service_pb.js";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import { readPages } from "../client/pages.ts";
import { type ClientFlags, withClientFlags, withExamples } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { wholeNumber } from "../option-values.ts";
import { renderDeadLetter, renderDeadLetters } from "../rendering/dead-letter-view.ts";
import { writeResult } from "../write-result.ts";

interface ListFlags extends ClientFlags {
  readonly topic?: string;
  readonly limit: number;
}

interface DropFlags extends ClientFlags {
  readonly reason: string;
}

export function configure(command: Command, context: CliContext): void {
  command.description("Messages of the bus that nobody could use: look at them, send them again, or delete them.");
  const list = command.command("list").summary("list dead letters").description("List dead letters, newest first.");
  withClientFlags(list)
    .option("--topic <topic>", "only those of this topic")
    .option("--limit <number>", "how many", wholeNumber({ min: 1, max: 100_000 }), 20)
    .action((flags: ListFlags) => listLetters(flags, context));
  withExamples(list, [["millrace dead-letters list --topic millrace.tasks.default", "of one queue"]]);
  const show = command.command("show <id>").summary("show one with its message").description("Show a dead letter.");
  withClientFlags(show).action((id: string, flags: ClientFlags) =>
    showLetter(flags, context, async (gateway) => (await gateway.deadLetters.getDeadLetter({ id })).deadLetter),
  );
  withExamples(show, [["millrace dead-letters show 17 --output json", "key, value and headers in base64"]]);
  const replay = command
    .command("replay <id>")
    .summary("send one again")
    .description(
      "Send the message to its partition again, byte for byte. Refused when it was too long to be kept whole.",
    );
  withClientFlags(replay).action((id: string, flags: ClientFlags) =>
    showLetter(flags, context, async (gateway) => (await gateway.deadLetters.replayDeadLetter({ id })).deadLetter),
  );
  withExamples(replay, [["millrace dead-letters replay 17", "once its reader can use it"]]);
  const drop = command.command("drop <id>").summary("delete one").description("Delete a dead letter.");
  withClientFlags(drop)
    .option("--reason <text>", "for the log", "")
    .action((id: string, flags: DropFlags) => dropLetter(id, flags, context));
  withExamples(drop, [["millrace dead-letters drop 17 --reason 'a test of ours'", ""]]);
  withExamples(command, [
    ["millrace dead-letters list", "the newest 20"],
    ["millrace dead-letters replay 17", "send one again"],
  ]);
}

async function listLetters({ topic = "", ...flags }: ListFlags, context: CliContext): Promise<void> {
  const letters = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    readPages(flags.limit, async (page) => {
      const answer = await gateway.deadLetters.listDeadLetters({ topic, ...page });
      return { items: answer.deadLetters, nextCursor: answer.nextCursor };
    }),
  );
  await writeResult(context, {
    format: flags.output,
    json: () => letters.map(toJson),
    lines: (options) => (letters.length === 0 ? ["no dead letters"] : renderDeadLetters(letters, options)),
  });
}

async function showLetter(
  flags: ClientFlags,
  context: CliContext,
  ask: (gateway: GatewayClient) => Promise<DeadLetter | undefined>,
): Promise<void> {
  const letter = await askGateway(flags, context, ask);
  await writeResult(context, {
    format: flags.output,
    json: () => toJson(letter),
    lines: () => renderDeadLetter(letter),
  });
}

async function dropLetter(id: string, { reason, ...flags }: DropFlags, context: CliContext): Promise<void> {
  const letter = await askGateway(
    flags,
    context,
    async (gateway) => (await gateway.deadLetters.dropDeadLetter({ id, reason })).deadLetter,
  );
  await writeResult(context, {
    format: flags.output,
    json: () => toJson(letter),
    lines: () => [`dropped ${letter.id} of ${letter.topic}`],
  });
}

async function askGateway(
  flags: ClientFlags,
  context: CliContext,
  ask: (gateway: GatewayClient) => Promise<DeadLetter | undefined>,
): Promise<DeadLetter> {
  const letter = await withGateway({ flags: { ...flags }, context }, ask);
  if (letter === undefined) throw new AppError("INTERNAL", "the server answered without a dead letter");
  return letter;
}

function toJson(letter: DeadLetter): ReturnType<typeof messageToJson> {
  return messageToJson(DeadLetterSchema, letter);
}
