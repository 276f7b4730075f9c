"""The set-up: what is pinned, and what bootstrap.py decides before it touches anything."""

import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bootstrap

ROOT = Path(__file__).resolve().parent.parent
PIN_FILES = ["requirements.txt", ".ci/requirements.txt"]


def pins(path: str) -> dict[str, str]:
    """Return {normalized name: version} of a file of pins."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE))


def project() -> dict[str, Any]:
    """Return the [project] table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("path", PIN_FILES)
def test_pins_name_no_address_and_no_option_but_hashes(path):
    lines = [line.strip() for line in (ROOT / path).read_text().splitlines()]

    assert [line for line in lines if "://" in line] == []
    assert [line for line in lines if line.startswith("-") and not line.startswith("--hash=sha256:")] == []


@pytest.mark.parametrize("path", PIN_FILES)
def test_every_pin_has_a_hash(path):
    requirements = re.split(r"\n(?=[a-z0-9])", (ROOT / path).read_text())

    assert [text for text in requirements if "--hash=sha256:" not in text] == []


@pytest.mark.parametrize("declared", [Requirement(text) for text in project()["dependencies"]], ids=str)
def test_every_declared_dependency_is_pinned_within_its_bounds(declared):
    assert declared.specifier.contains(pins("requirements.txt")[canonicalize_name(declared.name)])


def test_the_tools_of_ci_agree_with_the_product_on_what_both_pin():
    product, tools = pins("requirements.txt"), pins(".ci/requirements.txt")

    assert {name: tools[name] for name in product.keys() & tools} == {
        name: product[name] for name in product.keys() & tools
    }


def test_the_supported_pythons_are_those_of_the_project():
    (major, first), *_, (_, last) = bootstrap.SUPPORTED_PYTHONS

    assert project()["requires-python"] == f">={major}.{first},<{major}.{last + 1}"


def test_the_stamp_changes_with_the_requirements_and_with_the_python():
    stamp = bootstrap.stamp(b"django==5.2.19", (3, 11))

    assert bootstrap.stamp(b"django==5.2.19", (3, 11)) == stamp
    assert bootstrap.stamp(b"django==5.2.20", (3, 11)) != stamp
    assert bootstrap.stamp(b"django==5.2.19", (3, 12)) != stamp


def test_the_apt_line_is_ready_to_type():
    assert (
        bootstrap.apt_line(["python3-pip", "libpango-1.0-0"])
        == "sudo apt-get install python3-pip libpango-1.0-0"
    )


def test_the_demo_serves_on_port_8000_with_its_own_number_of_orders():
    options = bootstrap.parse(["demo"])

    assert (options.command, options.port, options.orders, options.serve) == ("demo", 8000, None, True)


def test_the_demo_takes_a_port_a_number_of_orders_and_no_serve():
    options = bootstrap.parse(["demo", "--port", "8123", "--orders", "60", "--no-serve"])

    assert (options.port, options.orders, options.serve) == (8123, 60, False)


def test_everything_after_test_is_pytests():
    options = bootstrap.parse(["test", "-k", "money", "--port", "tests/test_money.py"])

    assert (options.command, options.pytest) == ("test", ["-k", "money", "--port", "tests/test_money.py"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demo", "--port", "0"], "0 is not a port; use a number from 1 to 65535."),
        (["demo", "--port", "web"], "web is not a port; use a number from 1 to 65535."),
        (["demo", "--orders", "0"], "0 is not a number of orders; use 1 or more."),
    ],
)
def test_a_wrong_argument_is_refused_with_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit):
        bootstrap.parse(arguments)

    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_an_unsupported_python_is_refused(version):
    with pytest.raises(
        bootstrap.SetupError, match=r"needs Python 3\.11, 3\.12 or 3\.13 and this is Python 3\.1"
    ):
        bootstrap.refuse_unsupported_python(version)


def test_a_taken_port_is_refused_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(bootstrap.SetupError, match=f"Port {port} is in use"):
            bootstrap.refuse_taken_port(port)


def test_a_library_that_cannot_be_loaded_is_named_by_its_package(monkeypatch):
    monkeypatch.setattr(bootstrap, "output_of", lambda command: "libpango-1.0.so.0\nlibharfbuzz-subset.so.0")

    assert bootstrap.missing_pdf_packages() == ["libpango-1.0-0", "libharfbuzz-subset0"]


def test_a_command_that_fails_or_is_missing_has_no_output():
    assert bootstrap.output_of(["false"]) == ""
    assert bootstrap.output_of(["no-such-command-here"]) == ""
