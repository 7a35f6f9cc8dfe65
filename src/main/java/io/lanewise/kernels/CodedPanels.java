package io.lanewise.kernels;

import static io.lanewise.kernels.NormalHalf.BITS;

import io.lanewise.kernels.BlockScales.Minima;
import io.lanewise.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Panels of weights that are codes of 2 to 6 bits times scales, one row of {@link #all} a type: {@link RawBlocks} takes files'
 * blocks apart, {@link CodePacking} and {@link BlockScales} lay codes and scales out. A few rows of x are multiplied with the
 * packed codes, in a {@link RowForm}; for more, a panel is unpacked to floats.
 */
final class CodedPanels extends PanelFormat {
    /** So many rows read the packed weights one after the other, the later ones from L2; of more, unpacking once is repaid. */
    static final int FEW_ROWS = 8;

    private static final int NR = FloatTile.NR;
    private static final int LANES = Lanes.FLOATS;
    private static final int BYTES = Lanes.BITS / 8;
    private static final int PAIRS = CodePacking.PAIRS;

    /** One row of x by one panel; the parameters are those of {@link FourRow#supers}. */
    @FunctionalInterface
    private interface Kernel {
        void multiply(RowInput x, MemorySegment w, long w0, long w1, long step, long s0, long s1, long scaleStep, long subAt,
                int inDim, MemorySegment c, long c0);
    }

    private final DType dtype;
    private final RawBlocks raw;
    private final CodePacking packing;
    private final BlockScales scales;
    /** The code of 0 where there are no minima. */
    private final int zero;
    /** What codes stand for, or null for themselves. */
    private final int[] book;
    private final RowForm form;
    private final Kernel kernel;
    /**
     * Whether minima are added by a pass of their own: kernels of super-blocks take them along, but for that of 5 bits, for which
     * C1 would run out of registers, so that it would never be compiled at all.
     */
    private final boolean minimaApart;

    private CodedPanels(DType dtype, RawBlocks raw, CodePacking packing, BlockScales scales, int zero, byte[] book, RowForm form,
            Kernel kernel) {
        this.dtype = dtype;
        this.raw = raw;
        this.packing = packing;
        this.scales = scales;
        this.zero = zero;
        this.book = book == null ? null : new int[book.length];
        for (int i = 0; book != null && i < book.length; i++) {
            this.book[i] = book[i];
        }
        this.form = form;
        this.kernel = kernel;
        this.minimaApart = scales.hasMinima() && (raw.length() == scales.block() || packing == CodePacking.FIVE);
    }

    /** One format a type. */
    static List<CodedPanels> all() {
        RowForm four = new CodeForm(32, 8, 8, false, 16, FourRow::expand);
        RowForm fourAndMinimum = new CodeForm(32, 8, 8, true, 16, FourRow::expand);
        RowForm five = new CodeForm(32, 16, 16, false, 20, FiveRow::expand);
        RowForm fiveAndMinimum = new CodeForm(32, 16, 16, true, 20, FiveRow::expand);
        RowForm iq4 = new TableForm(SmallBlocks.IQ4_VALUES);
        RowForm e2m1 = new TableForm(SmallBlocks.E2M1_DOUBLED);
        Kernel fourHalves = (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> FourRow.halves(x.coefficients, x.starts,
                x.scales, x.centers, w, w0, w1, step, s0, s1, size, n / 8, BITS, c, c0);
        Kernel fiveHalves = (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> FiveRow.halves(x.coefficients, x.starts,
                x.scales, x.centers, w, w0, w1, step, s0, s1, size, n / 16, BITS, c, c0);
        Kernel tableHalves = (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> TableRow.halves(x.tables, x.scales, w, w0, w1,
                step, s0, s1, size, n / 8, BITS, c, c0);
        return List.of(
                linear(DType.Q4_0, RawBlocks.Q4_0, CodePacking.FOUR, 1, Minima.NONE, 8, four, fourHalves),
                linear(DType.Q4_1, RawBlocks.Q4_1, CodePacking.FOUR, 1, Minima.ADDED, 0, fourAndMinimum, fourHalves),
                linear(DType.Q5_0, RawBlocks.Q5_0, CodePacking.FIVE, 1, Minima.NONE, 16, five, fiveHalves),
                linear(DType.Q5_1, RawBlocks.Q5_1, CodePacking.FIVE, 1, Minima.ADDED, 0, fiveAndMinimum, fiveHalves),
                q2K(),
                q3K(),
                linear(DType.Q4_K, RawBlocks.Q4_K, CodePacking.FOUR, 8, Minima.SUBTRACTED, 0, fourAndMinimum,
                        (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> FourRow.supers(x.coefficients, x.starts, x.scales,
                                x.centers, x.sums, w, w0, w1, step, s0, s1, size, sub, n / 8, BITS, c, c0)),
                linear(DType.Q5_K, RawBlocks.Q5_K, CodePacking.FIVE, 8, Minima.SUBTRACTED, 0, fiveAndMinimum,
                        (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> FiveRow.supers(x.coefficients, x.starts, x.scales,
                                x.centers, w, w0, w1, step, s0, s1, size, sub, n / 16, BITS, c, c0)),
                linear(DType.Q6_K, RawBlocks.Q6_K, CodePacking.SIX, 16, Minima.NONE, 32,
                        new CodeForm(16, 32, 32, false, 20, SixRow::expand),
                        (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> SixRow.supers(x.coefficients, x.starts, x.scales,
                                x.centers, w, w0, w1, step, s0, s1, size, sub, n / 8, BITS, c, c0)),
                book(DType.IQ4_NL, RawBlocks.IQ4_NL, 1, SmallBlocks.IQ4_VALUES, iq4, tableHalves),
                book(DType.MXFP4, RawBlocks.MXFP4, 1, SmallBlocks.E2M1_DOUBLED, e2m1, tableHalves),
                book(DType.IQ4_XS, RawBlocks.IQ4_XS, 8, SmallBlocks.IQ4_VALUES, iq4,
                        (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> TableRow.supers(x.tables, x.scales, w, w0, w1, step,
                                s0, s1, size, sub, n / 8, BITS, c, c0)));
    }

    private static CodedPanels q2K() {
        if (Lanes.BITS == 512) {
            return linear(DType.Q2_K, RawBlocks.Q2_K, CodePacking.TWO, 16, Minima.SUBTRACTED_JOINED, 0, new PairForm(false),
                    (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> PairRow.two(x.tables, x.scales, x.sums, w, w0, w1, step,
                            s0, s1, size, sub, n / 16, BITS, c, c0));
        }
        return linear(DType.Q2_K, RawBlocks.Q2_K, CodePacking.TWO, 16, Minima.SUBTRACTED_JOINED, 0,
                new CodeForm(16, 2, 2, true, 16, TwoRow::expand),
                (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> TwoRow.supers(x.coefficients, x.starts, x.scales,
                        x.centers, x.sums, w, w0, w1, step, s0, s1, size, sub, n / 16, BITS, c, c0));
    }

    private static CodedPanels q3K() {
        if (Lanes.BITS == 512) {
            return linear(DType.Q3_K, RawBlocks.Q3_K, CodePacking.PLANES, 16, Minima.NONE, 4, new PairForm(true),
                    (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> PairRow.three(x.tables, x.scales, w, w0, w1, step, s0,
                            s1, size, sub, n / 16, BITS, c, c0));
        }
        return linear(DType.Q3_K, RawBlocks.Q3_K, CodePacking.THREE, 16, Minima.NONE, 4,
                new CodeForm(16, 4, 4, false, 18, ThreeRow::expand),
                (x, w, w0, w1, step, s0, s1, size, sub, n, c, c0) -> ThreeRow.supers(x.coefficients, x.starts, x.scales,
                        x.centers, w, w0, w1, step, s0, s1, size, sub, n / 16, BITS, c, c0));
    }

    private static CodedPanels linear(DType dtype, RawBlocks raw, CodePacking packing, int parts, Minima minima, int zero,
            RowForm form, Kernel kernel) {
        return new CodedPanels(dtype, raw, packing, new BlockScales(raw, parts, minima), zero, null, form, kernel);
    }

    private static CodedPanels book(DType dtype, RawBlocks raw, int parts, byte[] book, RowForm form, Kernel kernel) {
        return new CodedPanels(dtype, raw, CodePacking.FOUR, new BlockScales(raw, parts, Minima.NONE), 0, book, form, kernel);
    }

    DType dtype() {
        return dtype;
    }

    private long scalesAt(PackedMatrix w, int panel, int pair) {
        return packing.streams() * packing.step(w) + panel * scales.bytes(w.inDim()) + pair * scales.superBytes();
    }

    @Override
    long bytes(int inDim, int panels) {
        return panels * (packing.streams() * packing.run(inDim) + scales.bytes(inDim));
    }

    /** A row of codes, a byte each. */
    @Override
    long packScratch(int inDim) {
        return inDim;
    }

    @Override
    boolean pack(MemorySegment rows, int count, PackedMatrix to, int panel, MemorySegment scratch) {
        boolean held = true;
        int blocks = to.inDim() / raw.length();
        for (int row = 0; row < NR; row++) {
            long scale = scalesAt(to, panel, row / (2 * LANES)) + row % LANES * 4L + row / LANES % 2 * 2L;
            if (row < count) {
                long from = (long) row * blocks * raw.bytes();
                for (int block = 0; block < blocks; block++) {
                    raw.codes(rows, from + (long) block * raw.bytes(), scratch, (long) block * raw.length());
                }
                packing.packRow(scratch, 0, to, panel, row);
                held &= scales.packRow(rows, from, to.inDim(), to.memory(), scale);
            } else {
                packing.packRow(MemorySegment.NULL, 0, to, panel, row);
                scales.clearRow(to.inDim(), to.memory(), scale);
            }
        }
        return held;
    }

    @Override
    void unpack(PackedMatrix w, int panel, int k0, int depth, MemorySegment tile, UnpackScratch scratch) {
        int block = scales.block();
        for (int pair = 0; pair < PAIRS; pair++) {
            scales.unpack(w.memory(), scalesAt(w, panel, pair), k0 / block, depth / block, zero, scratch.scales, scratch.offsets,
                    2L * pair * BYTES);
        }
        packing.unpack(w, panel, k0, depth, book, scratch.scales, scratch.offsets, block, tile);
    }

    /** Tables take vectors of 512 bits. */
    @Override
    int fewRows() {
        return book == null || Lanes.BITS == 512 ? FEW_ROWS : 0;
    }

    @Override
    boolean takesRowsWhole() {
        return true;
    }

    @Override
    RowForm rowForm() {
        return form;
    }

    @Override
    void multiplyRow(RowInput x, PackedMatrix w, int panel, int k0, int depth, MemorySegment c, long c0) {
        long s0 = scalesAt(w, panel, 0);
        long s1 = scalesAt(w, panel, PAIRS - 1);
        kernel.multiply(x, w.memory(), packing.at(w, panel, 0, 0), packing.at(w, panel, PAIRS - 1, 0), packing.step(w), s0, s1,
                scales.step(), scales.subAt(), w.inDim(), c, c0);
        if (minimaApart) {
            int blocks = w.inDim() / scales.block();
            scales.addMinima(x.sums, blocks, w.memory(), s0, c, c0);
            if (PAIRS == 2) {
                scales.addMinima(x.sums, blocks, w.memory(), s1, c, c0 + 2 * BYTES);
            }
        }
    }
}
