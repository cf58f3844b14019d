# Run a stage: the Python of the clone, with the code of this folder. DVC runs experiments in folders of their own, and
# names the clone in DVC_ROOT; by hand, this folder is the clone. exec: without a shell in between, a stage sees that its
# dvc was killed.
python="${DVC_ROOT:-.}/.venv/bin/python"
if [ ! -x "$python" ] && [ -z "$DVC_ROOT" ]; then
  echo "error: .venv: is not in this folder; run this from the root of the clone, or let DVC do it: dvc repro STAGE" >&2
  exit 1
elif [ ! -x "$python" ]; then
  echo "error: .venv: is missing or incomplete in this clone or worktree; run: make .venv/.ready" >&2
  exit 1
fi
DVC_PID=$PPID PYTHONPATH=src exec "$python" "$@"
