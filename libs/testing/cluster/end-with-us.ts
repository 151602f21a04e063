import { type ChildProcess, spawn } from "node:child_process";

/** Reads until its input ends: after a line the child has ended by itself, without one our process has. */
const guardScript = 'read -r _ && exit 0; kill -KILL "$1"';

/**
 * Ends a child of ours when our process ends, however it ends: a shell of its own session holds the other end of a pipe
 * and kills the child when the pipe breaks. A signal to our process group reaches neither shell nor a detached child.
 */
export function endWithUs(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const guard = spawn("/bin/sh", ["-c", guardScript, "sh", String(child.pid)], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  if ("unref" in guard.stdin && typeof guard.stdin.unref === "function") guard.stdin.unref();
  child.once("exit", () => guard.stdin.end("ended\n"));
}
