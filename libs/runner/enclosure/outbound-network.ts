import type { StartFailure } from "../find-executable.ts";
import type { ProcessTools } from "./enclosure.ts";

/** How often the helper looks whether the command has left the host's network, and how often at most: for 5 s. */
const looks = 500;

/** Bubblewrap keeps this descriptor open as long as anything of the command runs, and passes it to none of it. */
const lifeDescriptor = 4;

/**
 * $0 is slirp4netns, the rest the command. The shell becomes `unshare`, then the command, under one process id. A helper
 * beside it waits until that process has a network of its own, and connects it; the command begins once it is connected.
 * The helper ignores the polite signal, since the command may need the network to clean up; it ends with the command,
 * when nobody holds the other end of its descriptor 5 any more.
 */
const script = `
own=$$ host=$(readlink /proc/$$/ns/net) slirp=$0
ready=$(mktemp -u "\${TMPDIR:-/tmp}/network.XXXXXX") && mkfifo -m 600 "$ready" "$ready.life" || exit 125
exec ${lifeDescriptor}<>"$ready.life" 5<"$ready.life"
rm -f "$ready.life"
(
  trap '' TERM INT HUP
  left=${looks}
  set --
  [ "$(id -u)" = 0 ] || set -- --userns-path=/proc/$own/ns/user
  while [ "$(readlink /proc/$own/ns/net)" = "$host" ] && [ $left -gt 0 ]; do left=$((left - 1)); sleep 0.01; done
  [ $left -gt 0 ] || exit 1
  exec "$slirp" --configure --mtu=65520 --disable-host-loopback --ready-fd=3 --exit-fd=5 "$@" $own tap0
) 3>"$ready" ${lifeDescriptor}>&- >/dev/null 2>&1 </dev/null &
[ "$(id -u)" = 0 ] && flags=-n || flags='-U -n --map-current-user'
exec unshare $flags -- /bin/sh -c '
  connected=$(head -c 1 "$0"); rm -f "$0"
  [ "$connected" = 1 ] || { echo "the network of this attempt could not be connected" >&2; exit 125; }
  exec "$@"' "$ready" "$@" 5<&-
`;

/** Gives a command of bubblewrap's a network of its own that slirp4netns connects to the outside; the host's loopback is not in it. */
export function joinOutboundNetwork(
  { file, args }: { readonly file: string; readonly args: readonly string[] },
  { slirp4netns }: ProcessTools,
): { readonly file: string; readonly args: readonly string[] } | StartFailure {
  if (slirp4netns === null)
    return {
      code: "configuration",
      message: "this worker can't enclose a process as `network: outbound`; install slirp4netns",
    };
  return { file: "/bin/sh", args: ["-c", script, slirp4netns, file, "--sync-fd", String(lifeDescriptor), ...args] };
}
