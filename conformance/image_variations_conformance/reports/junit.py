"""junit.xml: a test case for each requirement, so that CI services show which requirements are broken."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ..engine.run import Run
from .evidence import cited, evidence_lines
from .reasons import message


def render(run: Run) -> bytes:
    """Return the run as JUnit XML. A warning passes, with its message as output; missing evidence is skipped, and so is
    what a baseline knows. An entry of the baseline that is out of date is a test case that fails.
    """
    suite = ET.Element("testsuite", name="image-variations", time=f"{run.cost.seconds:.3f}")
    for verdict in run.verdicts:
        requirement = verdict.requirement
        case = ET.SubElement(suite, "testcase", classname=f"image-variations.{requirement.level}", name=requirement.id)
        explanation = message(verdict)
        text = "\n".join([f"{requirement.text} ({cited(requirement.source)})", explanation, *evidence_lines(verdict)])
        if verdict.fails_the_run:
            ET.SubElement(case, "failure", message=explanation, type=verdict.result).text = text
        elif verdict.result == "known":
            ET.SubElement(case, "skipped", message=f"known: {verdict.known_because}")
        elif verdict.missing or verdict.result == "not-tested":
            ET.SubElement(case, "skipped", message=explanation)
        elif verdict.result == "warn":
            ET.SubElement(case, "system-out").text = f"warning: {text}"
    for text in run.stale:
        case = ET.SubElement(suite, "testcase", classname="image-variations.baseline", name=text)
        ET.SubElement(case, "failure", message=f"out of date: {text}", type="stale")
    for name, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    suite.set("errors", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"
