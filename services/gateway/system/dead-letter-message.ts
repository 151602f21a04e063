import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type DeadLetter as DeadLetterMessage, DeadLetterSchema } from "#gen/millrace/v1/dead_letter_service_pb.js";
import type { DeadLetter, DeadLetterEntry } from "#ports/dead-letter-store.ts";
import { timeOrAbsent } from "../optional-fields.ts";

/** A dead letter as the API has it; the message itself is there where the store gave it. */
export function toDeadLetterMessage(letter: DeadLetterEntry | DeadLetter): DeadLetterMessage {
  const { deadLetterKey, topic, partition, offset, reason, size, isCut, reportedBy, furtherCount } = letter;
  const replayedAt = timeOrAbsent(letter.replayedAt);
  return create(DeadLetterSchema, {
    id: String(deadLetterKey),
    ...{ topic, partition, offset: BigInt(offset), reason, size: BigInt(size), isCut, reportedBy },
    parkedAt: timestampFromMs(letter.parkedAt),
    ...(replayedAt === undefined ? {} : { replayedAt }),
    furtherCount: BigInt(furtherCount),
    ...("headers" in letter ? contentOf(letter) : {}),
  });
}

function contentOf({ key, value, headers }: DeadLetter) {
  return { ...(key === null ? {} : { key }), ...(value === null ? {} : { value }), headers: [...headers] };
}
