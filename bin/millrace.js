#!/usr/bin/env node
// Starts the CLI. Its sources are TypeScript, which Node runs from 22.18 on; an older Node hands over to the Node 24
// that npm installed with Millrace. The replacement gets the same arguments, terminal and signals, and its end is ours.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

// A service by itself keeps its young generation small: five idle ones take 390 MiB instead of 480.
const SERVICE_FLAGS = process.argv[2] === "start" ? ["--max-semi-space-size=2"] : [];

if (!process.features.typescript) {
  runWithInstalledNode();
} else if (SERVICE_FLAGS.length > 0 && canReplaceItself()) {
  process.execve(process.execPath, [process.execPath, ...SERVICE_FLAGS, ...process.execArgv, ...process.argv.slice(1)]);
} else {
  await import("../cli/main.ts");
}

/** Once, and where the system and this Node can; the process keeps its number, files and signals. */
function canReplaceItself() {
  const isDone = process.execArgv.some((flag) => flag.startsWith("--max-semi-space-size"));
  return !isDone && process.execve !== undefined && process.platform !== "win32";
}

function runWithInstalledNode() {
  const node = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
  if (!existsSync(node)) {
    process.stderr.write(`millrace needs Node.js 22.18 or newer, this is ${process.version}: run npm ci first\n`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [...SERVICE_FLAGS, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  child.on("error", (error) => {
    process.stderr.write(`millrace: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  forwardSignals(child);
}

function forwardSignals(child) {
  // At a terminal, Ctrl-C reaches every process of the foreground group: the child has it already.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of FORWARDED_SIGNALS) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !hasTerminal) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    for (const name of FORWARDED_SIGNALS) process.removeAllListeners(name);
    if (signal === null) process.exitCode = code ?? 1;
    else process.kill(process.pid, signal);
  });
}
