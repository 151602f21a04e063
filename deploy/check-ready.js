// A container's health check: `node check-ready.js PORT` ends with 0 when the service on that port can take work.
const deadlineMs = 4000;
const address = `http://127.0.0.1:${process.argv[2]}/readyz`;
const answer = await fetch(address, { signal: AbortSignal.timeout(deadlineMs) }).catch(() => null);
process.exitCode = answer?.ok === true ? 0 : 1;
