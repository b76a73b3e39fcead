"""What the scripts here share: timing a command, by wall and by processor time, and the program to time."""
import os, pathlib, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent


def add_program(parser):
    parser.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"), help="the program to time")


def check_program(path):
    if not os.access(path, os.X_OK):
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: {path} is missing: make, or name the program with --ebm")


def timed(command, absent=None, **options):
    """(wall, processor time) of a command, in seconds; None if it ends with the status `absent`."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode == absent:
        return None
    if child.returncode:
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: {' '.join(command)} ended with status {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def between(few, many):
    """(wall, processor time) by which one command takes longer than another: start and planning fall out."""
    first, second = timed(few), timed(many)
    return second[0] - first[0], second[1] - first[1]


def first():
    """What stands before a command that is timed: real-time precedence over all other processes, where it may be had."""
    command = ["chrt", "-f", "10"]
    try:
        return command if subprocess.run(command + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0 else []
    except FileNotFoundError:
        return []
