/** What an error means to the caller; one interceptor maps each to an RPC code and an HTTP status. */
export type ErrorKind =
  | "invalid" // 400: the request or definition is wrong
  | "unauthenticated" // 401
  | "forbidden" // 403
  | "not_found" // 404
  | "conflict" // 409: the state does not allow it
  | "too_large" // 413
  | "exhausted" // 429: a limit is reached, try later
  | "unavailable" // 503: a dependency is away, try again
  | "timeout" // 504
  | "internal"; // 500: a bug

interface CatalogEntry {
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  /** What the user can do, one sentence. */
  readonly advice: string;
}

function entry(kind: ErrorKind, retryable: boolean, advice: string): CatalogEntry {
  return { kind, retryable, advice };
}

/** Every error that leaves the program. docs/errors.md lists the same; a test compares them. */
export const errorCatalog = {
  INTERNAL: entry("internal", false, "Look for the request id in the server's log and report it."),
  INVALID_ARGUMENT: entry("invalid", false, "Correct the named field."),
  INVALID_DEFINITION: entry("invalid", false, "Correct the listed problems; `millrace validate FILE` shows them."),
  INVALID_PARAMETERS: entry("invalid", false, "Give parameters that fit the definition's schema."),
  INVALID_CONFIG: entry("invalid", false, "Correct the named setting."),
  DAG_NOT_FOUND: entry("not_found", false, "List the definitions with `millrace dags list`."),
  DAG_VERSION_NOT_FOUND: entry("not_found", false, "List the versions with `millrace dags versions DAG`."),
  DAG_FILE_PRESENT: entry("conflict", false, "Remove the file named in details; its DAG then leaves force by itself."),
  TEMPLATE_NOT_FOUND: entry("not_found", false, "List the templates with `millrace template list`."),
  TEMPLATE_EXISTS: entry("conflict", false, "Raise the version; what was published stays as it is."),
  TEMPLATE_IN_USE: entry("conflict", false, "Delete or update the named DAGs first, or remove the template's file."),
  RUN_NOT_FOUND: entry("not_found", false, "List the runs with `millrace runs`."),
  TASK_INSTANCE_NOT_FOUND: entry("not_found", false, "List the instances with `millrace show RUN`."),
  ROUTE_NOT_FOUND: entry("not_found", false, "Look the path up in docs/api.md."),
  METHOD_NOT_ALLOWED: entry("invalid", false, "Use one of the methods in the Allow header."),
  CROSS_SITE_REFUSED: entry("forbidden", false, "Send the request from the server's own page, or without a browser."),
  INVALID_ANSWERS: entry("invalid", false, "Give answers that fit the form; `millrace approvals` shows it."),
  APPROVAL_NOT_WAITING: entry("conflict", false, "Look at the task: it was answered, or ended otherwise."),
  POOL_NOT_FOUND: entry("not_found", false, "List pools with `millrace pools list`."),
  RUN_EXISTS: entry("conflict", false, "Use the run named in details, or `replace_existing`."),
  CONCURRENCY_LIMIT: entry(
    "conflict",
    false,
    "Wait until the run named in details has ended, or let runs queue: `on_conflict: queue`.",
  ),
  RUN_ARCHIVED: entry("conflict", false, "Trigger a new run; an archived one stays as it is."),
  RUN_CHANGED: entry("conflict", true, "Read the run and try again."),
  OUTPUTS_REMOVED: entry("conflict", false, "Let the named tasks run again, too, or rerun from all."),
  NOTHING_TO_REPAIR: entry("conflict", false, "Name tasks, or rerun from all."),
  IDEMPOTENCY_CONFLICT: entry("conflict", false, "Use a new idempotency key for a different request."),
  DAG_ID_TAKEN: entry("conflict", false, "Rename the DAG in one of the two files."),
  DAG_ARCHIVED: entry("conflict", false, "Restore the definition's file first."),
  MANUAL_TRIGGER_FORBIDDEN: entry("forbidden", false, "Set `allow_manual_trigger: true` in the definition."),
  DAG_NOT_SCHEDULED: entry("conflict", false, "Give the definition a schedule, or trigger runs one by one."),
  BACKFILL_NOT_FOUND: entry("not_found", false, "List the backfills with `millrace backfill list`."),
  BACKFILL_ENDED: entry("conflict", false, "Create another backfill."),
  SENSOR_NOT_FOUND: entry("not_found", false, "List the sensors with `millrace sensors`."),
  SENSOR_FAILED: entry("unavailable", true, "Mend what the sensor watches; `millrace sensors show` has the cause."),
  HOOK_NOT_FOUND: entry("not_found", false, "Use the name of a webhook of a definition in force."),
  HOOK_SIGNATURE_INVALID: entry("unauthenticated", false, "Sign the request as docs/webhooks.md says."),
  HOOK_UNAVAILABLE: entry("unavailable", true, "Set the webhook's secret where the gateway runs; its log says which."),
  HOOK_NAME_TAKEN: entry("conflict", false, "Rename the webhook in one of the two definitions."),
  INVALID_OUTPUT: entry(
    "invalid",
    false,
    "Correct what the task writes to $MILLRACE_OUTPUT; docs/operators.md has the form and limits.",
  ),
  VALUE_MISSING: entry("invalid", false, "Give the named parameter or output, or write `| default(…)` after it."),
  VALUE_UNUSABLE: entry("invalid", false, "Pass the named value in a file or an output instead."),
  EXPRESSION_FAILED: entry("invalid", false, "Correct the named expression; docs/definitions.md has the language."),
  WORKER_NOT_FOUND: entry("not_found", false, "List the workers with `millrace workers`."),
  WORKER_REFUSED: entry("conflict", false, "Give the worker its own id, or a version that the executor speaks."),
  BODY_TOO_LARGE: entry("too_large", false, "Send less than the named limit."),
  DATABASE_UNAVAILABLE: entry(
    "unavailable",
    true,
    "Check DATABASE_URL and that PostgreSQL answers; requests are retried.",
  ),
  BUS_UNAVAILABLE: entry(
    "unavailable",
    true,
    "Check KAFKA_BROKERS and that Kafka answers; work goes on without it, events come late.",
  ),
  BUS_NOT_CONFIGURED: entry("conflict", false, "Set KAFKA_BROKERS for the executors, or drop the message."),
  DEAD_LETTER_NOT_FOUND: entry("not_found", false, "List them with `millrace dead-letters list`."),
  DEAD_LETTER_NOT_REPLAYABLE: entry("conflict", false, "Drop it, and let its sender send the message again."),
  ARTIFACT_NOT_FOUND: entry("not_found", false, "List the files with `millrace artifacts list RUN`."),
  ARTIFACT_AMBIGUOUS: entry("conflict", false, "Say which task, item or attempt is meant; details name them."),
  INVALID_ARTIFACT: entry("invalid", false, "Give the file a name and a size that docs/artifacts.md allows."),
  ARTIFACT_STORE_UNAVAILABLE: entry(
    "unavailable",
    true,
    "Check the settings `artifacts.*`, and that the folder or the object store answers.",
  ),
  PEER_UNAVAILABLE: entry("unavailable", true, "Start the named service, or correct its address."),
  OUTBOUND_REFUSED: entry(
    "forbidden",
    false,
    "Use a public address, or allow this one in the setting `outbound.allow`.",
  ),
  OUTBOUND_UNREACHABLE: entry("unavailable", true, "Check the address, and that a server answers there."),
  OUTBOUND_UNTRUSTED: entry("invalid", false, "Give the server a certificate that this machine trusts."),
  RESPONSE_TOO_LARGE: entry("too_large", false, "Ask the server for less, or leave the body away."),
  INVALID_RESPONSE: entry("invalid", false, "Correct what the server answers, or ask another one."),
  SECRET_NOT_FOUND: entry("not_found", false, "Set the secret where the worker runs; docs/connections.md says how."),
  SECRET_UNUSABLE: entry("invalid", false, "Give the secret a value that can be masked in logs."),
  SECRET_UNAVAILABLE: entry("unavailable", true, "Check the setting `secrets.command` and what it asks."),
  CONNECTION_NOT_FOUND: entry("not_found", false, "List the connections with `millrace connections list`."),
  INVALID_CONNECTION: entry("invalid", false, "Correct the connection; docs/connections.md has its forms."),
  CONNECTION_FAILED: entry(
    "unavailable",
    true,
    "Check its host, port, user and password, and that its server answers; `millrace connections test NAME` tries it.",
  ),
  PORT_IN_USE: entry("conflict", false, "Stop the other program or choose another port with --port."),
  DATA_DIR_UNUSABLE: entry("invalid", false, "Choose a writable folder with --data-dir."),
  EMBEDDED_DATABASE_FAILED: entry(
    "unavailable",
    false,
    "Read the named log, or set DATABASE_URL to a PostgreSQL of your own.",
  ),
  DATABASE_UNSAFE: entry("conflict", false, "Switch fsync and synchronous_commit on, or pass --unsafe."),
  MIGRATION_CHANGED: entry("conflict", false, "Migrations are append-only: restore the file that was applied."),
  STREAM_TOO_SLOW: entry("exhausted", true, "Reconnect with the last event id; nothing is lost."),
  TIMEOUT: entry("timeout", true, "Try again, or give more time."),
} as const satisfies Record<string, CatalogEntry>;

export type ErrorCode = keyof typeof errorCatalog;
