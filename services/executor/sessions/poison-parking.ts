import { create } from "@bufbuild/protobuf";
import { AppError } from "#errors/app-error.ts";
import { PoisonAckSchema, type PoisonReport } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { DeadLetterStore, NewDeadLetter } from "#ports/dead-letter-store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { WorkerSession } from "./session.ts";

/** Rows that are kept of one topic; what comes beyond is counted on the newest of them. */
const maxRowsPerTopic = 1000;
/** Workers send no more of a value than this; what another program sends beyond is cut. */
const maxValueBytes = 64 * 1024;
const maxHeaders = 200;
const maxReasonLength = 1000;
/** In a flood one line of the log stands for so many messages that are only counted. */
const countedPerLine = 1000;

const topicPattern = /^[A-Za-z0-9_.-]{1,249}$/;

/** Parks what workers find in the topics of their queues and can't read (G12); acknowledged after COMMIT. */
export class PoisonParking {
  readonly #letters: DeadLetterStore;
  readonly #logger: Logger;
  /** Messages by topic since this executor began. */
  readonly #parkedCounts = new Map<string, number>();
  readonly #countedCounts = new Map<string, number>();

  constructor(options: { readonly letters: DeadLetterStore; readonly logger: Logger }) {
    this.#letters = options.letters;
    this.#logger = options.logger;
  }

  /** A report that comes again changes nothing and is acknowledged again. */
  async park(session: WorkerSession, report: PoisonReport): Promise<void> {
    const letter = toDeadLetter(session, report);
    const { topic, partition, offset } = report;
    const result = await this.#letters.park(letter, maxRowsPerTopic);
    session.send({ case: "poisonAck", value: create(PoisonAckSchema, { topic, partition, offset }) });
    if (result === "parked") this.#notePark(letter);
    else if (result === "counted") this.#noteCount(letter);
  }

  #notePark({ topic, partition, offset, reason, size, reportedBy }: NewDeadLetter): void {
    const parkedCount = (this.#parkedCounts.get(topic) ?? 0) + 1;
    this.#parkedCounts.set(topic, parkedCount);
    this.#logger.warn(
      { topic, partition, offset, reason, size, worker_id: reportedBy, parked_count: parkedCount },
      "a message that is no ticket was parked; look at it with `millrace dead-letters`",
    );
  }

  #noteCount({ topic, partition, offset }: NewDeadLetter): void {
    const countedCount = (this.#countedCounts.get(topic) ?? 0) + 1;
    this.#countedCounts.set(topic, countedCount);
    if (countedCount % countedPerLine !== 1) return;
    this.#logger.error(
      { topic, partition, offset, kept: maxRowsPerTopic, counted_count: countedCount },
      "a topic has as many dead letters as are kept: what comes now is only counted",
    );
  }
}

/** Refuses what lay in no topic of the worker's queues: so the number of topics, and of rows, has a limit. */
function toDeadLetter({ queues, workerId }: WorkerSession, report: PoisonReport): NewDeadLetter {
  const { topic, partition, offset, key, value, headers, size, isCut } = report;
  if (!topicPattern.test(topic) || !queues.some((queue) => topic.endsWith(`.tasks.${queue}`))) {
    const shown = JSON.stringify(topic.slice(0, 100));
    throw new AppError(
      "INVALID_ARGUMENT",
      `worker ${workerId} reports poison of ${shown}, which is no topic of its queues`,
    );
  }
  return {
    topic,
    partition,
    offset: Number(offset),
    reason: report.reason.slice(0, maxReasonLength),
    key: key ?? null,
    value: value?.subarray(0, maxValueBytes) ?? null,
    headers: headers.slice(0, maxHeaders).map((header) => ({ name: header.name, value: header.value })),
    size: Number(size),
    isCut: isCut || (value?.length ?? 0) > maxValueBytes || headers.length > maxHeaders,
    reportedBy: workerId,
  };
}
