// Surfaces and lines that can be turned (drag), moved (shift and drag) and zoomed (wheel, or two
// fingers). Where a browser cannot do it, the still picture stays.
(async (box) => {
  const canvas = document.createElement("canvas"), bar = document.createElement("div");
  const gl = canvas.getContext("webgl2");
  if (!gl || !window.DecompressionStream) return;
  const scene = JSON.parse(box.querySelector(".scene").textContent);
  // Surfaces have a corner in a and its normal in b; lines their ends, and a strip of four corners
  // around each, three pixels wide.
  const SHADERS = [[gl.VERTEX_SHADER, `#version 300 es
    layout(location = 0) in vec3 a; layout(location = 1) in vec3 b;
    uniform mat3 turn; uniform vec2 scale, shift, pixel; uniform bool line;
    out vec3 upright; out float far;
    void main() {
      vec3 p = turn * (line && gl_VertexID > 1 ? b : a), along = turn * (b - a);
      vec2 across = line ? normalize(vec2(-along.y, along.x) + 1e-9) * pixel : vec2(0);
      gl_Position = vec4(p.xy * scale + shift, -0.99 * p.z, 1);
      gl_Position.xy += across * (gl_VertexID % 2 == 0 ? 1.5 : -1.5);
      upright = line ? vec3(0, 0, 1) : turn * b;
      far = 0.5 - 0.5 * p.z;
    }`], [gl.FRAGMENT_SHADER, `#version 300 es
    precision highp float;
    uniform vec3 colour; in vec3 upright; in float far; out vec4 result;
    void main() {
      float light = 0.3 + 0.7 * abs(normalize(upright).z);
      result = vec4(mix(colour * light, vec3(1), 0.35 * far), 1);
    }`]];
  const program = gl.createProgram(), at = (name) => gl.getUniformLocation(program, name);
  for (const [kind, text] of SHADERS) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const objects = await unpack(box.querySelector(".packed").textContent);

  const switches = [...box.querySelectorAll("input")];
  let turn = scene.turn, zoom = 0, shift = [0, 0], waiting = 0;
  const redraw = () => (waiting ||= requestAnimationFrame(draw));
  bar.className = "bar";
  box.prepend(canvas, bar);
  box.classList.add("live");
  gl.enable(gl.DEPTH_TEST);
  switches.forEach((one) => one.addEventListener("change", redraw));
  new ResizeObserver(redraw).observe(canvas);

  const fingers = new Map(), place = (event) => [event.offsetX, event.offsetY];
  canvas.onpointerdown = (event) => {
    fingers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => fingers.delete(event.pointerId);
  canvas.onpointermove = (event) => {
    const before = fingers.get(event.pointerId), now = place(event);
    if (!before) return;
    const [right, down] = [now[0] - before[0], now[1] - before[1]];
    fingers.set(event.pointerId, now);
    if (fingers.size > 1) {
      const [, [x, y]] = [...fingers].find(([id]) => id != event.pointerId);
      const [apart, earlier] = [now, before].map((p) => Math.max(Math.hypot(p[0] - x, p[1] - y), 1));
      magnify(apart / earlier, [x, y]);
    } else if (event.shiftKey) shift = [shift[0] + right, shift[1] + down];
    else rotate(right / 150, down / 150);
    redraw();
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    magnify(Math.exp(-event.deltaY * (event.deltaMode ? 30 : 1) / 500), place(event));
    redraw();
  }, { passive: false });

  function rotate(right, down) {
    const mix = (u, a, v, b) => u.map((n, i) => a * n + b * v[i]);
    const [x, y, z] = [0, 3, 6].map((i) => turn.slice(i, i + 3));
    const [c, s, d, t] = [Math.cos(right), Math.sin(right), Math.cos(down), Math.sin(down)];
    const near = mix(z, c, x, -s);
    turn = [...mix(x, c, z, s), ...mix(y, d, near, -t), ...mix(near, d, y, t)];
  }

  function magnify(by, [x, y]) { // what lies under the finger stays there
    const from = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
    shift = shift.map((n, i) => from[i] - (from[i] - n) * by);
    zoom *= by;
  }

  function draw() {
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    waiting = 0;
    if (!w) return;
    zoom ||= 0.95 * Math.min(w / scene.span[0], h / scene.span[1]);
    [canvas.width, canvas.height] = [w, h].map((n) => Math.round(n * devicePixelRatio));
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(at("turn"), true, turn);
    gl.uniform2f(at("scale"), 2 * zoom / w, 2 * zoom / h);
    gl.uniform2f(at("shift"), 2 * shift[0] / w, -2 * shift[1] / h);
    gl.uniform2f(at("pixel"), 2 / w, 2 / h);
    for (const [i, { corners, cells, colour, array }] of objects.entries()) {
      if (!switches[i].checked) continue;
      gl.uniform3fv(at("colour"), colour);
      gl.uniform1i(at("line"), corners == 2);
      gl.bindVertexArray(array);
      if (corners == 3) gl.drawElements(gl.TRIANGLES, cells.length, gl.UNSIGNED_INT, 0);
      else gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, cells.length / 2);
    }
    const fifth = w / 5 * scene.nm / zoom, ten = 10 ** Math.floor(Math.log10(fifth));
    const nm = ten * (fifth < 2 * ten ? 1 : fifth < 5 * ten ? 2 : 5);
    bar.style.width = `${nm / scene.nm * zoom}px`;
    bar.textContent = nm < 1000 ? `${nm} nm` : `${nm / 1000} µm`;
  }

  function upload(corners, cells, points) {
    const array = gl.createVertexArray(), surface = corners == 3;
    const ends = (one) => Float32Array.from({ length: 1.5 * cells.length }, (_, i) =>
      points[3 * cells[2 * Math.floor(i / 3) + one] + i % 3]);
    gl.bindVertexArray(array);
    (surface ? [points, normals(cells, points)] : [ends(0), ends(1)]).forEach((values, slot) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, 3, gl.FLOAT, false, 0, 0);
      gl.vertexAttribDivisor(slot, surface ? 0 : 1);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, cells, gl.STATIC_DRAW);
    return array;
  }

  function normals(cells, points) { // of a corner: the sum over its triangles, by their areas
    const sums = new Float32Array(points.length);
    for (let i = 0; i < cells.length; i += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => 3 * cells[i + k]);
      const [u, v] = [b, c].map((p) => [0, 1, 2].map((k) => points[p + k] - points[a + k]));
      for (let k = 0, l = 1, m = 2; k < 3; [k, l, m] = [k + 1, m, k])
        for (const p of [a, b, c]) sums[p + k] += u[l] * v[m] - u[m] * v[l];
    }
    return sums;
  }

  async function unpack(text) {
    const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = await new Response(stream).arrayBuffer();
    let from = 0;
    const numbers = (rows, columns) => { // written as differences from the row above
      const out = new Int32Array(bytes, from, rows * columns);
      for (let i = columns; i < out.length; i++) out[i] += out[i - columns];
      from += out.byteLength;
      return out;
    };
    return scene.objects.map((object) => {
      const points = Float32Array.from(numbers(object.points, 3), (n, i) =>
        (n - scene.middle[i % 3]) / (i % 3 ? -scene.radius : scene.radius)); // y, z turned over
      const cells = numbers(object.cells, object.corners);
      return { ...object, cells, array: upload(object.corners, cells, points) };
    });
  }
})(document.currentScript.parentElement);
