"""The README tells what is there."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_table():
    source = (ROOT / "marketplace" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', source))
    told = set(re.findall(r"`([A-Z_]+)`", README.split("## Settings")[1].split("## Dependencies")[0]))

    assert told == read


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.match(r"[a-z0-9-]+", line).group(0) for line in project["dependencies"]}
    told = {
        name.strip()
        for row in re.findall(r"^\| ([a-z0-9, -]+) \|", README.split("why each")[1], re.M)
        for name in row.split(",")
    }

    assert needed <= told


def test_every_folder_and_file_that_is_named_exists():
    for target in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / target).exists(), target
