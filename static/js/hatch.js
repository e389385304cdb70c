// A slanted stroke over the whole height: nothing was recorded here.
export function hatch(context, x, width, height, colour) {
  context.globalAlpha = 0.7;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, width / 6);
  context.beginPath();
  context.moveTo(x, height * 0.8);
  context.lineTo(x + width, height * 0.2);
  context.stroke();
}
