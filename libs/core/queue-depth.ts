/** Who asks why something waits is told how many wait with it, up to this; to count further takes long and tells no more. */
export const mostQueuedTold = 10_000;
