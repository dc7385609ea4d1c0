// Reads the uploaded PNG and makes variations of it.
import { PNG } from 'pngjs'

export function decode(buffer) {
  const png = PNG.sync.read(buffer) // always gives 8-bit RGBA
  return { width: png.width, height: png.height, data: png.data }
}

// nearest neighbour: quick, and good enough for up- and downscaling here
export function resize(image, size) {
  const out = Buffer.alloc(size * size * 4)
  const src = new Uint32Array(new Uint8Array(image.data).buffer)
  const dst = new Uint32Array(out.buffer, out.byteOffset, size * size)
  for (let y = 0; y < size; y++) {
    const sy = Math.floor((y * image.height) / size) * image.width
    for (let x = 0; x < size; x++) {
      dst[y * size + x] = src[sy + Math.floor((x * image.width) / size)]
    }
  }
  return { width: size, height: size, data: out }
}

// A hue rotation whose angle depends on the index, mirrored for every second picture.
export function vary(image, index) {
  const { width, height, data } = image
  const angle = ((index + 1) * 2 * Math.PI) / 11
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const m = [
    0.213 + cos * 0.787 - sin * 0.213, 0.715 - cos * 0.715 - sin * 0.715, 0.072 - cos * 0.072 + sin * 0.928,
    0.213 - cos * 0.213 + sin * 0.143, 0.715 + cos * 0.285 + sin * 0.14, 0.072 - cos * 0.072 - sin * 0.283,
    0.213 - cos * 0.213 - sin * 0.787, 0.715 - cos * 0.715 + sin * 0.715, 0.072 + cos * 0.928 + sin * 0.072,
  ]
  const clamp = (v) => (v < 0 ? 0 : v > 255 ? 255 : v)
  const out = new PNG({ width, height })
  const flip = index % 2 === 1
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4
      const o = (y * width + (flip ? width - 1 - x : x)) * 4
      const r = data[i], g = data[i + 1], b = data[i + 2]
      out.data[o] = clamp(m[0] * r + m[1] * g + m[2] * b)
      out.data[o + 1] = clamp(m[3] * r + m[4] * g + m[5] * b)
      out.data[o + 2] = clamp(m[6] * r + m[7] * g + m[8] * b)
      out.data[o + 3] = data[i + 3]
    }
  }
  return PNG.sync.write(out, { deflateLevel: 1, filterType: 1 })
}
