import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnections } from "#connections/connections.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";
import type { OperatorContext } from "./operator.ts";
import type { OperatorHost } from "./operator-host.ts";

/** What a worker lends, with these connections and this allow list. */
export function createTestHost(
  options: { connections?: Readonly<Record<string, string>>; allow?: readonly string[]; virtualenvs?: string } = {},
): OperatorHost {
  return {
    outbound: createOutboundPolicy({ allow: options.allow ?? [] }),
    connections: createConnections({ environment: {}, directory: null, configured: options.connections ?? {} }),
    sessions: createSessionPools(openSession),
    virtualenvs: options.virtualenvs ?? join(tmpdir(), "millrace-no-virtualenvs"),
  };
}

/** The context of an attempt that runs in this process; a test overrides what it looks at. */
export function createTestContext(overrides: Partial<OperatorContext> = {}): OperatorContext {
  return {
    attempt: {
      dagRunId: "r",
      dagId: "d",
      taskId: "t",
      tryNumber: 1,
      maxTries: 9,
      logicalDate: "2026-01-01T00:00:00Z",
      idempotencyKey: "r/t/1.1",
    },
    config: {},
    environment: {},
    parameters: {},
    workingDirectory: "",
    codeDirectory: "",
    dagDirectory: "",
    host: createTestHost(),
    signal: new AbortController().signal,
    graceMs: 0,
    keepSecret: () => {},
    log: () => {},
    startProcess: () => Promise.reject(new Error("no process in this process")),
    ...overrides,
  };
}
