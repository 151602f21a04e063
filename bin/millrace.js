#!/usr/bin/env node
// Starts the CLI, in a checkout (TypeScript, which Node runs from 22.18 on) as in the installed package (JavaScript that
// needs as much). An older Node hands over to the Node 24 that npm installed with Millrace. The replacement gets the
// same arguments, terminal and signals, and its end is ours.
import { spawn } from "node:child_process";
import module, { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

// A service by itself keeps its young generation small, collects its heap soon (cli/serve/heap-growth.ts), and gives memory
// back while it is idle (cli/serve/memory-trim.ts).
// The client of Kafka makes one timer of negative length a process, and Node a warning of it.
const SERVICE_FLAGS =
  process.argv[2] === "start"
    ? [
        "--max-semi-space-size=2",
        "--heap-growing-percent=200",
        "--expose-gc",
        "--disable-warning=TimeoutNegativeWarning",
      ]
    : [];

if (isTooOld(process.versions.node)) {
  runWithInstalledNode();
} else if (SERVICE_FLAGS.length > 0 && canReplaceItself()) {
  process.execve(process.execPath, [process.execPath, ...SERVICE_FLAGS, ...process.execArgv, ...process.argv.slice(1)]);
} else {
  // Compiled code is kept between starts, types stripped: a small definition runs a quarter sooner, and a process that
  // finds all of its code there never loads the stripper, which takes 17 MiB. So it is begun before any TypeScript.
  module.enableCompileCache();
  await import("#cli/main.ts");
}

function isTooOld(version) {
  const [major, minor] = version.split(".").map(Number);
  return major < 22 || (major === 22 && minor < 18);
}

/** Once, and where the system and this Node can; the process keeps its number, files and signals. */
function canReplaceItself() {
  const isDone = process.execArgv.some((flag) => flag.startsWith("--max-semi-space-size"));
  return !isDone && process.execve !== undefined && process.platform !== "win32";
}

/** The program of the one `node-…` package that npm chose for this platform, wherever it put it; null when it is not there. */
function findInstalledNode() {
  const require = createRequire(import.meta.url);
  const { optionalDependencies } = require("../package.json");
  for (const name of Object.keys(optionalDependencies).filter((dependency) => dependency.startsWith("node-"))) {
    try {
      const manifest = require.resolve(`${name}/package.json`);
      return join(dirname(manifest), require(manifest).bin.node);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return null;
}

function runWithInstalledNode() {
  const node = findInstalledNode();
  if (node === null) {
    const advice = "install a newer one, or Millrace again with its optional packages, which bring one";
    process.stderr.write(`millrace needs Node.js 22.18 or newer, this is ${process.versions.node}: ${advice}\n`);
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
