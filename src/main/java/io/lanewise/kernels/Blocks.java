package io.lanewise.kernels;

import io.lanewise.parallel.Machine;

/**
 * The block sizes of the macro loops, as data of the vector width and the caches. The tile itself, MR × NR, belongs to
 * {@link FloatTile}.
 *
 * <p>A sweep multiplies one weight tile [KC, NR] with many rows of x. The weight tile is read again for every MR rows,
 * 4·NR bytes a k in 4·NR·MR/(2 · lanes · 4) cycles, which is 21 bytes a cycle at 512 bits: L2 gives that, so the tile
 * may fill a quarter of L2 and leave the rest to x and y.
 *
 * <p>Rows of x come from behind L2 whatever their number: 3 MB for 512 rows of 1,536. What a unit pays for is its first sweep,
 * which waits for the weights (7 % of 252 rows of 1,536, 3 % of 512), and the start of every tile, so both sizes are as large as
 * the caches let them be. docs/performance.md has figures, most for and one against.
 *
 * @param kc depth of a weight tile: k is cut into equal parts of at most this
 * @param mc most rows of x in a unit of work, a multiple of MR: y [MC, NR] fills an eighth of L2
 */
record Blocks(int kc, int mc) {
    static final Blocks OF_MACHINE = of(Machine.L2_BYTES, FloatTile.NR);

    static Blocks of(int l2Bytes, int nr) {
        int row = nr * Float.BYTES;
        int kc = Math.clamp(l2Bytes / 4 / row / 64 * 64, 128, 2048);
        int mc = Math.clamp(l2Bytes / 8 / row, 120, 1020) / FloatTile.MR * FloatTile.MR;
        return new Blocks(kc, mc);
    }

    /**
     * The depth of each part when {@code inDim} is cut into as few equal parts as fit in {@link #kc}: whole blocks of 32,
     * so that no block of quantised weights is cut.
     */
    int depth(int inDim) {
        int parts = Math.max(1, (inDim + kc - 1) / kc);
        return Math.max(1, (inDim + 32 * parts - 1) / (32 * parts)) * 32;
    }
}
