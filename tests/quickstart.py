"""Follows the README and the page Quickstart as a new user does: a form's message, an inbox with a bell, a daily mail, and a
program in Python that receives an event. Prints `QUICKSTART <task> <step>` for each step of the user, then the number of
steps and the minutes, without those of the compiler.

The crate is this checkout, by a path dependency that a user does not need. All other crates are fetched and built. Ports
are free ones. It needs target/venv: tests/setup.sh.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target/quickstart"
MAX_MINUTES = 5
README = (ROOT / "README.md").read_text()
QUICKSTART = (ROOT / "src/docs/quickstart.md").read_text()
# Speeds up a clock that starts before the mail of the morning, in the zone of the page.
BEFORE_EIGHT = "@2026-12-01 06:59:30"


def block(page: str, heading: str, language: str) -> str:
    """Returns the first block of a language after a heading, without the lines that rustdoc hides."""
    found = re.search(rf"^```{re.escape(language)}\n(.*?)^```$", page.split(heading, 1)[1], re.M | re.S)
    assert found, f"{heading} has no block of {language}"
    return "".join(line for line in found[1].splitlines(True) if not line.startswith("# "))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Task:
    """A task of a new user: it counts steps, and the time that is not the compiler's."""

    def __init__(self, name: str) -> None:
        self.name, self.steps, self.compiling, self.started = name, 0, 0.0, time.monotonic()
        self.folder = WORK / name
        self.folder.mkdir(parents=True)
        self.environment = os.environ | {"CARGO_TARGET_DIR": str(WORK / "target"), "PATH": path()}
        self.programs: list[subprocess.Popen[bytes]] = []

    def step(self, what: str) -> None:
        self.steps += 1
        print(f"QUICKSTART {self.name} {self.steps}: {what}", flush=True)

    def shell(self, command: str) -> str:
        """Runs a command of a page. `salver` comes from this checkout."""
        command = command.split("#")[0].strip()
        self.step(command)
        real = re.sub(r"^cargo add actix-web salver$", "cargo add actix-web && cargo add salver", command)
        real = real.replace("cargo add salver", f"cargo add --path {ROOT} salver").replace("cargo add", "cargo add --quiet")
        run = subprocess.run(
            ["bash", "-c", real], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def start(self, command: str, port: int, **variables: str) -> subprocess.Popen[bytes]:
        environment = self.environment | variables
        log = (self.folder / "output").open("ab")
        program = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=environment, stdout=log, stderr=log
        )
        self.programs.append(program)
        wait_for(command, lambda: answers(port) or program.poll() is not None)
        assert program.poll() is None, self.output()
        return program

    def cargo_run(self, prefix: str = "", **variables: str) -> tuple[subprocess.Popen[bytes], str]:
        self.step("cargo run")
        before = time.monotonic()
        subprocess.run(["cargo", "build", "--quiet"], cwd=self.folder, env=self.environment, check=True)
        self.compiling += time.monotonic() - before
        binary, port = WORK / "target/debug" / self.folder.name, free_port()
        program = self.start(f"{prefix}{binary}", port, SALVER_ADDR=f"127.0.0.1:{port}", **variables)
        return program, f"http://127.0.0.1:{port}"

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def finish(self) -> None:
        for program in self.programs:
            program.send_signal(signal.SIGKILL)
            program.wait()
        minutes = (time.monotonic() - self.started - self.compiling) / 60
        compiler = self.compiling / 60
        print(f"QUICKSTART {self.name} steps={self.steps} minutes={minutes:.1f} compiler_minutes={compiler:.1f}", flush=True)
        assert minutes < MAX_MINUTES, f"{self.name} takes more than {MAX_MINUTES} minutes"


def path() -> str:
    return f"{ROOT}/target/venv/bin:{WORK}/target/debug:{os.environ['PATH']}"


class Browser:
    """Keeps cookies and follows redirects."""

    def __init__(self) -> None:
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, url: str) -> str:
        return str(self.opener.open(url, timeout=10).read().decode())

    def post(self, url: str) -> str:
        return str(self.opener.open(url, data=b"", timeout=10).read().decode())


def form() -> None:
    task = Task("form")
    heading = "## A form, a redirect, a page"
    task.shell("cargo init --quiet --name form")
    task.shell(block(README, heading, "sh"))
    task.step("paste the program of the README into src/main.rs")
    (task.folder / "src/main.rs").write_text(block(README, heading, "rust,no_run"))
    _, site = task.cargo_run()
    browser, text = Browser(), "Your settings have been changed successfully."
    task.step("open the page and press the button")
    assert text not in browser.get(f"{site}/settings")
    assert text in browser.post(f"{site}/settings")
    task.step("reload")
    assert text not in browser.get(f"{site}/settings")
    task.finish()


def site_with_inbox(task: Task) -> None:
    heading = "## An inbox and a bell"
    for command in block(QUICKSTART, heading, "sh").splitlines():
        task.shell(command.replace("cargo new graphs && cd graphs", f"cargo init --quiet --name {task.name}"))
    task.step("paste the program of the page into src/main.rs")
    (task.folder / "src/main.rs").write_text(block(QUICKSTART, heading, "no_run"))


def log_in_and_upload(task: Task, site: str) -> Browser:
    browser = Browser()
    task.step("log in")
    assert ">1</" not in browser.post(f"{site}/login")
    task.step("upload")
    home = browser.post(f"{site}/upload")
    bell = re.search(r"<salver-bell.*</salver-bell>", home)
    assert bell and ">1<" in bell[0], home
    return browser


def inbox() -> None:
    task = Task("inbox")
    site_with_inbox(task)
    _, site = task.cargo_run()
    browser = log_in_and_upload(task, site)
    task.step("follow the link to the inbox, and read")
    page = browser.get(f"{site}/salver/inbox")
    link = re.search(r'href="([^"]*/salver/inbox/[0-9a-f-]{36}[^"]*)"', page)
    assert "Graph p53 uploaded." in page and link, page
    home = browser.get(site + link[1])
    assert "<salver-bell></salver-bell>" in home, home
    task.finish()


def add_mail(task: Task, smtp: int) -> str:
    """Follows the section about mails. Returns the file that sends them."""
    heading = "## A daily mail"
    section = QUICKSTART.split(heading, 1)[1]
    line = re.search(r"^`(cargo add [^`]*)`", section, re.M)
    assert line
    task.shell(line[1])
    task.step("paste the other file of the page into src/mails.rs")
    mails = block(QUICKSTART, heading, "no_run").replace(":2525", f":{smtp}")
    (task.folder / "src/mails.rs").write_text(mails)
    main = (task.folder / "src/main.rs").read_text()
    edits = re.findall(r"^\| `([^`]*)` \| `([^`]*)` \|$", section, re.M)
    for old, new in edits:
        assert main.count(old) == 1, old
        main = main.replace(old, new)
    task.step(f"change {len(edits) + 1} lines of src/main.rs")
    (task.folder / "src/main.rs").write_text(f"mod mails;\n{main}")
    return mails


def mail() -> None:
    task, smtp = Task("mail"), free_port()
    site_with_inbox(task)
    mails = add_mail(task, smtp)
    lines = [line.split("#")[0].strip() for line in block(QUICKSTART, "`src/main.rs` begins", "sh").splitlines()]
    install, server, export, _ = lines
    task.step(install)  # tests/setup.sh has.
    task.step(server)
    task.start(server.removesuffix("&").replace("2525", str(smtp)), smtp, PYTHONUNBUFFERED="1")
    task.step(export)
    secret = {"SALVER_SECRET": os.urandom(32).hex()}
    # A minute lasts a second, so that the mail of the morning comes while this script waits.
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    clock = {"LD_PRELOAD": str(library), "FAKETIME": f"{BEFORE_EIGHT} x60", "TZ": "UTC", "DONT_FAKE_MONOTONIC": "1"}
    program, site = task.cargo_run(**secret, **clock)
    log_in_and_upload(task, site)
    wait_for("the mail of the morning", lambda: "Graph p53 uploaded." in task.output(), 60)
    program.kill()
    task.step("write Cadence::AtOnce, to see one at once")
    once = mails.replace("Cadence::Daily { hour: 8 }", "Cadence::AtOnce")
    assert once != mails
    (task.folder / "src/mails.rs").write_text(once)
    before = task.output().count("Graph p53 uploaded.")
    _, site = task.cargo_run(**secret)
    log_in_and_upload(task, site)
    wait_for("a mail", lambda: task.output().count("Graph p53 uploaded.") > before)
    task.finish()


def webhook() -> None:
    task = Task("webhook")
    heading = "## Tell another program"
    section = README.split(heading, 1)[1]
    task.step("cargo install salver --features server")
    before = time.monotonic()
    build = ["cargo", "build", "--quiet", "--locked", "--bin", "salver", "--features", "server"]
    subprocess.run(build, cwd=ROOT, env=task.environment, check=True)
    task.compiling += time.monotonic() - before
    assert "`pip install flask standardwebhooks`" in section
    task.step("pip install flask standardwebhooks")  # tests/setup.sh has.
    task.step("copy examples/broker/subscriber.py")
    (task.folder / "examples").mkdir()
    shutil.copytree(ROOT / "examples/broker", task.folder / "examples/broker")
    broker, subscriber = free_port(), free_port()
    script = block(README, heading, "sh").replace(":8090", f":{broker}").replace(":5000", f":{subscriber}")
    script = script.replace("salver serve", f"salver serve --listen 127.0.0.1:{broker}")
    task.step("paste the commands of the README")
    log = (task.folder / "output").open("wb")
    variables = task.environment | {"PORT": str(subscriber)}
    program = subprocess.Popen(
        ["bash", "-c", script + "\nwait"], cwd=task.folder, env=variables, stdout=log, stderr=log, start_new_session=True
    )
    try:
        task.step("read what the subscriber prints")
        printed = re.findall(r"`(counter\.\w+ \{[^`]*\})`", section)
        wait_for(" and ".join(printed), lambda: all(line in task.output() for line in printed))
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
    task.finish()


TASKS = {"form": form, "inbox": inbox, "mail": mail, "webhook": webhook}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        shutil.rmtree(WORK, ignore_errors=True)
    for name in sys.argv[1:] or TASKS:
        shutil.rmtree(WORK / name, ignore_errors=True)
        TASKS[name]()
