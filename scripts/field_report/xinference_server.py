"""The REST API of Xinference with a stub in place of the diffusion pipeline: `python xinference_server.py PORT`.

Routes, forms, errors, sizes, formats and links are Xinference's own code. The packages that the pipeline needs are
replaced by mocks, since there is no GPU and there are no weights.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import MagicMock

from PIL import Image, ImageChops

MODEL = "sd-turbo"
_MOST_IMAGES = 1000
_LARGEST_SIDE = 4096
"""A pipeline makes all images of a request at once, and has not the memory for more."""
_PIPELINE = {"torch", "torchvision", "transformers", "diffusers", "accelerate", "peft", "timm", "modelscope", "scipy"}


class _Mocks(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a mock for each module of the packages of the pipeline."""

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None,
        _target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        is_mocked = fullname.partition(".")[0] in _PIPELINE
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if is_mocked else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return MagicMock(name=spec.name, __path__=[], __spec__=spec, __version__="2.0.0")

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: the mock is complete."""


sys.meta_path.insert(0, _Mocks())

from xinference.api import restful_api  # noqa: E402 - imports the packages of the pipeline
from xinference.model.image.stable_diffusion.core import DiffusionModel  # noqa: E402
from xinference.model.image.utils import handle_image_result  # noqa: E402


class _Model(DiffusionModel):  # type: ignore[misc] # Xinference is not installed where this is checked
    """The diffusion model of Xinference, which makes blurred pictures with grain."""

    def __init__(self) -> None:
        spec = types.SimpleNamespace(default_generate_config={}, model_ability=["image2image"], model_name=MODEL)
        names = {"_model_uid": MODEL, "_kwargs": {}, "_abilities": ["image2image"], "_model_spec": spec}
        self.__dict__.update(names, _model=lambda **_: None)

    def __getattr__(self, name: str) -> Callable[..., bool]:
        if name.startswith(("_is_", "_model_expects")):
            return lambda *_, **__: False
        raise AttributeError(name)

    def _gen_config_for_lightning(self, _: object) -> None:
        """Do nothing."""

    def _patch_prepare_latents(self, *_: object) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def _call_model(self, response_format: str, image: Image.Image, num_images_per_prompt: int, **kwargs: Any) -> Any:
        size = (kwargs.get("width") or image.width, kwargs.get("height") or image.height)
        if num_images_per_prompt > _MOST_IMAGES or max(size) > _LARGEST_SIDE:
            raise RuntimeError("CUDA out of memory.")
        return handle_image_result(response_format, [_variation(image, size) for _ in range(num_images_per_prompt)])


def _variation(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    blurred = image.convert("RGB").resize((8, 8), Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (32, 32), os.urandom(1024)).resize(size).point(lambda value: value // 8)
    return ImageChops.add(blurred, Image.merge("RGB", [grain] * 3))


class _ModelActor:
    """What the supervisor returns for the name of a model."""

    uid = f"{MODEL}-0".encode()
    model = _Model()

    async def image_to_image(self, **kwargs: Any) -> str:
        given = {name: value for name, value in kwargs.items() if value is not None}
        return json.dumps(await asyncio.to_thread(self.model.image_to_image, **given))


class _Supervisor:
    """Knows one model, and nothing else."""

    async def get_model(self, uid: str, *_: object, **__: object) -> _ModelActor:
        if uid != MODEL:
            raise ValueError(f"Model not found in the model list, uid: {uid}")
        return _ModelActor()

    def __getattr__(self, _: str) -> Callable[..., Any]:
        async def nothing(*_: object, **__: object) -> None:
            return None

        return nothing


async def _supervisor(_: object) -> _Supervisor:
    return _Supervisor()


async def _same_error(_: object, __: object, error: Exception) -> Exception:
    return error


if __name__ == "__main__":
    api = restful_api.RESTfulAPI
    api._get_supervisor_ref = api._get_event_collector_ref = _supervisor
    api._get_model_last_error = _same_error
    api("127.0.0.1:1", "127.0.0.1", int(sys.argv[1])).serve()
