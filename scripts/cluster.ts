import { bringUp } from "./cluster-command/bring-up.ts";
import { clusterHelp, parseClusterArguments } from "./cluster-command/cluster-arguments.ts";
import { showStatus } from "./cluster-command/show-status.ts";
import { takeDown } from "./cluster-command/take-down.ts";
import { ROOT } from "./process/run-command.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const parsed = parseClusterArguments(process.argv.slice(2), { root: ROOT, directory: process.cwd() });
switch (parsed.command) {
  case "help":
    say(clusterHelp);
    break;
  case "wrong":
    process.stderr.write(`${parsed.message}\nscripts/cluster --help shows what there is\n`);
    process.exitCode = 2;
    break;
  case "up":
    process.exitCode = await bringUp(parsed.plan, say);
    break;
  case "status":
    process.exitCode = await showStatus(parsed.folder, say);
    break;
  case "down":
    process.exitCode = await takeDown(parsed.folder, say);
    break;
}
