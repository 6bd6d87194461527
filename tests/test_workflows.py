"""The workflows, as far as they can be read: what they run is there, and nothing they use can change under them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = {file.stem: file for file in (ROOT / ".github" / "workflows").glob("*.yml")}


def read(name: str) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text("utf-8"))
    return workflow


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read(name)["jobs"].values() for step in job.get("steps", ())]


def test_there_is_one_for_every_push_and_one_for_releases() -> None:
    assert WORKFLOWS.keys() == {"ci", "release"}
    assert {"push", "pull_request", "workflow_call"} <= read("ci")[True].keys()  # YAML 1.1 reads `on` as true


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_and_rights_are_few(name: str) -> None:
    assert read(name)["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in steps(name) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each) for each in used), used
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all("timeout-minutes" in job for job in read(name)["jobs"].values() if "steps" in job)


def test_every_pin_names_its_version_and_an_action_has_one_pin() -> None:
    text = "".join(file.read_text("utf-8") for file in WORKFLOWS.values())
    pins = re.findall(r"uses: ([\w.-]+/[\w.-]+)@(.*)", text)
    assert all(re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin) for _, pin in pins)
    assert len(set(pins)) == len({action for action, _ in pins})


def test_every_python_that_is_promised_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    promised = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert read("ci")["jobs"]["tests"]["strategy"]["matrix"]["python"] == promised
    assert project["requires-python"] == f">={promised[0]}"


def test_what_ci_runs_is_there() -> None:
    commands = "\n".join(step.get("run", "") for step in steps("ci"))
    named = set(re.findall(r"python (scripts/[\w-]+)", commands))
    assert named == {"scripts/lint", "scripts/test"}
    assert all((ROOT / name).is_file() for name in named)
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    assert set(re.findall(r"--group (\w+)", commands)) == groups.keys()


def test_a_release_waits_for_ci_and_keeps_no_password() -> None:
    jobs = read("release")["jobs"]
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["publish"]["needs"]) == {"ci", "bundle"}
    assert "The tag is the version" in [step.get("name") for step in jobs["publish"]["steps"]]
    assert jobs["pypi"]["needs"] == "publish"
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["pypi"]
    assert "password" not in str(jobs["pypi"])
