import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import {
  ExecutorServiceDropDeadLetterResponseSchema,
  ExecutorServiceReplayDeadLetterResponseSchema,
  type ExecutorService,
} from "#gen/millrace/v1/executor_service_pb.js";
import type { Bus } from "#ports/bus.ts";
import type { DeadLetter, DeadLetterStore } from "#ports/dead-letter-store.ts";
import type { Logger } from "#telemetry/logger.ts";

type DeadLetterHandlers = Pick<ServiceImpl<typeof ExecutorService>, "replayDeadLetter" | "dropDeadLetter">;

const idPattern = /^\d{1,15}$/;

/** What people decide about parked messages. */
export function createDeadLetterHandlers(options: {
  readonly letters: DeadLetterStore;
  /** Null: none is configured. */
  readonly bus: Pick<Bus, "publishRaw"> | null;
  readonly logger: Logger;
}): DeadLetterHandlers {
  const { letters, bus, logger } = options;
  return {
    async replayDeadLetter({ id, caller }) {
      const letter = await requireLetter(letters, id);
      checkReplayable(letter, id);
      if (bus === null) {
        throw new AppError("BUS_NOT_CONFIGURED", `dead letter ${id} can't be replayed: this deployment has no bus`);
      }
      await bus.publishRaw(letter);
      // A crash before this leaves it as it was: then a second replay sends a second copy, which a claim tells apart.
      await letters.markReplayed(letter.deadLetterKey);
      logger.info({ dead_letter: id, ...placeOf(letter), caller }, "a dead letter was replayed");
      return create(ExecutorServiceReplayDeadLetterResponseSchema);
    },
    async dropDeadLetter({ id, caller, reason }) {
      const letter = await requireLetter(letters, id);
      if (!(await letters.drop(letter.deadLetterKey))) throw notFound(id);
      logger.info({ dead_letter: id, ...placeOf(letter), caller, reason }, "a dead letter was dropped");
      return create(ExecutorServiceDropDeadLetterResponseSchema);
    },
  };
}

async function requireLetter(letters: DeadLetterStore, id: string): Promise<DeadLetter> {
  const letter = idPattern.test(id) ? await letters.find(Number(id)) : null;
  if (letter === null) throw notFound(id);
  return letter;
}

function notFound(id: string): AppError {
  return new AppError("DEAD_LETTER_NOT_FOUND", `there is no dead letter ${id.slice(0, 100)}`);
}

function checkReplayable({ isCut, size, replayedAt }: DeadLetter, id: string): void {
  if (isCut) {
    const message = `dead letter ${id} can't be replayed: its message (${size} bytes) was too long to be kept whole; its sender has to send it again`;
    throw new AppError("DEAD_LETTER_NOT_REPLAYABLE", message);
  }
  if (replayedAt !== null) {
    const at = new Date(replayedAt).toISOString();
    throw new AppError("DEAD_LETTER_NOT_REPLAYABLE", `dead letter ${id} was replayed at ${at}; drop it`);
  }
}

function placeOf({ topic, partition, offset }: DeadLetter): Pick<DeadLetter, "topic" | "partition" | "offset"> {
  return { topic, partition, offset };
}
