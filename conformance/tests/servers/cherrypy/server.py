"""Image variations server: POST /v1/images/variations, on CherryPy and Pillow."""
import argparse
import base64
import colorsys
import hmac
import io
import json
import os
import tempfile
import time
import uuid

import cherrypy
from cherrypy.process.plugins import Monitor
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

API_KEY = os.environ.get('API_KEY', '')
MAX_IMAGE_BYTES = 4 * 1024 * 1024
SIZES = {'256x256': 256, '512x512': 512, '1024x1024': 1024}
FORMATS = ('url', 'b64_json')
LINK_LIFETIME = 60 * 60
STORE = tempfile.mkdtemp(prefix='variations-')

ERROR_TYPES = {
    401: 'authentication_error',
    403: 'permission_error',
    404: 'not_found_error',
    429: 'rate_limit_error',
}


class ApiError(cherrypy.HTTPError):
    """An HTTPError that remembers which parameter was wrong."""

    def __init__(self, status, message, param=None, code=None):
        super().__init__(status, message)
        cherrypy.request.error_param = param
        cherrypy.request.error_code = code


def json_error_page(status, message, traceback, version):
    """Used as error_page.default: every error is answered as JSON."""
    code = int(status.split()[0])
    if code >= 500:
        kind = 'server_error'
        message = 'The server had an error while processing your request.'
    else:
        kind = ERROR_TYPES.get(code, 'invalid_request_error')
    cherrypy.response.headers['Content-Type'] = 'application/json'
    return json.dumps({
        'error': {
            'message': message,
            'type': kind,
            'param': getattr(cherrypy.request, 'error_param', None),
            'code': getattr(cherrypy.request, 'error_code', None),
        }
    })


def check_api_key():
    """Tool: the request must carry Authorization: Bearer <API_KEY>."""
    header = cherrypy.request.headers.get('Authorization', '')
    if not header.startswith('Bearer '):
        cherrypy.response.headers['WWW-Authenticate'] = 'Bearer'
        raise ApiError(401, "You didn't provide an API key.", code='missing_api_key')
    if not hmac.compare_digest(header[len('Bearer '):], API_KEY):
        cherrypy.response.headers['WWW-Authenticate'] = 'Bearer'
        raise ApiError(401, 'Incorrect API key provided.', code='invalid_api_key')


cherrypy.tools.api_key = cherrypy.Tool('before_handler', check_api_key)


def parse_n(value):
    try:
        n = int(value)
    except ValueError:
        raise ApiError(400, 'n must be an integer.', 'n')
    if not 1 <= n <= 10:
        raise ApiError(400, 'n must be between 1 and 10.', 'n')
    return n


def read_image(part):
    """The uploaded part as a square Pillow image; an ApiError if it is none."""
    if part is None:
        raise ApiError(400, "Missing required parameter: 'image'.", 'image')
    if not getattr(part, 'file', None):
        raise ApiError(400, 'image must be a file.', 'image')
    data = part.file.read()
    if len(data) >= MAX_IMAGE_BYTES:
        raise ApiError(400, 'image must be less than 4MB.', 'image')
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (UnidentifiedImageError, OSError):
        raise ApiError(400, 'image must be a valid PNG file.', 'image')
    if image.format != 'PNG':
        raise ApiError(400, 'image must be a valid PNG file.', 'image')
    if image.width != image.height:
        raise ApiError(400, 'image must be square.', 'image')
    return image.convert('RGB')


def make_variation(image, index, count):
    """One variation: a flip and a blur now and then, and always another tint."""
    if index % 2:
        image = ImageOps.mirror(image)
    if index % 3 == 2:
        image = image.filter(ImageFilter.GaussianBlur(2))
    tint = tuple(int(255 * c) for c in colorsys.hsv_to_rgb(index / count, 0.8, 0.9))
    return Image.blend(image, Image.new('RGB', image.size, tint), 0.2)


def to_png(image):
    buffer = io.BytesIO()
    image.save(buffer, 'PNG', compress_level=1)
    return buffer.getvalue()


class Images:
    @cherrypy.expose
    @cherrypy.tools.allow(methods=['POST'])
    @cherrypy.tools.api_key()
    @cherrypy.tools.json_out()
    def variations(self, image=None, model='dall-e-2', n='1', response_format='url',
                   size='1024x1024', user=None):
        if model != 'dall-e-2':
            raise ApiError(400, 'Only dall-e-2 is supported at this time.', 'model')
        n = parse_n(n)
        if response_format not in FORMATS:
            raise ApiError(400, 'response_format must be one of url or b64_json.',
                           'response_format')
        if size not in SIZES:
            raise ApiError(400, 'size must be one of %s.' % ', '.join(SIZES), 'size')

        source = read_image(image)
        side = SIZES[size]
        source = source.resize((side, side), Image.Resampling.BILINEAR)

        data = []
        for index in range(n):
            png = to_png(make_variation(source, index, n))
            if response_format == 'b64_json':
                data.append({'b64_json': base64.b64encode(png).decode('ascii')})
            else:
                name = uuid.uuid4().hex + '.png'
                with open(os.path.join(STORE, name), 'wb') as out:
                    out.write(png)
                data.append({'url': cherrypy.url('/files/' + name, script_name='')})
        return {'created': int(time.time()), 'data': data}


class V1:
    def __init__(self):
        self.images = Images()


class Root:
    def __init__(self):
        self.v1 = V1()


def remove_old_files():
    """Links are valid for 60 minutes."""
    limit = time.time() - LINK_LIFETIME
    for entry in os.scandir(STORE):
        if entry.stat().st_mtime < limit:
            os.remove(entry.path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, default=int(os.environ.get('PORT', '8080')))
    args = parser.parse_args()
    if not API_KEY:
        parser.error('the environment variable API_KEY is not set')

    cherrypy.config.update({
        'server.socket_host': '127.0.0.1',
        'server.socket_port': args.port,
        'engine.autoreload.on': False,
        'error_page.default': json_error_page,
    })
    Monitor(cherrypy.engine, remove_old_files, frequency=60, name='Cleaner').subscribe()
    cherrypy.quickstart(Root(), '/', {
        '/files': {
            'tools.staticdir.on': True,
            'tools.staticdir.dir': STORE,
        },
    })


if __name__ == '__main__':
    main()
