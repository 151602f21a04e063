import type { SessionResponse } from "#gen/millrace/v1/worker_session_service_pb.js";
import { keyOf } from "./attempt.ts";
import { fromAssignment, fromDuration, fromRefMessage, fromVerdict } from "./session-messages.ts";
import type { SessionEvent } from "./session-signals.ts";
import { ticketKeyOf } from "./ticket-ref.ts";

const defaultLeaseMs = 15_000;
const defaultIntervalMs = 5000;
const defaultGraceMs = 30_000;

/** All chunks of an attempt up to this one are durable. It concerns the log alone, not the session's state. */
export interface LogAcknowledged {
  readonly kind: "log_acknowledged";
  readonly key: string;
  readonly sequence: number;
}

/** What a message means; nothing when it names no attempt, or is of a kind that this worker did not ask for. */
export function toEvents(
  connection: number,
  { message }: SessionResponse,
): readonly (SessionEvent | LogAcknowledged)[] {
  switch (message.case) {
    case "welcome": {
      const { lease, heartbeatInterval, held } = message.value;
      const verdicts = held.flatMap(({ attempt, verdict }) =>
        attempt === undefined ? [] : [[keyOf(fromRefMessage(attempt)), fromVerdict(verdict)] as const],
      );
      const leaseMs = fromDuration(lease, defaultLeaseMs);
      const intervalMs = fromDuration(heartbeatInterval, defaultIntervalMs);
      return [{ kind: "welcome", connection, leaseMs, intervalMs, verdicts: new Map(verdicts) }];
    }
    case "heartbeatReply": {
      const { sequence, lease } = message.value;
      const leaseMs = lease === undefined ? null : fromDuration(lease, defaultLeaseMs);
      return [{ kind: "beat_answered", connection, sequence: Number(sequence), leaseMs }];
    }
    case "assignment": {
      const assignment = fromAssignment(message.value);
      return assignment === null ? [] : [{ kind: "assigned", connection, assignment }];
    }
    case "outcomeAck": {
      const { attempt, accepted, reason, next } = message.value;
      const assignment = next === undefined ? null : fromAssignment(next);
      const key = attempt === undefined ? "" : keyOf(fromRefMessage(attempt));
      return [{ kind: "outcome_acknowledged", connection, key, accepted, reason, next: assignment }];
    }
    case "logAck": {
      const { attempt, sequence } = message.value;
      return attempt === undefined
        ? []
        : [{ kind: "log_acknowledged", key: keyOf(fromRefMessage(attempt)), sequence: Number(sequence) }];
    }
    case "stopOrder": {
      const { attempt, reason, grace } = message.value;
      if (attempt === undefined) return [];
      return [
        { kind: "stop_ordered", ref: fromRefMessage(attempt), reason, graceMs: fromDuration(grace, defaultGraceMs) },
      ];
    }
    case "drain":
      return [
        {
          kind: "drain_ordered",
          connection,
          reason: message.value.reason,
          goElsewhere: message.value.reconnectElsewhere,
        },
      ];
    case "claimReply": {
      const { attempt, verdict } = message.value;
      if (attempt === undefined) return [];
      const key = ticketKeyOf(fromRefMessage(attempt));
      const assignment = verdict.case === "assignment" ? fromAssignment(verdict.value) : null;
      const reason = verdict.case === "drop" ? verdict.value.reason : (verdict.case ?? "");
      return [{ kind: "claim_answered", connection, key, assignment, reason }];
    }
    case "ticket":
    case undefined:
      return [];
  }
}
