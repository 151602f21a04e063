/** Exit codes of the script itself; its last line then begins with `millrace: `. */
export const virtualenvExitCodes = { unusable: 120, unreachable: 121 } as const;

/**
 * Arguments: folder of the virtualenvs, file of requirements, how many to keep, command. Runs the command with the
 * virtualenv of these requirements, which it makes where there is none yet. A lock of the kernel is held until the
 * command ends: exclusive while one makes it, shared while it is used, so that no one cleans up what is in use, and
 * nothing is left locked by whoever dies. What was made only in part has no mark, and is made again.
 */
export const virtualenvScript: string = `
import fcntl, hashlib, os, re, shutil, subprocess, sys

def give_up(code, text):
    print("millrace: " + text, file=sys.stderr)
    sys.exit(code)

def is_ready(home):
    return os.path.exists(os.path.join(home, "millrace-ready"))

def last_used(home):
    return os.path.getmtime(os.path.join(home, "millrace-ready")) if is_ready(home) else 0

def lock_of(home):
    return os.open(home + ".lock", os.O_RDWR | os.O_CREAT, 0o600)

def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout.strip()

def has_modern_pip():
    try:
        import pip
        return int(pip.__version__.split(".")[0]) >= 23
    except (ImportError, ValueError):
        return False

def make(home, wanted):
    print("making a virtualenv for the requirements", file=sys.stderr, flush=True)
    shutil.rmtree(home, ignore_errors=True)
    python = os.path.join(home, "bin", "python3")
    # The interpreter's own pip serves every virtualenv: to put one into each takes three times as long.
    shares_pip = has_modern_pip()
    pip = [sys.executable, "-I", "-m", "pip", "--python", python] if shares_pip else [python, "-m", "pip"]
    code, said = run(sys.executable, "-I", "-m", "venv", *(["--without-pip"] if shares_pip else []), home)
    if code != 0:
        give_up(${virtualenvExitCodes.unusable}, "python3 can't make virtualenvs here (Debian: install python3-venv): " + said[-300:].replace("\\n", " "))
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    code, said = run(*pip, "install", *options, "-r", wanted)
    if code != 0:
        print(said, file=sys.stderr)
        if re.search(r"ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries|timed out|name resolution|unreachable", said):
            give_up(${virtualenvExitCodes.unreachable}, "the requirements can't be installed: the package index can't be reached")
        errors = [line for line in said.splitlines() if line.startswith("ERROR: ")] or [said[-300:]]
        give_up(${virtualenvExitCodes.unusable}, "the requirements can't be installed: " + errors[-1].replace("ERROR: ", ""))
    open(os.path.join(home, "millrace-ready"), "w").close()

def clean(root, kept):
    homes = [entry.path for entry in os.scandir(root) if entry.is_dir()]
    for home in sorted(homes, key=last_used, reverse=True)[kept:]:
        lock = lock_of(home)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)

def enter(root, wanted, kept):
    with open(wanted, encoding="utf-8") as file:
        text = file.read()
    for line in text.splitlines():
        if re.match(r"\\s*(-[rce]|--(requirement|constraint|editable))\\b", line):
            give_up(${virtualenvExitCodes.unusable}, "requirements can't refer to other files, which may change unseen: " + line.strip())
    name = hashlib.sha256("\\0".join([sys.version, sys.executable, text]).encode()).hexdigest()[:32]
    home = os.path.join(root, name)
    os.makedirs(root, mode=0o700, exist_ok=True)
    lock = lock_of(home)
    while True:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if is_ready(home):
            break
        fcntl.flock(lock, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_ready(home):
            make(home, wanted)
            clean(root, kept)
        fcntl.flock(lock, fcntl.LOCK_UN)
    os.utime(os.path.join(home, "millrace-ready"))
    os.set_inheritable(lock, True)
    return home

root, wanted, kept, *command = sys.argv[1:]
try:
    home = enter(root, wanted, int(kept))
except OSError as error:
    give_up(${virtualenvExitCodes.unusable}, "the requirements can't be used: " + str(error))
os.environ["VIRTUAL_ENV"] = home
os.environ["PATH"] = os.path.join(home, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
os.environ.pop("PYTHONHOME", None)
try:
    os.execvp(command[0], command)
except OSError as error:
    give_up(127, command[0] + ": " + (error.strerror or str(error)))
`.trim();
