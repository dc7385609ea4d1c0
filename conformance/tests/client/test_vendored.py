"""A copy of the package inside another program works unchanged under any package name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from client.driving import KEY
from client.recorder import CannedResponse, Recorder
from client.subject import PACKAGE
from client.uploads import image

PROGRAM = """
import asyncio, pathlib, sys
sys.modules["image_variations"] = None  # makes importing it an error
sys.path.insert(0, sys.argv[1])
from {package} import AsyncClient, BadRequestError, Client, InvalidRequestError
from {package}.api.images import create_image_variation
from {package}.models import CreateImageVariationRequest

folder, base_url, key = sys.argv[2:]
image = pathlib.Path(folder, "in.png")
with Client(base_url=base_url, api_key=key) as client:
    response = client.images.create_variation(image=image, n=2)
    print(type(response).__module__, response.data[0].read())
    print(create_image_variation.sync(client=client, body=CreateImageVariationRequest(image=image)).created)
    for arguments in (dict(image=b"x"), dict(image=image)):
        try:
            client.images.create_variation(**arguments)
        except (BadRequestError, InvalidRequestError) as error:
            print(type(error).__module__, error)

async def main():
    async with AsyncClient(base_url=base_url, api_key=key) as client:
        response = await client.images.create_variation(image=image)
        print((await response.data[0].asave(pathlib.Path(folder, "out.png"))).read_bytes())

asyncio.run(main())
print(sorted(name for name, module in sys.modules.items() if module and name.split(".")[0] == "image_variations"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("package_path", ["acme/vendor/variations", "iv", "src/deep/image_variations"])
def test_a_copy_of_the_package_under_another_name_works_unchanged(
    recorder: Recorder, tmp_path: Path, package_path: str
) -> None:
    root = tmp_path / "program"
    shutil.copytree(PACKAGE, root / package_path, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (root / package_path).relative_to(root).parents[:-1]:
        (root / folder / "__init__.py").touch()
    package = package_path.replace("/", ".")
    (tmp_path / "in.png").write_bytes(image())
    item = b'{"created": 7, "data": [{"b64_json": "YQ=="}]}'
    recorder.expect(
        CannedResponse(200, item),
        CannedResponse(200, item),
        CannedResponse(400, b'{"error": "no"}'),
        CannedResponse(200, item),
    )
    command = [sys.executable, "-I", "-W", "error", "-c", PROGRAM.format(package=package)]
    command += [str(root), str(tmp_path), recorder.base_url, KEY]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    assert lines[0] == f"{package}.models.images_response b'a'"
    assert lines[1] == "7"
    assert [line.split()[0] for line in lines[2:4]] == [f"{package}.errors"] * 2
    assert lines[4:] == ["b'a'", "[]"]
    assert [received.parts()["image"].content for received in recorder.received] == [image()] * 4
