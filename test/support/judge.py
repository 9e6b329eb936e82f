"""Programs of others that judge ours: run to their end, and what they printed looked through for lines.

They exit with 0 for much that is a failure, so a test goes by the lines; one that is missing is a failure too, and so
is a judge that is not installed.
"""
import re
import subprocess


def judge(*command, seconds=120, input="", statuses=(0,)):
    """What a judge prints on standard output and standard error, once it has ended with one of these statuses."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, input=input, timeout=seconds, errors="replace")
    except FileNotFoundError:
        raise AssertionError(f"{words[0]} is not installed") from None
    if done.returncode not in statuses:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def line(pattern, text):
    """The groups of the one line that matches; if it has one group, that."""
    found = re.findall(rf"^{pattern}\s*$", text, re.MULTILINE)
    if len(found) != 1:
        raise AssertionError(f"expected one line like {pattern!r}, got {len(found)} in: {text[-4000:]}")
    return found[0]
