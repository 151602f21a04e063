import { runCommand } from "./process/run-command.ts";

// Repairs what tools can repair; the linter goes first, because its repairs need formatting.
const commands: readonly (readonly [string, ...string[]])[] = [
  ["oxlint", "--type-aware", "--fix"],
  ["biome", "format", "--write", "."],
  ["buf", "format", "--write"],
  ["node", "scripts/complete-lock.ts"],
];
for (const [command, ...args] of commands) {
  process.stdout.write(`${command} ${args.join(" ")}\n`);
  const { code } = await runCommand(command, args, { live: true });
  if (code !== 0) process.exitCode = 1;
}
