import { crc32 } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OutcomeSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { describeError } from "#errors/app-error.ts";
import { keyOf } from "./attempt.ts";
import { fromOutcomeMessage } from "./from-outcome-message.ts";
import type { SpooledOutcome } from "./outcome-spool.ts";
import { toOutcomeMessage } from "./session-messages.ts";

/** The form of the file: four letters, the CRC-32 of the rest, and the rest, an `Outcome` of the session's protocol. */
const mark = Buffer.from("MRO1", "latin1");
const headLength = mark.length + 4;

export function encodeOutcomeFile({ ref, report }: Omit<SpooledOutcome, "key">): Uint8Array {
  const body = toBinary(OutcomeSchema, create(OutcomeSchema, toOutcomeMessage(ref, report)));
  const head = Buffer.alloc(headLength);
  mark.copy(head);
  head.writeUInt32BE(crc32(body), mark.length);
  return Buffer.concat([head, body]);
}

/** The outcome of a file, or in a word what is wrong with it. */
export function decodeOutcomeFile(bytes: Buffer): SpooledOutcome | string {
  if (bytes.length < headLength) return "it ends before its head does";
  if (!bytes.subarray(0, mark.length).equals(mark)) return "it is no outcome";
  const body = bytes.subarray(headLength);
  if (crc32(body) !== bytes.readUInt32BE(mark.length)) return "its checksum is wrong";
  try {
    const outcome = fromOutcomeMessage(fromBinary(OutcomeSchema, body));
    return outcome === null ? "it names no attempt" : { ...outcome, key: keyOf(outcome.ref) };
  } catch (error) {
    return describeError(error);
  }
}
