import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { DeadLetterService } from "#gen/millrace/v1/dead_letter_service_pb.js";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { DeadLetter, DeadLetterStore } from "#ports/dead-letter-store.ts";
import { toDeadLetterMessage } from "./dead-letter-message.ts";
import { parseFilter, readSingle } from "../filter.ts";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import { onlyOne } from "../runs/run-service.ts";

/** Longer reasons are refused: they go into the log. */
const maxReasonLength = 1_000;

/** Handles DeadLetterService: reads from the store, replays and drops through an executor. */
export function createDeadLetterService(deps: {
  readonly letters: DeadLetterStore;
  readonly executor: Transport;
}): ServiceImpl<typeof DeadLetterService> {
  const { letters } = deps;
  const executor = createClient(ExecutorService, deps.executor);
  return {
    async listDeadLetters(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["topic"], text: false });
      const topic = onlyOne("topic", request.topic, readSingle(filter, "topic"));
      const found = await letters.list(page, { topic });
      return {
        deadLetters: found.items.map(toDeadLetterMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getDeadLetter({ id }) {
      return { deadLetter: toDeadLetterMessage(await requireLetter(letters, id)) };
    },

    async replayDeadLetter({ id }, context) {
      await executor.replayDeadLetter({ id, caller: anonymousCaller }, forwardOptions(context));
      return { deadLetter: toDeadLetterMessage(await requireLetter(letters, id)) };
    },

    async dropDeadLetter({ id, reason }, context) {
      if (reason.length > maxReasonLength) throw invalidField("reason", `is longer than ${maxReasonLength} characters`);
      const letter = await requireLetter(letters, id);
      await executor.dropDeadLetter({ id, caller: anonymousCaller, reason }, forwardOptions(context));
      return { deadLetter: toDeadLetterMessage(letter) };
    },
  };
}

/** The letter, or `DEAD_LETTER_NOT_FOUND`. */
async function requireLetter(letters: DeadLetterStore, id: string): Promise<DeadLetter> {
  const letter = /^\d{1,15}$/.test(id) ? await letters.find(Number(id)) : null;
  if (letter === null)
    throw new AppError("DEAD_LETTER_NOT_FOUND", `there is no dead letter ${id.slice(0, 100)}`, { details: { id } });
  return letter;
}
