"""A trainer for tests: adds 1 to every weight. ``python fake_trainer.py MODEL OUTPUT STEPS``."""

import shutil
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file

model, output, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
sys.stdout.write(f"training {model.name}\n")
output.mkdir()
weights = load_file(model / "model.safetensors")
save_file({name: w + 1 for name, w in weights.items()}, output / "model.safetensors", {"format": "pt"})
for file in model.glob("*.json"):
    shutil.copy(file, output)
(output / "steps").write_text(str(steps), "utf-8")
