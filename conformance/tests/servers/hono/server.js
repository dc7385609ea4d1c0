// POST /v1/images/variations with Hono on Node.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { serve } from '@hono/node-server'
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { logger } from 'hono/logger'
import { z } from 'zod'
import { decode, resize, vary } from './imaging.js'

const { values: args } = parseArgs({ options: { port: { type: 'string' } } })
const port = Number(args.port ?? process.env.PORT ?? 3000)
const apiKey = process.env.API_KEY
if (!apiKey) {
  console.error('API_KEY is not set')
  process.exit(1)
}

const MAX_IMAGE = 4 * 1024 * 1024
const URL_LIFETIME = 60 * 60 * 1000 // links are valid for 60 minutes

// ---------------------------------------------------------------- errors
function errorBody(message, { type = 'invalid_request_error', param = null, code = null } = {}) {
  return { error: { message, type, param, code } }
}

// ---------------------------------------------------------------- stored pictures
const pictures = new Map()

function store(png) {
  const id = randomUUID()
  pictures.set(id, { png, expires: Date.now() + URL_LIFETIME })
  return id
}

setInterval(() => {
  const now = Date.now()
  for (const [id, picture] of pictures) {
    if (picture.expires <= now) pictures.delete(id)
  }
}, 60_000).unref()

// ---------------------------------------------------------------- request schema
const variationForm = z.object({
  image: z
    .file('You must provide an image file.')
    .max(MAX_IMAGE - 1, 'Uploaded image must be a PNG and less than 4 MB.')
    .mime('image/png', 'Uploaded image must be a PNG and less than 4 MB.'),
  model: z.literal('dall-e-2', 'Only dall-e-2 is supported.').default('dall-e-2'),
  n: z.coerce
    .number('n must be an integer.')
    .int('n must be an integer.')
    .min(1, 'n must be between 1 and 10.')
    .max(10, 'n must be between 1 and 10.')
    .default(1),
  response_format: z
    .enum(['url', 'b64_json'], 'response_format must be one of url or b64_json.')
    .default('url'),
  size: z
    .enum(['256x256', '512x512', '1024x1024'], 'size must be one of 256x256, 512x512, or 1024x1024.')
    .default('1024x1024'),
  user: z.string('user must be a string.').optional(),
})

// ---------------------------------------------------------------- the app
const app = new Hono()

app.use(logger())

app.use(
  '/v1/*',
  bearerAuth({
    token: apiKey,
    noAuthenticationHeader: {
      message: errorBody("You didn't provide an API key."),
    },
    invalidAuthenticationHeader: {
      message: errorBody('Malformed Authorization header, expected: Bearer YOUR_API_KEY.'),
    },
    invalidToken: {
      message: errorBody('Incorrect API key provided.', { code: 'invalid_api_key' }),
    },
  }),
)

app.post(
  '/v1/images/variations',
  bodyLimit({
    maxSize: MAX_IMAGE + 64 * 1024, // the picture, and room for the other fields
    onError: (c) => c.json(errorBody('Request body is too large.'), 413),
  }),
  zValidator('form', variationForm, (result, c) => {
    if (!result.success) {
      const issue = result.error.issues[0]
      return c.json(errorBody(issue.message, { param: issue.path[0] ?? null }), 400)
    }
  }),
  async (c) => {
    const { image, n, size, response_format } = c.req.valid('form')

    let source
    try {
      source = decode(Buffer.from(await image.arrayBuffer()))
    } catch {
      return c.json(errorBody('Uploaded image must be a valid PNG file.', { param: 'image' }), 400)
    }
    if (source.width !== source.height) {
      return c.json(errorBody('Uploaded image must be square.', { param: 'image' }), 400)
    }

    const scaled = resize(source, Number(size.split('x')[0]))
    const origin = new URL(c.req.url).origin
    const data = []
    for (let i = 0; i < n; i++) {
      const png = vary(scaled, i)
      data.push(
        response_format === 'b64_json'
          ? { b64_json: png.toString('base64') }
          : { url: `${origin}/images/${store(png)}.png` },
      )
      // let other requests run between two pictures
      await new Promise((resolve) => setImmediate(resolve))
    }
    return c.json({ created: Math.floor(Date.now() / 1000), data })
  },
)

app.get('/images/:file{[0-9a-f-]+\\.png}', (c) => {
  const picture = pictures.get(c.req.param('file').slice(0, -'.png'.length))
  if (!picture || picture.expires <= Date.now()) return c.notFound()
  return c.body(picture.png, 200, { 'Content-Type': 'image/png' })
})

app.notFound((c) => c.json(errorBody(`Invalid URL (${c.req.method} ${c.req.path})`), 404))

app.onError((err, c) => {
  if (err instanceof HTTPException) {
    if (err.res) return err.getResponse()
    return c.json(errorBody(err.message), err.status)
  }
  console.error(err)
  return c.json(errorBody('The server had an error while processing your request.', { type: 'server_error' }), 500)
})

serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (info) => {
  console.log(`Listening on http://127.0.0.1:${info.port}`)
})
