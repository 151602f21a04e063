import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { findExecutable, systemPath } from "../find-executable.ts";
import type { ProcessTools } from "./enclosure.ts";
import { joinOutboundNetwork } from "./outbound-network.ts";

/** One try may take so long, in milliseconds. */
const tryTimeoutMs = 10_000;

/** All that enclosing a process asks of the kernel at once. */
const tryOptions: readonly string[] = [
  ...["--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"],
  ...["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"],
];
const nothing: readonly string[] = ["--", "/bin/sh", "-c", ":"];

type Found =
  | { readonly tools: ProcessTools; readonly outboundReason: string | null }
  | { readonly reason: string; readonly outboundReason: string };

/** The programs that enclose processes, or what is in the way. `areKnown`: all of it worked before, and nothing has changed. */
export async function findProcessTools(
  host: Readonly<Record<string, string | undefined>>,
  areKnown = false,
): Promise<Found> {
  const find = (name: string): string | null => {
    const found = findExecutable(name, { searchPath: host["PATH"] ?? systemPath, cwd: "/" });
    return "path" in found ? found.path : null;
  };
  const bubblewrap = find("bwrap");
  if (bubblewrap === null) return lacking("there is no program bwrap; install bubblewrap");
  const slirp4netns = find("slirp4netns");
  if (areKnown && slirp4netns !== null) return { tools: { bubblewrap, slirp4netns }, outboundReason: null };
  const [apart, outside] = await Promise.all([
    tryCommand(bubblewrap, ["--unshare-net", ...tryOptions, ...nothing]),
    slirp4netns === null ? "there is no program slirp4netns; install it" : tryOutbound({ bubblewrap, slirp4netns }),
  ]);
  if (apart !== null) return lacking(`${bubblewrap} does not work here: ${apart}`);
  const tools = { bubblewrap, slirp4netns: outside === null ? slirp4netns : null };
  return { tools, outboundReason: outside };
}

function lacking(reason: string): Found {
  return { reason, outboundReason: reason };
}

function tryOutbound(tools: ProcessTools): Promise<string | null> {
  const command = joinOutboundNetwork({ file: tools.bubblewrap, args: [...tryOptions, ...nothing] }, tools);
  return "code" in command ? Promise.resolve(command.message) : tryCommand(command.file, command.args);
}

/** Null when it worked, else what it said. Nothing of it is left. */
async function tryCommand(file: string, args: readonly string[]): Promise<string | null> {
  const environment = { PATH: systemPath, TMPDIR: tmpdir() };
  const child = spawn(file, args, { env: environment, detached: true, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    said = (said + piece).slice(-1000);
  });
  const killAll = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  };
  const timer = setTimeout(killAll, tryTimeoutMs);
  try {
    const [exitCode] = (await once(child, "exit")) as [number | null];
    if (exitCode === 0) return null;
    return said.trim().split("\n").at(-1) || `it ended with ${exitCode ?? "a signal"}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    killAll();
  }
}
