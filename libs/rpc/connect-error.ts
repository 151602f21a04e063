import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { AppError, describeError } from "#errors/app-error.ts";
import { type ErrorCode, errorCatalog, type ErrorKind } from "#errors/catalog.ts";

const codeByKind: Readonly<Record<ErrorKind, Code>> = {
  invalid: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  forbidden: Code.PermissionDenied,
  not_found: Code.NotFound,
  conflict: Code.FailedPrecondition,
  too_large: Code.ResourceExhausted,
  exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  timeout: Code.DeadlineExceeded,
  internal: Code.Internal,
};

/** What an error of the protocol itself, one without our detail, stands for; the rest is `INTERNAL`. */
const codeByStatus: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.Canceled]: "PEER_UNAVAILABLE",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "TIMEOUT",
  [Code.ResourceExhausted]: "BODY_TOO_LARGE",
  [Code.Aborted]: "PEER_UNAVAILABLE",
  [Code.Unimplemented]: "ROUTE_NOT_FOUND",
  [Code.Unavailable]: "PEER_UNAVAILABLE",
};

/**
 * The error as it goes over the wire: the code by kind, and one `google.protobuf.Struct` detail
 * `{error_code, details, request_id}` that every client library can decode.
 */
export function toConnectError(error: AppError, requestId: string): ConnectError {
  const facts = { error_code: error.code, details: toJsonObject(error.details), request_id: requestId };
  const detail = { desc: StructSchema, value: fromJson(StructSchema, facts) };
  return new ConnectError(error.message, codeByKind[error.kind], undefined, [detail], error.cause);
}

/** What a call threw, as the `AppError` that the other side raised; without its detail, the code nearest to the status. */
export function fromConnectError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const error = ConnectError.from(thrown);
  for (const struct of error.findDetails(StructSchema)) {
    const facts = toJson<typeof StructSchema>(StructSchema, struct);
    const code = facts["error_code"];
    if (typeof code !== "string" || !isErrorCode(code)) continue;
    return new AppError(code, error.rawMessage, { cause: error, details: toJsonObject(facts["details"]) });
  }
  const code = codeByStatus[error.code] ?? (isNodeError(error.cause) ? "PEER_UNAVAILABLE" : "INTERNAL");
  return new AppError(code, error.rawMessage, { cause: error });
}

/** The texts of a thrown value and of its causes, outermost first, for logs. */
export function describeChain(thrown: unknown): string {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  for (let current = thrown; current !== undefined && !seen.has(current); current = causeOf(current)) {
    seen.add(current);
    texts.push(describeError(current));
  }
  return texts.join(": ");
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.cause : undefined;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}

/** Node marks errors of sockets and sessions with a `code` in capitals. */
function isNodeError(cause: unknown): boolean {
  return (
    cause instanceof Error && "code" in cause && typeof cause.code === "string" && /^E[A-Z_0-9]+$/.test(cause.code)
  );
}

/** Leaves out what JSON can't carry. */
function toJsonObject(value: unknown): JsonObject {
  const json: unknown = JSON.parse(JSON.stringify(value ?? {}));
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as JsonObject) : {};
}
