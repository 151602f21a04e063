import { type DagRun, DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import type { OutputFormat } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { followRun } from "../follow/follow-run.ts";
import { createLivePresenter, createPlainPresenter, createSilentPresenter } from "../follow/presenters.ts";
import type { RunPresenter } from "../follow/run-feed.ts";
import { runStateCell } from "../rendering/run-list.ts";
import { outcomeExitCode } from "../run-outcome.ts";
import { withProgress } from "../waiting.ts";
import { writeResult } from "../write-result.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { createGatewayFeed } from "./gateway-feed.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { readRun } from "./read-run.ts";

export interface FollowServerRunOptions {
  readonly context: CliContext;
  readonly format: OutputFormat;
  /** False: wait only, and print the run when it has ended. */
  readonly isVisible: boolean;
}

/** Waits for the end of a server's run, showing its progress where that is wanted, and sets the exit code by its outcome. */
export async function followServerRun(
  gateway: GatewayClient,
  run: DagRun,
  options: FollowServerRunOptions,
): Promise<void> {
  const { context } = options;
  const stopping = new AbortController();
  const endInterrupt = context.onInterrupt((count) => (count === 1 ? stopping.abort() : context.abort()));
  const isVisible = options.isVisible && options.format === "table";
  try {
    const feed = createGatewayFeed(gateway, run, {
      onAway: () => context.terminal.writeError("the server is away; trying again\n"),
    });
    const following = followRun({
      feed,
      presenter: choosePresenter(isVisible, context),
      withLogs: isVisible,
      signal: stopping.signal,
    });
    const progress = await (isVisible
      ? following
      : withProgress(context.terminal, `waiting for ${run.dagRunId}`, following));
    if (progress.endedAt === null) {
      context.terminal.writeError(`${run.dagRunId} goes on; \`millrace cancel ${run.dagRunId}\` ends it\n`);
      context.abort();
      return;
    }
    context.setExitCode(outcomeExitCode(progress.state));
    if (!isVisible) await writeEnd(gateway, run, options);
  } finally {
    endInterrupt();
  }
}

function choosePresenter(isVisible: boolean, context: CliContext): RunPresenter {
  if (!isVisible) return createSilentPresenter();
  const { terminal, now } = context;
  return terminal.isInteractive
    ? createLivePresenter(terminal, { hint: "Ctrl-C stops watching, the run goes on", now })
    : createPlainPresenter(terminal);
}

async function writeEnd(
  gateway: GatewayClient,
  run: DagRun,
  { context, format }: FollowServerRunOptions,
): Promise<void> {
  const ended = await readRun(gateway, { runId: run.dagRunId, dagId: undefined });
  await writeResult(context, {
    format,
    json: () => messageToJson(DagRunSchema, ended),
    lines: ({ paint }) => {
      const cell = runStateCell(ended);
      return [`${paint(cell.color ?? "plain", cell.text)} ${ended.dagId} ${ended.dagRunId}`];
    },
  });
}
