#!/usr/bin/env node
// Starts the CLI. Its sources are TypeScript, which Node runs from 22.18 on; an older Node hands over to the Node 24
// that npm installed with Millrace. The replacement gets the same arguments, terminal and signals, and its end is ours.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

if (process.features.typescript) {
  await import("../cli/main.ts");
} else {
  runWithInstalledNode();
}

function runWithInstalledNode() {
  const node = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
  if (!existsSync(node)) {
    process.stderr.write(`millrace needs Node.js 22.18 or newer, this is ${process.version}: run npm ci first\n`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
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
