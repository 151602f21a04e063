import {
  type ArtifactAck,
  type SessionResponse,
  Verdict as VerdictMessage,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { keyOf } from "./attempt.ts";
import type { PoisonPlace } from "./poison-reports.ts";
import { fromAssignment, fromDuration, fromRefMessage } from "./session-messages.ts";
import type { SessionEvent, Verdict } from "./session-signals.ts";
import { ticketKeyOf } from "./ticket-ref.ts";

const defaultLeaseMs = 15_000;
const defaultIntervalMs = 5000;
const defaultGraceMs = 30_000;

/** What this worker does not know it keeps: the executor will say more with the next session. */
const verdictWords = {
  [VerdictMessage.UNSPECIFIED]: "keep",
  [VerdictMessage.KEEP]: "keep",
  [VerdictMessage.KILL]: "kill",
  [VerdictMessage.SETTLED]: "settled",
} as const satisfies Record<VerdictMessage, Verdict>;

/** All chunks of an attempt up to this one are durable. It concerns the log alone, not the session's state. */
export interface LogAcknowledged {
  readonly kind: "log_acknowledged";
  readonly key: string;
  readonly sequence: number;
}

/** A message that is no ticket is out of the way; it concerns the consumer of tickets alone. */
export interface PoisonParked {
  readonly kind: "poison_parked";
  readonly place: PoisonPlace;
}

/** How far a file has come; it concerns the sending of files alone. */
export interface ArtifactAcknowledged {
  readonly kind: "artifact_acknowledged";
  readonly ack: ArtifactAck;
}

/** What a message means; nothing when it names no attempt, or is of a kind that this worker did not ask for. */
export function toEvents(
  connection: number,
  { message }: SessionResponse,
): readonly (SessionEvent | LogAcknowledged | PoisonParked | ArtifactAcknowledged)[] {
  switch (message.case) {
    case "welcome": {
      const { lease, heartbeatInterval, held } = message.value;
      const verdicts = held.flatMap(({ attempt, verdict }) =>
        attempt === undefined ? [] : [[keyOf(fromRefMessage(attempt)), verdictWords[verdict]] as const],
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
    case "poisonAck": {
      const { topic, partition, offset } = message.value;
      return [{ kind: "poison_parked", place: { topic, partition, offset: Number(offset) } }];
    }
    case "artifactAck":
      return [{ kind: "artifact_acknowledged", ack: message.value }];
    case "ticket":
    case undefined:
      return [];
  }
}
