"""A small server for POST /v1/images/variations (multipart in, JSON out)."""
import argparse
import base64
import io
import os
import secrets
import threading
import time
from typing import Annotated, Literal

import uvicorn
from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

API_KEY = os.environ.get("API_KEY", "")
MAX_IMAGE_BYTES = 4 * 1024 * 1024
LINK_LIFETIME = 60 * 60

app = FastAPI(title="Image variations")
bearer = HTTPBearer()


# ---------------------------------------------------------------- models

class ImageData(BaseModel):
    url: str | None = None
    b64_json: str | None = None


class ImagesResponse(BaseModel):
    created: int
    data: list[ImageData]


# ---------------------------------------------------------------- errors

def error_response(status: int, message: str, param: str | None = None,
                   code: str | None = None, headers=None) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return JSONResponse(body, status_code=status, headers=headers)


class ApiError(HTTPException):
    """An HTTPException which also names the parameter and the error code."""

    def __init__(self, status_code: int, message: str, param: str | None = None,
                 code: str | None = None, headers=None):
        super().__init__(status_code=status_code, detail=message, headers=headers)
        self.param = param
        self.code = code


@app.exception_handler(StarletteHTTPException)
async def http_exception_handler(request: Request, exc: StarletteHTTPException):
    return error_response(exc.status_code, str(exc.detail), getattr(exc, "param", None),
                          getattr(exc, "code", None), headers=exc.headers)


@app.exception_handler(RequestValidationError)
async def validation_exception_handler(request: Request, exc: RequestValidationError):
    first = exc.errors()[0]
    param = str(first["loc"][-1])
    return error_response(400, f"Invalid value for '{param}': {first['msg']}", param,
                          "invalid_value")


# ---------------------------------------------------------------- auth

def check_key(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]):
    given = credentials.credentials.encode("utf8")
    if not secrets.compare_digest(given, API_KEY.encode("utf8")):
        raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key",
                       headers={"WWW-Authenticate": "Bearer"})


# ---------------------------------------------------------------- storage of the linked images

class ImageStore:
    def __init__(self):
        self._images: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def add(self, data: bytes) -> str:
        name = secrets.token_urlsafe(16)
        now = time.time()
        with self._lock:
            for old in [k for k, (t, _) in self._images.items() if now - t > LINK_LIFETIME]:
                del self._images[old]
            self._images[name] = (now, data)
        return name

    def get(self, name: str) -> bytes | None:
        with self._lock:
            entry = self._images.get(name)
        if entry is None or time.time() - entry[0] > LINK_LIFETIME:
            return None
        return entry[1]


store = ImageStore()


# ---------------------------------------------------------------- images

def open_image(data: bytes) -> Image.Image:
    if len(data) >= MAX_IMAGE_BYTES:
        raise ApiError(400, "Uploaded image must be a PNG and less than 4 MB.", "image",
                       "image_too_large")
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (UnidentifiedImageError, OSError):
        raise ApiError(400, "Uploaded image must be a valid PNG.", "image", "invalid_image")
    if image.format != "PNG":
        raise ApiError(400, "Uploaded image must be a PNG.", "image", "invalid_image_format")
    if image.width != image.height:
        raise ApiError(400, "Uploaded image must be square.", "image", "invalid_image_size")
    return image.convert("RGB")


def shift_hue(image: Image.Image, by: int) -> Image.Image:
    h, s, v = image.convert("HSV").split()
    h = h.point(lambda x: (x + by) % 256)
    return Image.merge("HSV", (h, s, v)).convert("RGB")


def make_variation(image: Image.Image, index: int, side: int) -> bytes:
    """Variation number `index` of the (already scaled) image, as a PNG."""
    result = shift_hue(image, 20 * (index + 1))
    if index % 2 == 0:
        result = ImageOps.mirror(result)
    if index % 3 == 0:
        result = result.filter(ImageFilter.BoxBlur(1 + index // 3))
    # a slight crop, so that the variations of a grey image differ too
    border = (index + 1) * side // 64
    result = result.crop((border, border, side - border, side - border))
    result = result.resize((side, side), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    result.save(out, format="PNG", compress_level=1)
    return out.getvalue()


# ---------------------------------------------------------------- routes

@app.post("/v1/images/variations", response_model=ImagesResponse,
          response_model_exclude_none=True, dependencies=[Depends(check_key)])
def create_image_variation(
    request: Request,
    image: Annotated[UploadFile, File()],
    model: Annotated[Literal["dall-e-2"], Form()] = "dall-e-2",
    n: Annotated[int, Form(ge=1, le=10)] = 1,
    response_format: Annotated[Literal["url", "b64_json"], Form()] = "url",
    size: Annotated[Literal["256x256", "512x512", "1024x1024"], Form()] = "1024x1024",
    user: Annotated[str | None, Form()] = None,
):
    source = open_image(image.file.read())
    side = int(size.split("x")[0])
    scaled = source.resize((side, side), Image.Resampling.BICUBIC)
    result = []
    for index in range(n):
        png = make_variation(scaled, index, side)
        if response_format == "b64_json":
            result.append(ImageData(b64_json=base64.b64encode(png).decode("ascii")))
        else:
            url = request.url_for("get_image", name=store.add(png))
            result.append(ImageData(url=str(url)))
    return ImagesResponse(created=int(time.time()), data=result)


@app.get("/images/{name}.png")
def get_image(name: str):
    data = store.get(name)
    if data is None:
        raise ApiError(404, "No such image, or its link has expired.")
    return Response(data, media_type="image/png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    args = parser.parse_args()
    if not API_KEY:
        parser.error("the environment variable API_KEY is not set")
    uvicorn.run(app, host="127.0.0.1", port=args.port)


if __name__ == "__main__":
    main()
