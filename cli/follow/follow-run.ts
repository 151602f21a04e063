import { LogFollower } from "./log-follower.ts";
import type { RunFeed, RunPresenter } from "./run-feed.ts";
import { type ProgressChange, RunProgress } from "./run-progress.ts";

export interface FollowOptions {
  readonly feed: RunFeed;
  readonly presenter: RunPresenter;
  /** False: states only. */
  readonly withLogs: boolean;
  readonly signal: AbortSignal;
}

/** When the run has ended and no line came for so long, its logs are taken as complete. */
const logQuietMs = 5_000;

/** Shows a run until it has ended (its `end_date`, not its state) or the signal, and answers what it came to. */
export async function followRun({ feed, presenter, withLogs, signal }: FollowOptions): Promise<RunProgress> {
  const { identity, tasks } = await feed.describe();
  const progress = new RunProgress(identity, tasks);
  const follower = new LogFollower({
    feed,
    onLines: (taskId, lines) => {
      progress.addLines(
        taskId,
        lines.map((line) => line.text),
      );
      presenter.logged(taskId, lines);
    },
  });
  presenter.begin(progress);
  try {
    for await (const changes of feed.changes(signal)) {
      for (const change of changes) {
        progress.apply(change);
        presenter.changed(change);
        if (withLogs) followLog(follower, progress, change);
      }
    }
    if (!signal.aborted) await follower.finish(logQuietMs);
    return progress;
  } finally {
    follower.stop();
    presenter.end();
  }
}

function followLog(follower: LogFollower, progress: RunProgress, change: ProgressChange): void {
  if (change.kind !== "task" || change.state !== "running") return;
  const tryNumber = change.tryNumber ?? progress.task(change.taskId).tryNumber;
  const taskId = change.itemKey === null ? change.taskId : `${change.taskId}[${change.itemKey}]`;
  follower.follow({ taskId, instanceId: change.instanceId, tryNumber });
}
