// A list scrolls by itself while something is dragged near its upper or lower edge.

const near = 56; // px from the edge
const most = 18; // px for each frame, at the edge itself

/** How far to scroll in this frame; 0: the pointer isn't near an edge. */
export function edgeStep(y: number, top: number, bottom: number): number {
  const above = Math.min(1, (top + near - y) / near);
  const below = Math.min(1, (y - bottom + near) / near);
  if (above > 0 && above >= below) return -Math.ceil(above * most);
  return below > 0 ? Math.ceil(below * most) : 0;
}
