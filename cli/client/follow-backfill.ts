import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#errors/app-error.ts";
import { type Backfill, BackfillState } from "#gen/millrace/v1/backfill_service_pb.js";
import { type CliContext, type ExitCode, exitCodes } from "../context.ts";
import { backfillStateCell, progressText } from "../rendering/backfill-view.ts";
import { LiveScreen } from "../rendering/live-screen.ts";
import { clockText } from "../rendering/time-text.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { keepTrying } from "./keep-trying.ts";

/** A backfill has no events of its own: it is asked for so often. */
const lookEveryMs = 1000;

/** Shows the progress of a backfill until its end, or until Ctrl-C, and sets the exit code by its outcome. */
export async function followBackfill(
  gateway: GatewayClient,
  first: Backfill,
  { context, isVisible }: { readonly context: CliContext; readonly isVisible: boolean },
): Promise<Backfill> {
  const { terminal } = context;
  const stopping = new AbortController();
  const endInterrupt = context.onInterrupt((count) => (count === 1 ? stopping.abort() : context.abort()));
  let latest = first;
  const line = (): string => {
    const state = backfillStateCell(latest);
    return `${terminal.paint(state.color ?? "plain", state.text)}  ${progressText(latest, terminal.paint)}`;
  };
  const screen = isVisible && terminal.isInteractive ? new LiveScreen(terminal, () => [line()]) : null;
  screen?.start();
  let printed = "";
  const print = (): void => {
    screen?.invalidate();
    if (screen !== null || !isVisible || line() === printed) return;
    printed = line();
    terminal.write(`${clockText(context.now())} ${printed}\n`);
  };
  try {
    print();
    const looks = keepTrying(
      () => look(gateway, first.backfillId, stopping.signal),
      () => latest.endDate !== undefined,
      {
        signal: stopping.signal,
        onAway: () => terminal.writeError("the server is away; trying again\n"),
      },
    );
    for await (const found of looks) {
      latest = found;
      print();
    }
  } finally {
    screen?.stop();
    endInterrupt();
  }
  if (latest.endDate === undefined) {
    terminal.writeError(`${latest.backfillId} goes on; \`millrace backfill cancel ${latest.backfillId}\` ends it\n`);
    context.abort();
  } else {
    context.setExitCode(outcomeOf(latest));
  }
  return latest;
}

async function* look(gateway: GatewayClient, backfillId: string, signal: AbortSignal): AsyncGenerator<Backfill> {
  while (!signal.aborted) {
    const { backfill } = await gateway.backfills.getBackfill({ backfillId });
    if (backfill === undefined) throw new AppError("BACKFILL_NOT_FOUND", `there is no backfill ${backfillId}`);
    yield backfill;
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** It succeeded if every slot did, or was left alone. */
function outcomeOf({ state, progress }: Backfill): ExitCode {
  if (state === BackfillState.CANCELLED) return exitCodes.cancelled;
  const lost = (progress?.failed ?? 0) + (progress?.refused ?? 0) + (progress?.cancelled ?? 0);
  return lost === 0 ? exitCodes.success : exitCodes.failed;
}
