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
 * @param kc depth of a weight tile: k is cut into equal parts of at most this
 * @param mc rows of x in a unit of work, a multiple of MR: x [MC, KC] and y [MC, NR] stay near while panels go by
 */
record Blocks(int kc, int mc) {
    static final Blocks OF_MACHINE = of(Machine.L2_BYTES, FloatTile.NR);

    static Blocks of(int l2Bytes, int nr) {
        int kc = Math.clamp(l2Bytes / 4 / (nr * Float.BYTES) / 64 * 64, 128, 1024);
        int mc = Math.clamp(l2Bytes / 2 / (kc * Float.BYTES), 120, 510) / FloatTile.MR * FloatTile.MR;
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
