"""What the scripts here share: timing a command, by wall and by processor time, and the program to time."""
import os, pathlib, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent


def add_program(parser):
    parser.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"), help="the program to time")
    parser.add_argument("--modest", action="store_true", help="take no precedence over other processes")


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


def go_first(modest=False):
    """Takes real-time precedence over all other processes for this one and those it starts, where the system allows it and nobody wants it modest; tells
    what it got."""
    if modest:
        return "modestly, without precedence over other processes"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        return "with real-time precedence over other processes"
    except (AttributeError, OSError) as refusal:
        return f"WITHOUT precedence over other processes, whose load counts ({refusal}; root may have it)"
