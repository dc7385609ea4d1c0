'use strict';

const { PNG } = require('pngjs');

// Nearest-neighbour scaling of a square RGBA image to edge x edge.
function resize(src, edge) {
  const out = new PNG({ width: edge, height: edge });
  const from = new Uint32Array(src.data.buffer.slice(src.data.byteOffset, src.data.byteOffset + src.data.length));
  const to = new Uint32Array(edge * edge);
  const ratio = src.width / edge;
  for (let y = 0; y < edge; y++) {
    const row = Math.floor(y * ratio) * src.width;
    for (let x = 0; x < edge; x++) {
      to[y * edge + x] = from[row + Math.floor(x * ratio)];
    }
  }
  out.data = Buffer.from(to.buffer);
  return out;
}

// The index-th variation: odd ones are mirrored, each has a colour cast of its own.
function variation(src, index) {
  const { width, height, data } = src;
  const out = new PNG({ width, height });
  out.data = Buffer.alloc(data.length);
  const shift = [7 + index * 23, 11 + index * 9, 3 + index * 17];
  const mirror = index % 2 === 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 4;
      const from = (y * width + (mirror ? width - 1 - x : x)) * 4;
      out.data[to] = (data[from] + shift[0]) & 255;
      out.data[to + 1] = (data[from + 1] + shift[1]) & 255;
      out.data[to + 2] = (data[from + 2] + shift[2]) & 255;
      out.data[to + 3] = data[from + 3];
    }
  }
  return out;
}

function encode(png) {
  return PNG.sync.write(png, { deflateLevel: 1, deflateStrategy: 1, filterType: 2 });
}

module.exports = { resize, variation, encode };
