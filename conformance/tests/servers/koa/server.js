'use strict';

const crypto = require('node:crypto');
const { parseArgs } = require('node:util');
const Koa = require('koa');
const Router = require('@koa/router');
const multer = require('@koa/multer');
const { MulterError } = require('multer');
const { PNG } = require('pngjs');
const imaging = require('./imaging');

const { values: args } = parseArgs({ options: { port: { type: 'string' } } });
const PORT = Number(args.port || process.env.PORT || 3000);
const API_KEY = process.env.API_KEY;

const MODELS = ['dall-e-2'];
const SIZES = ['256x256', '512x512', '1024x1024'];
const FORMATS = ['url', 'b64_json'];
const MAX_IMAGE_BYTES = 4 * 1024 * 1024;
const LINK_TTL_MS = 60 * 60 * 1000;

class ApiError extends Error {
  constructor(status, message, { param = null, code = null, type = 'invalid_request_error' } = {}) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
    this.type = type;
  }
}

// ---------------------------------------------------------------- image store

const store = new Map(); // name -> { data, expires }

function saveImage(data) {
  const name = `${crypto.randomUUID()}.png`;
  store.set(name, { data, expires: Date.now() + LINK_TTL_MS });
  return name;
}

setInterval(() => {
  const now = Date.now();
  for (const [name, entry] of store) {
    if (entry.expires <= now) store.delete(name);
  }
}, 60 * 1000).unref();

// ----------------------------------------------------------------- middleware

async function errorHandler(ctx, next) {
  try {
    await next();
    if (ctx.status === 404 && ctx.body == null) {
      throw new ApiError(404, `Invalid URL (${ctx.method} ${ctx.path})`);
    }
  } catch (err) {
    let error = err;
    if (err instanceof MulterError) {
      error = fromMulterError(err);
    } else if (!(err instanceof ApiError)) {
      const status = err.status || 500;
      if (status >= 500) {
        ctx.app.emit('error', err, ctx);
        error = new ApiError(500, 'The server had an error while processing your request.', { type: 'server_error' });
      } else {
        error = new ApiError(status, err.message);
      }
    }
    ctx.status = error.status;
    ctx.body = {
      error: { message: error.message, type: error.type, param: error.param, code: error.code },
    };
  }
}

function fromMulterError(err) {
  switch (err.code) {
    case 'LIMIT_FILE_SIZE':
      return new ApiError(400, 'Uploaded image must be a PNG and less than 4 MB.', { param: 'image' });
    case 'LIMIT_UNEXPECTED_FILE':
      return new ApiError(400, `Unexpected file field: '${err.field}'.`, { param: err.field });
    default:
      return new ApiError(400, err.message, { param: err.field || null });
  }
}

async function authenticate(ctx, next) {
  const header = ctx.get('Authorization');
  if (!header.startsWith('Bearer ')) {
    ctx.set('WWW-Authenticate', 'Bearer');
    throw new ApiError(401, "You didn't provide an API key. Use an Authorization: Bearer YOUR_KEY header.");
  }
  if (header.slice('Bearer '.length) !== API_KEY) {
    ctx.set('WWW-Authenticate', 'Bearer');
    throw new ApiError(401, 'Incorrect API key provided.', { code: 'invalid_api_key' });
  }
  await next();
}

// ----------------------------------------------------------------- validation

function oneOf(value, allowed, param) {
  if (!allowed.includes(value)) {
    throw new ApiError(400, `'${value}' is not one of ${JSON.stringify(allowed)} - '${param}'`, { param });
  }
  return value;
}

function parseParams(body) {
  const n = body.n ? Number(body.n) : 1;
  if (!Number.isInteger(n)) {
    throw new ApiError(400, `'${body.n}' is not of type 'integer' - 'n'`, { param: 'n' });
  }
  if (n < 1 || n > 10) {
    throw new ApiError(400, `n must be between 1 and 10, got ${n} - 'n'`, { param: 'n' });
  }
  return {
    n,
    model: oneOf(body.model || 'dall-e-2', MODELS, 'model'),
    size: oneOf(body.size || '1024x1024', SIZES, 'size'),
    responseFormat: oneOf(body.response_format || 'url', FORMATS, 'response_format'),
    user: body.user,
  };
}

function decodeImage(file) {
  if (!file) {
    throw new ApiError(400, "'image' is a required property", { param: 'image' });
  }
  if (file.size >= MAX_IMAGE_BYTES) {
    throw new ApiError(400, 'Uploaded image must be a PNG and less than 4 MB.', { param: 'image' });
  }
  let png;
  try {
    png = PNG.sync.read(file.buffer);
  } catch (err) {
    throw new ApiError(400, 'Invalid image file: must be a valid PNG.', { param: 'image' });
  }
  if (png.width !== png.height) {
    throw new ApiError(400, `Image must be square, got ${png.width}x${png.height}.`, { param: 'image' });
  }
  return png;
}

// --------------------------------------------------------------------- routes

const router = new Router();
const upload = multer({
  storage: multer.memoryStorage(),
  limits: { fileSize: MAX_IMAGE_BYTES },
});

router.post('/v1/images/variations', authenticate, upload.single('image'), async (ctx) => {
  const params = parseParams(ctx.request.body || {});
  const source = decodeImage(ctx.file);

  const edge = parseInt(params.size, 10);
  const base = imaging.resize(source, edge);
  const data = [];
  for (let i = 0; i < params.n; i++) {
    const buffer = imaging.encode(imaging.variation(base, i));
    if (params.responseFormat === 'b64_json') {
      data.push({ b64_json: buffer.toString('base64') });
    } else {
      data.push({ url: `${ctx.protocol}://${ctx.host}/files/${saveImage(buffer)}` });
    }
    // let other requests have their turn between two images
    await new Promise(setImmediate);
  }
  ctx.body = { created: Math.floor(Date.now() / 1000), data };
});

router.get('/files/:name', (ctx) => {
  const entry = store.get(ctx.params.name);
  if (!entry || entry.expires <= Date.now()) {
    throw new ApiError(404, 'No such file, or the link has expired.');
  }
  ctx.type = 'image/png';
  ctx.body = entry.data;
});

// ------------------------------------------------------------------------ app

const app = new Koa();
app.use(errorHandler);
app.use(router.routes());
app.use(router.allowedMethods());

app.listen(PORT, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${PORT}`);
});
