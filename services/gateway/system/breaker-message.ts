import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { BreakerSchema } from "#gen/millrace/v1/system_service_pb.js";
import type { BreakerStatus } from "#ports/breaker-status.ts";

/** A breaker as the API has it. */
export function toBreakerMessage({ name, state, changes }: BreakerStatus): MessageInitShape<typeof BreakerSchema> {
  return {
    name,
    state,
    changes: changes.map((change) => ({
      state: change.state,
      timestamp: timestampFromMs(change.at),
      cause: change.cause,
    })),
  };
}
