package io.lanewise.kernels;

import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * y = act(x Wᵀ + bias) (+ y) for any number of weight matrices, of one x or of several, in one parallel stage. One a
 * session, used by one thread at a time; it owns its scratch memory and allocates nothing a call:
 *
 * <pre>{@code
 *   matmul.begin(x, 0, dim, rows, dim);
 *   matmul.add(wq, null, Activation.NONE, false, q, 0, qDim);
 *   matmul.add(wk, null, Activation.NONE, false, k, 0, kvDim);
 *   matmul.run();
 * }</pre>
 *
 * <p>{@link #input} between products gives those that follow another x, as the experts of a mixture have.
 *
 * <p>The macro loops: a unit of work is one weight panel [K, NR] and up to MC rows of x. Its k is cut into blocks of KC;
 * each block of the panel is unpacked to floats in L2 where it is not F32, and swept over the rows by
 * {@link FloatTile}. The sums of an element depend on K and KC alone: not on the number of threads, on rows
 * multiplied beside it, or on how rows are cut into units.
 *
 * <p>y must not overlap x. All offsets and strides count floats.
 */
public final class Matmul {
    private static final int NR = FloatTile.NR;
    private static final int MR = FloatTile.MR;
    private static final long PANEL_STRIDE = NR * (long) Float.BYTES;
    /** Rows of a unit that are multiplied one by one: each takes as much room as several of x. */
    private static final int MOST_ROWS_ALONE = 8;
    /** So many at least, or the thread that is done first waits too long for the others. */
    private static final int UNITS_A_THREAD = 8;

    private final Team team;
    private final int maxRows;
    private final int maxInDim;
    private final Blocks blocks = Blocks.OF_MACHINE;
    private final Scratch[] scratch;
    private final StageBody body = this::runUnits;

    private final Claims claims;

    private MemorySegment x = MemorySegment.NULL;
    private long xOffset;
    private long xStride;
    private int rows = -1;
    private int inDim;
    /** Counts x's, of this call and of those before. */
    private int input;

    private Product[] products = new Product[16];
    private int productCount;
    private int panels;
    private boolean rowsAlone;

    /**
     * @param arena one that all threads of the team may use, such as {@code Arena.ofShared()}
     * @param maxRows most rows of x a call
     * @param maxInDim longest row of x
     */
    public Matmul(Arena arena, Team team, int maxRows, int maxInDim) {
        if (maxRows < 1 || maxInDim < 1) {
            throw new IllegalArgumentException(
                    "Matmul: expected maxRows and maxInDim of at least 1, got " + maxRows + ", " + maxInDim);
        }
        this.team = team;
        this.maxRows = maxRows;
        this.maxInDim = maxInDim;
        this.claims = new Claims(team.threads());
        this.scratch = new Scratch[team.threads()];
        for (int worker = 0; worker < scratch.length; worker++) {
            scratch[worker] = new Scratch(arena, blocks, Math.min(maxRows, blocks.mc()));
        }
        for (int i = 0; i < products.length; i++) {
            products[i] = new Product();
        }
    }

    /** One y = act(x Wᵀ + bias) (+ y) of a call. */
    private static final class Product {
        private MemorySegment x;
        private long xOffset;
        private long xStride;
        private int rows;
        private int inDim;
        /** The number of its x. */
        private int input;
        /** Whether rows are multiplied one by one. */
        private boolean rowByRow;
        private PackedMatrix w;
        private MemorySegment bias;
        private Activation activation;
        private boolean addToY;
        private MemorySegment y;
        private long yOffset;
        private long yStride;
        private int panels;
        private int rowsPerUnit;
        /** Units of a panel. */
        private int rowBlocks;
        /** Units of the products before this one. */
        private int firstUnit;
    }

    /** Memory of one worker. */
    private static final class Scratch {
        /** A weight tile [KC, NR], unpacked. */
        private final MemorySegment weights;
        /** A result tile [MR, NR]. */
        private final MemorySegment tile;
        /** Rows of x [MR, KC], where there are fewer than a tile has. */
        private final MemorySegment fewRows;
        /** Sums [MC, NR] that cannot go to y at once. */
        private final MemorySegment sums;
        /** The sums of up beside those of gate. */
        private final MemorySegment ups;
        private final UnpackScratch unpacking;
        /** Rows of x. */
        private final RowInputs inputs;

        Scratch(Arena arena, Blocks blocks, int maxRows) {
            weights = arena.allocate(blocks.kc() * PANEL_STRIDE, Tensor.ALIGNMENT);
            tile = arena.allocate(MR * PANEL_STRIDE, Tensor.ALIGNMENT);
            fewRows = arena.allocate(MR * (long) Float.BYTES * blocks.kc(), Tensor.ALIGNMENT);
            sums = arena.allocate(maxRows * PANEL_STRIDE, Tensor.ALIGNMENT);
            ups = arena.allocate(maxRows * PANEL_STRIDE, Tensor.ALIGNMENT);
            unpacking = new UnpackScratch(arena, blocks.kc());
            inputs = new RowInputs(arena, MOST_ROWS_ALONE);
        }
    }

    /**
     * Starts a call with x [rows, inDim], dropping what an unfinished one had added.
     *
     * @throws IllegalArgumentException if rows or inDim exceed what this Matmul was made for
     * @throws IndexOutOfBoundsException if x leaves its segment
     */
    public void begin(MemorySegment x, long xOffset, long xStride, int rows, int inDim) {
        forget();
        input(x, xOffset, xStride, rows, inDim);
    }

    /**
     * Another x [rows, inDim] for the products that are added from here on; those before keep theirs.
     *
     * @throws IllegalArgumentException if rows or inDim exceed what this Matmul was made for
     * @throws IndexOutOfBoundsException if x leaves its segment
     */
    public void input(MemorySegment x, long xOffset, long xStride, int rows, int inDim) {
        if (rows < 0 || rows > maxRows || inDim < 0 || inDim > maxInDim) {
            throw new IllegalArgumentException("begin: x [" + rows + ", " + inDim + "] does not fit this Matmul of up to ["
                    + maxRows + ", " + maxInDim + "]");
        }
        checkRange("x", x, xOffset, xStride, rows, inDim);
        this.x = x;
        this.xOffset = xOffset;
        this.xStride = xStride;
        this.rows = rows;
        this.inDim = inDim;
        this.input++;
    }

    /**
     * Adds a product with the x of {@link #begin}: y [rows, out] = activation(x Wᵀ + bias), for a gated matrix
     * activation(x Gateᵀ)·(x Upᵀ).
     *
     * @param bias [out] floats, or null; null for gated matrices
     * @param addToY adds to what y holds instead of replacing it
     * @throws IllegalArgumentException on shapes that do not match
     * @throws IndexOutOfBoundsException if y leaves its segment
     */
    public void add(PackedMatrix w, MemorySegment bias, Activation activation, boolean addToY, MemorySegment y,
            long yOffset, long yStride) {
        if (rows < 0) {
            throw new IllegalStateException("add: call begin first");
        }
        if (w.inDim() != inDim) {
            throw new IllegalArgumentException("add: w is " + w + ", x is F32 [" + rows + ", " + inDim + "]");
        }
        if (bias != null && (w.gated() || bias.byteSize() < 4L * w.outDim())) {
            throw new IllegalArgumentException("add: w is " + w + ", bias has " + bias.byteSize() / 4 + " floats; expected "
                    + (w.gated() ? "none for a gated matrix" : "one a row of w"));
        }
        checkRange("y", y, yOffset, yStride, rows, w.outDim());
        if (productCount == products.length) {
            growProducts();
        }
        Product product = products[productCount++];
        product.x = x;
        product.xOffset = xOffset;
        product.xStride = xStride;
        product.rows = rows;
        product.inDim = inDim;
        product.input = input;
        product.w = w;
        product.bias = bias;
        product.activation = activation;
        product.addToY = addToY;
        product.y = y;
        product.yOffset = yOffset;
        product.yStride = yStride;
        product.panels = rows == 0 ? 0 : w.columnPanels();
        PanelFormat format = w.format();
        product.rowByRow = rows > 0 && inDim > 0 && format.fewRows() > 0
                && (rows <= format.fewRows() || rowsAlone && format.takesRowsWhole());
        panels = Math.addExact(panels, product.panels);
    }

    private void growProducts() {
        int had = products.length;
        products = Arrays.copyOf(products, 2 * had);
        for (int i = had; i < products.length; i++) {
            products[i] = new Product();
        }
    }

    private static void checkRange(String name, MemorySegment segment, long offset, long stride, int rows, int cols) {
        if (rows == 0 || cols == 0) {
            return;
        }
        long floats = segment.byteSize() / Float.BYTES;
        if (offset < 0 || stride < (rows == 1 ? 0 : cols) || offset > floats - cols
                || (rows - 1) > (floats - cols - offset) / Math.max(1, stride)) {
            throw new IndexOutOfBoundsException("Matmul: " + name + " [" + rows + ", " + cols + "] at offset " + offset
                    + ", stride " + stride + ", leaves its segment of " + floats + " floats");
        }
    }

    /**
     * From here on, whether every row gets the bits that it gets where it is the only one. Some types sum a single row in
     * an order of its own; then a panel serves several rows one after the other out of the cache, which is slower than
     * sweeping it over them and still far faster than reading the weights again for each.
     */
    public void setRowsAlone(boolean rowsAlone) {
        this.rowsAlone = rowsAlone;
    }

    /** Computes all products added since {@link #begin}, in one stage. */
    public void run() {
        if (rows < 0) {
            throw new IllegalStateException("run: call begin first");
        }
        try {
            if (panels > 0) {
                int units = cut();
                claims.reset(units);
                team.enter();
                try {
                    team.run(Math.min(units, team.threads()), 1, body);
                } finally {
                    team.exit();
                }
            }
        } finally {
            forget();
        }
    }

    /** Drops references to the caller's memory. */
    private void forget() {
        for (int i = 0; i < productCount; i++) {
            products[i].x = null;
            products[i].w = null;
            products[i].bias = null;
            products[i].y = null;
        }
        productCount = 0;
        panels = 0;
        x = MemorySegment.NULL;
        rows = -1;
    }

    /** Cuts every product into units; returns how many there are. */
    private int cut() {
        int units = 0;
        for (int i = 0; i < productCount; i++) {
            Product product = products[i];
            product.rowsPerUnit = product.rowByRow ? Math.min(product.rows, MOST_ROWS_ALONE)
                    : rowsPerUnit(Math.max(1, product.rows));
            product.firstUnit = units;
            product.rowBlocks = (product.rows + product.rowsPerUnit - 1) / product.rowsPerUnit;
            units = Math.addExact(units, Math.multiplyExact(product.rowBlocks, product.panels));
        }
        return units;
    }

    /**
     * Equal parts of at most MC rows, and more of them where panels alone would not keep all threads busy to the end. The parts
     * of a panel follow each other, so that the later ones find its weights in L2.
     */
    private int rowsPerUnit(int rows) {
        int cuts = (rows + blocks.mc() - 1) / blocks.mc();
        if (team.threads() > 1) {
            int wanted = (UNITS_A_THREAD * team.threads() + panels - 1) / panels;
            int most = Math.max(1, rows / (8 * MR));
            cuts = Math.max(cuts, Math.min(wanted, most));
        }
        int perCut = (rows + cuts - 1) / cuts;
        return Math.min(blocks.mc(), (perCut + MR - 1) / MR * MR);
    }

    /**
     * Units for as long as there are any, whoever they were meant for. What the team hands out is only a call a worker: handed
     * out by the team, units of 4 µs lost 5 % to counters that both threads wrote to.
     */
    private void runUnits(int from, int to, int worker) {
        for (int unit = claims.next(worker); unit >= 0; unit = claims.next(worker)) {
            Product product = products[productOf(unit)];
            int own = unit - product.firstUnit;
            int firstRow = own % product.rowBlocks * product.rowsPerUnit;
            int count = Math.min(product.rowsPerUnit, product.rows - firstRow);
            runUnit(product, own / product.rowBlocks, firstRow, count, scratch[worker]);
        }
    }

    /** The last product that begins at or before a unit: one without units never holds it. */
    private int productOf(int unit) {
        int low = 0;
        int high = productCount - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (products[middle].firstUnit <= unit) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** y [count rows from firstRow, NR columns of one panel]. */
    private void runUnit(Product product, int panel, int firstRow, int count, Scratch own) {
        int cols = Math.min(NR, product.w.outDim() - panel * NR);
        long column = (long) panel * NR;
        long y0 = product.yOffset + firstRow * product.yStride + column;
        if (product.w.gated()) {
            sweep(product, 2 * panel, firstRow, count, own, own.sums, 0, NR, cols, false);
            sweep(product, 2 * panel + 1, firstRow, count, own, own.ups, 0, NR, cols, false);
            Epilogue.gate(product.activation, own.sums, own.ups, count, cols, product.addToY, product.y, y0,
                    product.yStride);
        } else if (product.addToY && product.activation != Activation.NONE) {
            sweep(product, panel, firstRow, count, own, own.sums, 0, NR, cols, false);
            Epilogue.finish(product.bias, column, product.activation, own.sums, 0, NR, count, cols);
            Epilogue.add(own.sums, 0, count, cols, product.y, y0, product.yStride);
        } else {
            sweep(product, panel, firstRow, count, own, product.y, y0, product.yStride, cols, product.addToY);
            Epilogue.finish(product.bias, column, product.activation, product.y, y0, product.yStride, count, cols);
        }
    }

    /** c [count, cols] = (c +) x [count rows from firstRow, K] · panel. */
    private void sweep(Product product, int panel, int firstRow, int count, Scratch own, MemorySegment c, long c0,
            long cStride, int cols, boolean add) {
        if (product.inDim == 0) {
            Epilogue.clear(add ? 0 : count, cols, c, c0, cStride);
        } else if (product.rowByRow && product.w.format().multipliesRows(product.w, panel)) {
            own.inputs.hold(product.input, firstRow, product.w.format().rowForm(), product.x, product.xOffset, product.xStride,
                    count, product.inDim);
            for (int row = 0; row < count; row++) {
                multiplyRow(product, panel, own.inputs.get(row), own.tile, c, c0 + row * cStride, cols, add);
            }
        } else {
            sweepBlocks(product, panel, firstRow, count, own, c, c0, cStride, cols, add);
        }
    }

    /** c [cols] = (c +) one row of x · panel. */
    private void multiplyRow(Product product, int panel, RowInput x, MemorySegment tile, MemorySegment c, long c0, int cols,
            boolean add) {
        PackedMatrix w = product.w;
        int depth = w.format().takesRowsWhole() ? product.inDim : blocks.depth(product.inDim);
        for (int k0 = 0; k0 < product.inDim; k0 += depth) {
            int k = Math.min(depth, product.inDim - k0);
            if (k0 == 0 && !add && cols == NR) {
                w.format().multiplyRow(x, w, panel, k0, k, c, c0 << 2);
            } else {
                w.format().multiplyRow(x, w, panel, k0, k, tile, 0);
                Epilogue.store(tile, 0, 1, cols, k0 == 0 && !add, c, c0, 0);
            }
        }
    }

    /** c [count, cols] = (c +) x [count rows from firstRow, K] · panel, k block by k block. */
    private void sweepBlocks(Product product, int panel, int firstRow, int count, Scratch own, MemorySegment c, long c0,
            long cStride, int cols, boolean add) {
        PackedMatrix w = product.w;
        int depth = blocks.depth(product.inDim);
        long x0 = (product.xOffset + firstRow * product.xStride) << 2;
        long xStep = product.xStride << 2;
        for (int k0 = 0; k0 < product.inDim; k0 += depth) {
            int k = Math.min(depth, product.inDim - k0);
            boolean replace = k0 == 0 && !add;
            boolean direct = replace && cols == NR;
            MemorySegment weights = own.weights;
            long w0 = 0;
            if (w.format().isFloat()) {
                weights = w.memory();
                w0 = panel * FloatPanels.panelBytes(product.inDim) + k0 * PANEL_STRIDE;
            } else {
                w.format().unpack(w, panel, k0, k, own.weights, own.unpacking);
            }
            sweepTile(product.x, xStep, firstRow, weights, w0, k, x0 + 4L * k0, count, own, c, c0, cStride, cols, direct,
                    replace);
        }
    }

    /**
     * c [count, cols] = (c +) x [count, depth] · weights [depth, NR]; x0 and w0 count bytes. {@code before} rows of x lie before
     * these: where fewer than a tile has are left, it takes some of them once more, or what lies behind a copy of all.
     */
    private static void sweepTile(MemorySegment x, long xStep, int before, MemorySegment weights, long w0, int depth, long x0,
            int count, Scratch own, MemorySegment c, long c0, long cStride, int cols, boolean direct, boolean replace) {
        for (int row = 0; row < count; row += MR) {
            int left = Math.min(MR, count - row);
            int again = MR - left;
            long xRow = x0 + row * xStep;
            long cRow = c0 + row * cStride;
            if (direct && again == 0) {
                FloatTile.multiply(x, xRow, xStep, weights, w0, depth, c, cRow << 2, cStride << 2);
            } else if (direct && count == 1 && before == 0) {
                FloatTile.multiplyRow(x, xRow, weights, w0, depth, c, cRow << 2);
            } else if (before + row >= again) {
                FloatTile.multiply(x, xRow - again * xStep, xStep, weights, w0, depth, own.tile, 0, PANEL_STRIDE);
                Epilogue.store(own.tile, again, left, cols, replace, c, cRow, cStride);
            } else if (count == 1) {
                FloatTile.multiplyRow(x, xRow, weights, w0, depth, own.tile, 0);
                Epilogue.store(own.tile, 0, 1, cols, replace, c, cRow, cStride);
            } else {
                Panels.copyRows(x, xRow >> 2, xStep >> 2, left, depth, own.fewRows, 0, depth);
                FloatTile.multiply(own.fewRows, 0, 4L * depth, weights, w0, depth, own.tile, 0, PANEL_STRIDE);
                Epilogue.store(own.tile, 0, left, cols, replace, c, cRow, cStride);
            }
        }
    }
}
